"""Parameters and classes, run beside run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.run_artifacts import Study
from secondlook.report import tables
from tests.support.report import write_evaluated_runs


@pytest.fixture
def letters(project: Path) -> Study:
    """Give two runs on three classes, the second with balanced weights."""
    write_evaluated_runs(["a", "b", "c"], None, {"unweighted": 1.0, "weighted": 2.0})
    assert project == Path.cwd()
    return run_artifacts.load_study(load_params())


def test_only_parameters_that_differ_are_shown(letters: Study) -> None:
    """One column, class_weight; the other run's cell is not the reference's."""
    found = tables.build_parameter_table(letters.results)
    assert found.columns == ["class_weight"]
    assert found.rows == [("unweighted", ["none"]), ("weighted", ["balanced"])]
    assert not found.is_changed(0, 0)
    assert found.is_changed(1, 0)


def test_a_key_that_only_some_runs_have_is_a_column(letters: Study) -> None:
    """Where a run does not tell of an optional key, it is at its default."""
    first, second = letters.results
    schedule = {"cosine": {"warmup": 2}}
    told = second.training.parameters | {"learning_rate_schedule": schedule}
    training = second.training.model_copy(update={"parameters": told})
    changed = second.model_copy(update={"training": training})
    for results in ([first, changed], [changed, first]):
        found = tables.build_parameter_table(results)
        place = found.columns.index("learning_rate_schedule")
        assert {name: row[place] for name, row in found.rows} == {
            "unweighted": "none",
            "weighted": "cosine warmup 2",
        }


def test_one_run_differs_from_nothing(letters: Study) -> None:
    """A single run has no column."""
    assert tables.build_parameter_table(letters.results[:1]).columns == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ([32, 64], "32, 64"),
        ([], "none"),
        (False, "false"),
        (0.001, "0.001"),
        ({"monitor": "validation/loss", "patience": 5}, "monitor validation/loss, patience 5"),
        ({"name": "mobilenet_v2", "sha256": "b5c304ec" + "0" * 56}, "mobilenet_v2 (b5c304ec)"),
        (
            {"epochs": 5, "learning_rate": 0.0001, "blocks": "all"},
            "epochs 5, learning_rate 0.0001, blocks all",
        ),
    ],
)
def test_parameters_read_as_words(value: object, text: str) -> None:
    """Lists and mappings lose their brackets."""
    assert tables.format_parameter(value) == text


def test_counts_come_in_the_order_of_the_pipeline(letters: Study) -> None:
    """Train, validation, test; the shares of all classes sum to 1."""
    found = tables.count_class_images(letters.facts)
    assert [count.name for count in found] == ["a", "b", "c"]
    assert [sum(c.counts[i] for c in found) for i in range(3)] == [60, 40, 50]
    assert sum(count.share for count in found) == pytest.approx(1)


@given(st.integers(1, 5))
def test_the_weakest_are_few_and_in_order(limit: int) -> None:
    """Without a run to judge by, all classes are equally weak: the first ones stay."""
    assert tables.find_weakest_classes([], ["c", "a", "b"], limit) == ["c", "a", "b"][:limit]


def test_the_weakest_have_the_lowest_f1(letters: Study) -> None:
    """The one class shown is the one whose mean F1 over the runs is lowest."""
    means = {
        name: sum(
            tables.get_comparable_f1(scores)
            for scores in tables.list_class_scores(letters.results, name)
        )
        for name in letters.facts.classes
    }
    assert tables.find_weakest_classes(letters.results, letters.facts.classes, 1) == [
        min(means, key=lambda name: means[name])
    ]
