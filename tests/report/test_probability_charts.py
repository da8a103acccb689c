"""Precision-recall and ROC curves: which lines and marks a panel has."""

from pathlib import Path

import pytest

from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.curves import MICRO_AVERAGE
from secondlook.evaluation.run_artifacts import Study
from secondlook.report import probability_charts
from tests.support.report import write_evaluated_runs


@pytest.fixture
def eights(project: Path) -> Study:
    """Give two runs that ask whether it is an eight."""
    write_evaluated_runs(skills={"unweighted": 1.0, "weighted": 2.0})
    assert project == Path.cwd()
    return run_artifacts.load_study(load_params())


@pytest.fixture
def letters(project: Path) -> Study:
    """Give one run on more classes than a picture names."""
    write_evaluated_runs([f"class {i}" for i in range(12)], None, {"only": 1.0})
    assert project == Path.cwd()
    return run_artifacts.load_study(load_params())


def test_each_run_is_marked_where_it_stands(eights: Study) -> None:
    """The mark is the recall and precision of its answers, and lies on its curve."""
    panel = probability_charts.build_precision_recall(eights, eights.headline, "title")
    for line, result in zip(panel.lines, eights.results, strict=True):
        assert line.mark == (result.metrics["test"].recall, result.metrics["test"].precision)
        points = [pytest.approx(point) for point in zip(line.x, line.y, strict=True)]
        assert line.mark in points
    assert panel.base == pytest.approx(eights.facts.counts["test"]["8"] / 50)


def test_the_curve_starts_at_no_recall(eights: Study) -> None:
    """The first step goes back to recall 0 at the precision of the surest answers."""
    (line, _) = probability_charts.build_precision_recall(eights, eights.headline, "title").lines
    assert line.x[0] == 0
    assert line.y[0] == line.y[1]


def test_many_classes_are_one_curve(letters: Study) -> None:
    """Without a positive class the micro average stands for a run, and nothing is marked."""
    panel = probability_charts.build_precision_recall(letters, letters.headline, "title")
    assert letters.headline == MICRO_AVERAGE
    assert panel.lines[0].mark is None
    assert panel.base == pytest.approx(1 / 12)


def test_a_picture_of_one_run_names_the_hardest_classes(letters: Study) -> None:
    """Seven classes with the smallest areas and the average over all, in both pictures."""
    (result,) = letters.results
    curves = result.details["test"].curves
    labels = [line.label for line in probability_charts.build_run_roc(result).lines]
    assert len(labels) == probability_charts.MAX_CURVES + 1
    assert MICRO_AVERAGE in labels
    shown = [curves[name].precision_recall.area or 0 for name in labels if name != MICRO_AVERAGE]
    hidden = [curves[n].precision_recall.area or 0 for n in curves if n not in labels]
    assert max(shown) <= min(hidden)
    panel = probability_charts.build_run_precision_recall(letters, result)
    assert [line.label for line in panel.lines] == labels


def test_records_hold_the_points_of_both_splits(eights: Study) -> None:
    """precision_recall.csv has the headline curve of each run on validation and on test."""
    records = list(probability_charts.list_precision_recall_rows(eights))
    assert tuple(records[0]) == probability_charts.CSV_FIELDS
    assert {(record["run"], record["series"]) for record in records} == {
        (run, series) for run in ("unweighted", "weighted") for series in ("validation", "test")
    }
