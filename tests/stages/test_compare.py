"""Runs held against each other: which differences are real."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import files, manifest
from secondlook.config.errors import DataError
from secondlook.config.params import load_params
from secondlook.evaluation.comparison_artifacts import Comparison
from secondlook.evaluation.run_artifacts import Scalars
from stages import compare, evaluate
from tests.support.report import write_evaluated_runs

SKILLS = {"unweighted": 1.0, "weighted": 2.0, "overfit": 6.0}


@pytest.fixture
def three(project: Path) -> Path:
    """Give a project with three evaluated runs; weighted differs in class_weight alone."""
    write_evaluated_runs(skills=SKILLS)
    return project


def run_compare() -> Comparison:
    """Run the stage, and return what it wrote."""
    compare.run(load_params())
    return Comparison.model_validate(files.read_json(Path("data/compare/comparison.json")))


def change_run_parameters(name: str, **parameters: object) -> None:
    """Let run.json of a run tell of other parameters."""
    path = files.stage_folder("train", name) / "run.json"
    trained = files.read_json(path)
    trained["parameters"] |= parameters
    files.write_json(path, trained)


def read_metric(name: str, run: str) -> float:
    """Return a metric of a run on test, as `evaluate` wrote it."""
    found = files.read_json(files.stage_folder("evaluate", run) / "metrics.json")["test"][name]
    assert isinstance(found, float)
    return found


@pytest.mark.usefixtures("three")
def test_differences_are_those_of_the_metrics() -> None:
    """Every metric of every pair that matters, second less first, within its interval."""
    found = run_compare()
    assert (found.reference, found.weighting) == ("unweighted", [("unweighted", "weighted")])
    assert [method.name for method in found.methods] == list(SKILLS)
    for pair in found.pairs:
        assert set(pair.differences) == set(Scalars.model_fields) - {"lazy_accuracy"}
        for name, difference in pair.differences.items():
            assert difference.value == pytest.approx(
                read_metric(name, pair.second) - read_metric(name, pair.first)
            )
            ends = difference.low, difference.value, difference.high
            assert sorted(np.array(ends, dtype=np.float64)) == list(ends)
            assert not difference.includes_seeds


@pytest.mark.usefixtures("three")
def test_far_more_skill_is_distinguishable() -> None:
    """The best on validation is right more often, and McNemar's test agrees."""
    found = run_compare()
    assert found.ranking == ["overfit", "weighted", "unweighted"]
    pair = found.find_pair("unweighted", "overfit")
    assert pair.differences["accuracy"].distinguishable
    assert pair.mcnemar is not None
    assert pair.mcnemar.p < 0.05
    gained = pair.mcnemar.second_only - pair.mcnemar.first_only
    assert gained / 50 == pytest.approx(pair.differences["accuracy"].value)


@pytest.mark.usefixtures("three")
def test_the_gain_is_what_lies_beyond_the_lazy_baseline() -> None:
    """Accuracy less that of always answering the commonest class."""
    for method in run_compare().methods:
        lazy = read_metric("lazy_accuracy", method.name)
        assert method.gain["accuracy"].value == pytest.approx(
            read_metric("accuracy", method.name) - lazy
        )


@pytest.mark.usefixtures("three")
def test_a_single_run_keeps_the_intervals_of_evaluate() -> None:
    """The same number is never told with two intervals."""
    details = files.read_json(files.stage_folder("evaluate", "weighted") / "details.json")
    method = run_compare().find_method("weighted")
    for name, found in method.estimates["test"].items():
        assert found.model_dump() == details["test"]["intervals"][name] | {"deviation": None}
    assert "validation" in method.estimates


@pytest.mark.usefixtures("three")
def test_runs_that_differ_in_their_seed_are_one_method() -> None:
    """Their mean has their spread, and it enters the interval of every difference."""
    one = run_compare().find_pair("overfit", "unweighted").differences["accuracy"]
    change_run_parameters("weighted", class_weight=None, seed=2)
    found = run_compare()
    assert [method.runs for method in found.methods] == [["unweighted", "weighted"], ["overfit"]]
    accuracies = [read_metric("accuracy", run) for run in ("unweighted", "weighted")]
    estimate = found.find_method("unweighted").estimates["test"]["accuracy"]
    assert estimate.value == pytest.approx(np.mean(accuracies))
    assert estimate.deviation == pytest.approx(np.std(accuracies, ddof=1))
    pair = found.find_pair("overfit", "unweighted")
    assert pair.mcnemar is None
    for name, difference in pair.differences.items():
        assert difference.includes_seeds, name
    two = pair.differences["accuracy"]
    assert compute_length(two.low, two.high) > compute_length(one.low, one.high)
    gain = found.find_method("unweighted").gain["accuracy"]
    assert gain.value == pytest.approx(
        np.mean(accuracies) - read_metric("lazy_accuracy", "overfit")
    )


