"""The pipeline, in the order dvc.yaml runs it.

split       decides which image is for training, validation and test    -> manifest.csv
preprocess  turns pictures into arrays of one size                      -> *.npy, facts.json
train       fits one entry of `runs:`; with TensorFlow                  -> weights, predictions
evaluate    turns predictions into numbers                              -> metrics.json
compare     tells real differences between runs from chance, in words   -> verdicts.json
report      draws the numbers of all runs on one page                   -> report.html
track       mirrors the files into MLflow                               -> mlflow.db, mlruns/

trial       one trial of a sweep, in a pipeline of its own (data/sweep/dvc.yaml) -> trial.json
"""
