"""Predictions to numbers, beside the lazy baseline's."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import dataset_card, files, manifest
from secondlook.config.errors import DataError, ParamsError
from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.run_artifacts import RunResult
from stages import evaluate
from tests.support.project import ROOT
from tests.support.report import IMAGE_COUNTS, write_evaluated_runs


@pytest.fixture
def eights(project: Path) -> RunResult:
    """Give one evaluated run that asks whether an image is an eight."""
    write_evaluated_runs(skills={"unweighted": 1.0})
    assert project == Path.cwd()
    return run_artifacts.load_run_result("unweighted")


def load_predictions(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities of the run that `eights` built."""
    return manifest.load_labels(split), np.load("data/train/unweighted/predictions.npz")[split]


def test_scalars_are_of_the_positive_class(eights: RunResult) -> None:
    """Precision and recall are the eights', on each split."""
    from sklearn import metrics as sk

    for split in ("validation", "test"):
        labels, probabilities = load_predictions(split)
        answer = probabilities[:, 1] > probabilities[:, 0]
        assert eights.metrics[split].recall == pytest.approx(sk.recall_score(labels, answer))
        assert eights.metrics[split].precision == pytest.approx(sk.precision_score(labels, answer))


def test_the_lazy_baseline_answers_the_commonest_training_class(eights: RunResult) -> None:
    """Its accuracy is that class's share of the split, its loss the training shares' loss."""
    from sklearn import metrics as sk

    labels, _ = load_predictions("test")
    share = (labels == 0).mean()
    lazy = eights.details["test"].lazy
    assert (lazy.accuracy, eights.metrics["test"].lazy_accuracy) == pytest.approx((share, share))
    assert (lazy.precision, lazy.recall) == (None, 0)
    prior = dataset_card.load_dataset_card().training_shares[1]
    expected = sk.log_loss(labels, np.full(len(labels), prior, dtype=np.float64))
    assert lazy.log_loss == pytest.approx(expected, rel=1e-5)


def test_the_matrix_and_the_classes_agree_with_the_scalars(eights: RunResult) -> None:
    """Every image stands once in the matrix, and the diagonal is the accuracy."""
    labels, _ = load_predictions("test")
    details = eights.details["test"]
    matrix = np.array(details.confusion)
    assert matrix.sum(axis=1).tolist() == np.bincount(labels).tolist()
    assert eights.metrics["test"].accuracy == pytest.approx(matrix.trace() / matrix.sum())
    assert details.per_class["8"].recall == eights.metrics["test"].recall
    supports = [details.per_class[name].support for name in ("not 8", "8")]
    assert supports == np.bincount(labels).tolist()


def test_curves_are_scikit_learns_and_carry_their_areas(eights: RunResult) -> None:
    """The one curve is the positive class's; few points are not thinned."""
    from sklearn import metrics as sk

    labels, probabilities = load_predictions("test")
    (curves,) = eights.details["test"].curves.values()
    precision, recall, thresholds = sk.precision_recall_curve(labels, probabilities[:, 1])
    found = curves.precision_recall
    assert found.precision == pytest.approx(precision[-2::-1])
    assert found.recall == pytest.approx(recall[-2::-1])
    assert found.threshold == pytest.approx(thresholds[::-1])
    assert found.area == eights.metrics["test"].average_precision
    assert curves.roc.area == pytest.approx(sk.roc_auc_score(labels, probabilities[:, 1]))


def test_without_a_positive_class_every_class_has_a_curve(project: Path) -> None:
    """Three classes give three curves and their micro average, and macro-averaged scalars."""
    from sklearn import metrics as sk

    write_evaluated_runs(classes=["a", "b", "c"], positive=None, skills={"unweighted": 1.0})
    found = run_artifacts.load_run_result("unweighted")
    assert set(found.details["test"].curves) == {"a", "b", "c", "micro average"}
    assert found.metrics["test"].f1 == found.metrics["test"].macro_f1
    labels, probabilities = load_predictions("test")
    micro = sk.average_precision_score(np.eye(3)[labels], probabilities, average="micro")
    assert found.details["test"].curves["micro average"].precision_recall.area == (
        pytest.approx(micro)
    )
    assert project == Path.cwd()


