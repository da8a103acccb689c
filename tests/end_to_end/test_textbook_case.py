"""Three models with accuracies and losses of 98.1 %/0.1882, 98.5 %/0.0997, 99.1 %/0.2544."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import files, manifest
from secondlook.config.params import load_params
from secondlook.evaluation import comparison_artifacts
from secondlook.evaluation.comparison_artifacts import Comparison
from stages import compare, evaluate
from tests.support.report import write_evaluated_runs


def run_compare() -> Comparison:
    """Run the stage, and return what it wrote."""
    compare.run(load_params())
    return Comparison.model_validate(files.read_json(Path("data/compare/comparison.json")))


def read_metric(name: str, run: str) -> float:
    """Return a metric of a run on test, as `evaluate` wrote it."""
    found = files.read_json(files.stage_folder("evaluate", run) / "metrics.json")["test"][name]
    assert isinstance(found, float)
    return found


def make_probabilities(errors: float, loss: float, wrong: float) -> np.ndarray:
    """Return probabilities (10,000, 2) of label 0 for everything, with these numbers.

    `wrong` is the loss of each error; what is missing to the mean is shared by right answers.
    """
    count = round(10_000 * errors)
    right = (loss * 10_000 - wrong * count) / (10_000 - count)
    given = np.exp(-np.repeat([wrong, right], [count, 10_000 - count]))
    return np.stack([given, 1 - given], axis=1).astype(np.float32)


def test_the_textbook_case(project: Path) -> None:
    """98.1 %/0.1882, 98.5 %/0.0997, 99.1 %/0.2544: the fewest errors, the most confident ones."""
    cases = {"first": (0.019, 0.1882, 3.5), "second": (0.015, 0.0997, 2.3)}
    cases["third"] = (0.009, 0.2544, 13.0)
    counts = {"train": 100, "validation": 10_000, "test": 10_000}
    write_evaluated_runs(skills=dict.fromkeys(cases, 1.0), counts=counts)
    labels = {split: manifest.load_labels(split) for split in manifest.EVALUATED_SPLITS}
    for i, (name, numbers) in enumerate(cases.items()):
        drawn = np.random.default_rng(i).permutation(make_probabilities(*numbers))
        given = {split: np.where(k[:, None], drawn[:, ::-1], drawn) for split, k in labels.items()}
        path = files.stage_folder("train", name) / "predictions.npz"
        np.savez(path, allow_pickle=False, **given)
        evaluate.run(load_params(), name)
        assert read_metric("accuracy", name) == pytest.approx(1 - numbers[0])
        assert read_metric("log_loss", name) == pytest.approx(numbers[1], abs=5e-5)
    compare.run(load_params())
    assert project == Path.cwd()
    [told] = [
        verdict.text
        for verdict in comparison_artifacts.load_verdicts()
        if verdict.rule == "disagree"
    ]
    text = told.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(
        "third makes the fewest errors (0.9 % of the test images, second 1.5 %), but is the most "
        "confidently wrong (when wrong it is over 99.9 % sure; the worst 1 % of images carry "
    )
    assert text.endswith(
        "its log loss is 0.2544, that of second 0.0997. Choose second where probabilities matter, "
        "third where only the answer does."
    )
