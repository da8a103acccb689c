"""From probabilities to numbers, and how far each number can be trusted.

metrics.py               scikit-learn's numbers, faster; Wilson's interval and McNemar's test
predictions.py           what a run answered, image by image; the lazy and the constant answer
calibration.py           can its probabilities be believed? Reliability bins, Brier score, log loss
curves.py                precision-recall and ROC curves, thinned to what a drawing needs
operating_point.py       from how sure on does yes count as yes? Chosen on validation
overfitting.py           learned too long, not long enough or just right, from loss curves
run_artifacts.py         what train and evaluate leave of one run, and of a study of all runs
bootstrap.py             counting metrics on resampled images
intervals.py             95 % intervals of one run's metrics and of two runs' differences
auc_intervals.py         the same of average precision and ROC AUC
seeds.py                 runs that differ in their seed alone: one method
comparison.py            methods against each other, every metric at once
joint_errors.py          how the errors of all methods and metrics go together
simultaneous.py          intervals of all differences of a study that hold together
confusion.py             which classes are confused, and which test images to look at
comparison_artifacts.py  what compare leaves: comparison and verdicts, and reading them
selection.py             how much too good the validation numbers of the best of many trials are
parameter_importance.py  which parameters that were searched the order of trials goes with
sweep_results.py         what came of each sweep: results.json
formatting.py            numbers in the words of people

metrics.py imports nothing of the library but artifacts: the stage `train` depends on that one file.
"""
