"""Parameters and classes, run beside run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.outputs import study
from stages.core.outputs.study import Study
from stages.core.page import tables
from stages.core.params import load
from tests.report_builder import build


@pytest.fixture
def letters(project: Path) -> Study:
    """Give two runs on three classes, the second with balanced weights."""
    build(["a", "b", "c"], None, {"unweighted": 1.0, "weighted": 2.0})
    assert project == Path.cwd()
    return study.read(load())


def test_only_parameters_that_differ_are_shown(letters: Study) -> None:
    """One column, class_weight; the other run's cell is not the reference's."""
    found = tables.parameters(letters.results)
    assert found.columns == ["class_weight"]
    assert found.rows == [("unweighted", ["none"]), ("weighted", ["balanced"])]
    assert not found.changed(0, 0)
    assert found.changed(1, 0)


def test_one_run_differs_from_nothing(letters: Study) -> None:
    """A single run has no column."""
    assert tables.parameters(letters.results[:1]).columns == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ([32, 64], "32, 64"),
        ([], "none"),
        (False, "false"),
        (0.001, "0.001"),
        ({"monitor": "validation/loss", "patience": 5}, "monitor validation/loss, patience 5"),
    ],
)
def test_parameters_read_as_words(value: object, text: str) -> None:
    """Lists and mappings lose their brackets."""
    assert tables.shown(value) == text


def test_counts_come_in_the_order_of_the_pipeline(letters: Study) -> None:
    """Train, validation, test; the shares of all classes sum to 1."""
    found = tables.counts(letters.facts)
    assert [count.name for count in found] == ["a", "b", "c"]
    assert [sum(c.counts[i] for c in found) for i in range(3)] == [60, 40, 50]
    assert sum(count.share for count in found) == pytest.approx(1)


@given(st.integers(1, 5))
def test_the_weakest_are_few_and_in_order(limit: int) -> None:
    """Without a run to judge by, all classes are equally weak: the first ones stay."""
    assert tables.weakest([], ["c", "a", "b"], limit) == ["c", "a", "b"][:limit]


def test_the_weakest_have_the_lowest_f1(letters: Study) -> None:
    """The one class shown is the one whose mean F1 over the runs is lowest."""
    means = {
        name: sum(tables.f1(scores) for scores in tables.class_scores(letters.results, name))
        for name in letters.facts.classes
    }
    assert tables.weakest(letters.results, letters.facts.classes, 1) == [
        min(means, key=lambda name: means[name])
    ]