def test_every_metric_has_an_interval(eights: RunResult) -> None:
    """Each scalar but the lazy baseline's lies within its 95 % interval."""
    for split in ("validation", "test"):
        scalars = eights.metrics[split].model_dump(exclude={"lazy_accuracy"})
        found = eights.details[split].intervals
        assert {name: interval.value for name, interval in found.items()} == pytest.approx(scalars)
        ends = np.array([(i.low, i.value, i.high) for i in found.values()], dtype=np.float64)
        assert (np.diff(ends, axis=1) >= 0).all()


def test_losses_and_calibration_agree_with_the_scalars(eights: RunResult) -> None:
    """The mean loss is the log loss, each image is in one bin, and the last edge is open."""
    details = eights.details["test"]
    assert details.losses.mean == pytest.approx(eights.metrics["test"].log_loss)
    assert len(details.losses.edges) == len(details.losses.histogram) + 1
    assert details.losses.edges[-1] is None
    assert sum(details.losses.histogram) == sum(b.count for b in details.calibration.bins) == 50
    right = sum(b.count * (b.accuracy.value or 0.0) for b in details.calibration.bins)
    assert right / 50 == pytest.approx(eights.metrics["test"].accuracy)


def test_a_training_is_diagnosed(eights: RunResult) -> None:
    """The gap is that of the curves, and without early stopping no epoch was saved."""
    fitting = eights.fitting
    assert (fitting.epochs, fitting.kept, fitting.allowed) == (6, 5, 10)
    assert fitting.saved is None
    stopped = eights.training.parameters | {"early_stopping": {"patience": 1}}
    training = eights.training.model_copy(update={"parameters": stopped})
    assert evaluate.diagnose_run(training, eights.history).saved == 10 - 6
    tuned = training.model_copy(update={"fine_tuned_after": 2})
    judged = evaluate.diagnose_run(tuned, eights.history)
    assert (judged.first, judged.last) == (3, 6)


def test_a_training_that_ran_away_is_still_evaluated(eights: RunResult) -> None:
    """Probabilities that are NaN become null, not a crash, and not a made-up number."""
    path = files.stage_folder("train", eights.name) / "predictions.npz"
    away = {split: np.full((n, 2), np.nan, np.float32) for split, n in IMAGE_COUNTS.items()}
    np.savez(path, allow_pickle=False, **away)
    evaluate.run(load_params(), eights.name)
    details = run_artifacts.load_run_result(eights.name).details["test"]
    assert details.intervals["log_loss"].value is None
    assert details.intervals["roc_auc"].value is None
    assert (details.losses.mean, details.calibration.error) == (None, None)


def test_again_is_the_same_bytes(eights: RunResult) -> None:
    """Evaluating twice writes the same three files."""
    folder, names = files.stage_folder("evaluate", eights.name), ("details", "metrics", "operating")
    written = [folder / f"{name}.json" for name in names]
    before = files.hash_files(*written)
    evaluate.run(load_params(), eights.name)
    assert files.hash_files(*written) == before
    assert sorted(folder.iterdir()) == written


def test_an_unknown_run_is_refused(project: Path) -> None:
    """A name that params.yaml does not know is told with those it does."""
    assert project == Path.cwd()
    with pytest.raises(ParamsError, match="no run 'nobody'; expected unweighted"):
        evaluate.run(load_params(), "nobody")


def test_predictions_must_fit_the_data(eights: RunResult) -> None:
    """Predictions of other data are refused, missing ones too, and say what to do."""
    path = files.stage_folder("train", eights.name) / "predictions.npz"
    np.savez(path, validation=np.zeros((3, 2)), test=np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"found \(3, 2\).*expected \(40, 2\).*run `dvc repro`"):
        evaluate.run(load_params(), eights.name)
    path.unlink()
    with pytest.raises(DataError, match="no such file; run `dvc repro`"):
        evaluate.run(load_params(), eights.name)


def test_no_run_waits_for_imports(eights: RunResult) -> None:
    """A study of forty runs starts forty times: what takes a second to import stays out of it."""
    code = (
        "import sys\n"
        "from secondlook.config.params import load_params\n"
        "from stages import evaluate\n"
        f"evaluate.run(load_params(), {eights.name!r})\n"
        "print(sorted({'sklearn', 'scipy.stats', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