def compute_length(low: float | None, high: float | None) -> float:
    """Return how long an interval is."""
    assert low is not None
    assert high is not None
    return high - low


@pytest.mark.usefixtures("three")
def test_a_run_that_ran_away_is_compared() -> None:
    """What is NaN is null, never distinguishable, and not the lowest log loss."""
    path = files.stage_folder("train", "weighted") / "predictions.npz"
    away = {split: np.full((n, 2), np.nan) for split, n in (("validation", 40), ("test", 50))}
    np.savez(path, allow_pickle=False, **{k: v.astype(np.float32) for k, v in away.items()})
    evaluate.run(load_params(), "weighted")
    found = run_compare()
    loss = found.find_pair("unweighted", "weighted").differences["log_loss"]
    assert (loss.value, loss.distinguishable) == (None, False)
    assert compare.find_extremes(found.methods) == ("overfit", "overfit")


def test_images_to_look_at_are_named(project: Path) -> None:
    """By their place and name, with true class, predicted class, confidence and loss."""
    assert project == Path.cwd()
    write_evaluated_runs(skills=dict.fromkeys(SKILLS, 0.5))
    seen = run_compare().mistakes
    labels = manifest.load_labels("test")
    given = {name: np.load(f"data/train/{name}/predictions.npz")["test"] for name in SKILLS}
    wrong = {name: shares.argmax(axis=1) != labels for name, shares in given.items()}
    for name, shares in given.items():
        losses = -np.log(shares[np.arange(50), labels])
        worst = seen.hardest[name][0]
        assert worst.index == losses.argmax()
        assert worst.id == f"test#{worst.index}"
        assert worst.loss == pytest.approx(losses.max())
        assert worst.confidence == pytest.approx(shares[worst.index].max())
        assert len(seen.hardest[name]) == load_params().compare.images
        assert sum(pair.count for pair in seen.confused[name]) == wrong[name].sum()
    everywhere = np.logical_and.reduce(list(wrong.values()))
    assert seen.wrong_everywhere_count == everywhere.sum() > 0
    for image in seen.wrong_everywhere:
        assert everywhere[image.index]
        assert image.true == ("not 8", "8")[labels[image.index]] != image.predicted
    for name in SKILLS:
        others = [wrong[other] for other in SKILLS if other != name]
        once = np.logical_and.reduce(others) & ~wrong[name]
        assert seen.right_once_count[name] == once.sum()
        assert {image.index for image in seen.right_once[name]} <= set(np.flatnonzero(once))


@pytest.mark.usefixtures("three")
def test_again_is_the_same_bytes() -> None:
    """Comparing twice writes the same two files."""
    written = [Path("data/compare/comparison.json"), Path("data/compare/verdicts.json")]
    before = run_compare(), files.hash_files(*written)
    assert (run_compare(), files.hash_files(*written)) == before


def test_one_run_alone_is_compared_with_the_lazy_baseline(project: Path) -> None:
    """There is no pair, but there is a gain."""
    assert project == Path.cwd()
    write_evaluated_runs(skills={"unweighted": 1.0})
    found = run_compare()
    assert (found.pairs, found.ranking) == ([], ["unweighted"])
    assert found.methods[0].gain["log_loss"].value is not None
    assert found.mistakes.wrong_everywhere == []
    assert found.mistakes.hardest["unweighted"]


@pytest.mark.usefixtures("three")
def test_a_run_that_was_not_evaluated_is_told() -> None:
    """The missing file is named, and `dvc repro`."""
    (files.stage_folder("evaluate", "weighted") / "details.json").unlink()
    with pytest.raises(DataError, match=r"weighted/details\.json: no such file; run `dvc repro`"):
        compare.run(load_params())
