"""A library of rooms that the stages and commands of Second Look share; nothing here knows a stage.

config/        params.yaml, typed, and the errors that a user can make
artifacts/     the files that stages leave for each other, typed
data/          images: where they come from, which split they fall in, what they are like
training/      a network: built, trained, examined
evaluation/    what predictions are worth, in numbers with intervals
verdicts/      what the numbers mean, in words
report/        all of it on one page
serving/       a trained network that answers about images
tracking/      MLflow, the mirror of the files
retraining/    a scheduler's retraining: champion, challenger, gate
reproduction/  a run made again from its id
commands/      what a user types

Imports go downwards: see tests/test_architecture.py.
"""
