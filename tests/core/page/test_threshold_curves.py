"""Precision-recall and ROC curves: which lines and marks a panel has."""

from pathlib import Path

import pytest

from stages.core.outputs import study
from stages.core.outputs.results import MICRO
from stages.core.outputs.study import Study
from stages.core.page import threshold_curves
from stages.core.params import load
from tests.report_builder import build


@pytest.fixture
def eights(project: Path) -> Study:
    """Give two runs that ask whether it is an eight."""
    build(skills={"unweighted": 1.0, "weighted": 2.0})
    assert project == Path.cwd()
    return study.read(load())


@pytest.fixture
def letters(project: Path) -> Study:
    """Give one run on more classes than a picture names."""
    build([f"class {i}" for i in range(12)], None, {"only": 1.0})
    assert project == Path.cwd()
    return study.read(load())


def test_each_run_is_marked_where_it_stands(eights: Study) -> None:
    """The mark is the recall and precision of its answers, and lies on its curve."""
    panel = threshold_curves.precision_recall(eights, eights.headline, "title")
    for line, result in zip(panel.lines, eights.results, strict=True):
        assert line.mark == (result.metrics["test"].recall, result.metrics["test"].precision)
        points = [pytest.approx(point) for point in zip(line.x, line.y, strict=True)]
        assert line.mark in points
    assert panel.base == pytest.approx(eights.facts.counts["test"]["8"] / 50)


def test_the_curve_starts_at_no_recall(eights: Study) -> None:
    """The first step goes back to recall 0 at the precision of the surest answers."""
    (line, _) = threshold_curves.precision_recall(eights, eights.headline, "title").lines
    assert line.x[0] == 0
    assert line.y[0] == line.y[1]


def test_many_classes_are_one_curve(letters: Study) -> None:
    """Without a positive class the micro average stands for a run, and nothing is marked."""
    panel = threshold_curves.precision_recall(letters, letters.headline, "title")
    assert letters.headline == MICRO
    assert panel.lines[0].mark is None
    assert panel.base == pytest.approx(1 / 12)


def test_a_picture_of_one_run_names_the_hardest_classes(letters: Study) -> None:
    """Seven classes with the smallest areas and the average over all, in both pictures."""
    (result,) = letters.results
    curves = result.details["test"].curves
    labels = [line.label for line in threshold_curves.roc_of_run(result).lines]
    assert len(labels) == threshold_curves.CLASSES + 1
    assert MICRO in labels
    shown = [curves[name].precision_recall.area or 0 for name in labels if name != MICRO]
    hidden = [curves[n].precision_recall.area or 0 for n in curves if n not in labels]
    assert max(shown) <= min(hidden)
    panel = threshold_curves.precision_recall_of_run(letters, result)
    assert [line.label for line in panel.lines] == labels


def test_records_hold_the_points_of_both_splits(eights: Study) -> None:
    """precision_recall.csv has the headline curve of each run on validation and on test."""
    records = list(threshold_curves.records(eights))
    assert tuple(records[0]) == threshold_curves.FIELDS
    assert {(record["run"], record["series"]) for record in records} == {
        (run, series) for run in ("unweighted", "weighted") for series in ("validation", "test")
    }
