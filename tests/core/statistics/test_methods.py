"""Which runs are one method with several seeds, and which show what weighting does."""

from stages.core.outputs.results import Result
from stages.core.statistics import methods
from tests.results_builder import result


def names(groups: list[list[Result]]) -> list[list[str]]:
    """Return the runs of each method by name."""
    return [[found.name for found in group] for group in groups]


def test_runs_that_differ_in_their_seed_alone_are_one_method() -> None:
    """Another seed joins them, another length parts them, and order stays."""
    found = [
        result("plain", seed=1),
        result("long", seed=1, epochs=60),
        result("again", seed=2),
        result("longer", seed=2, epochs=60),
    ]
    assert names(methods.grouped(found)) == [["plain", "again"], ["long", "longer"]]


def test_the_same_run_twice_is_no_replicate() -> None:
    """It has the same weights to the last bit: its spread would be none."""
    found = [result("plain", seed=1), result("copy", seed=1), result("other", seed=2)]
    assert names(methods.grouped(found)) == [["plain", "other"], ["copy"]]


def test_weighting_is_a_pair_that_differs_in_nothing_else() -> None:
    """Weighted and longer is no fair pair; by class name is weighted too."""
    groups = methods.grouped(
        [
            result("weighted", class_weight="balanced"),
            result("plain", class_weight=None),
            result("long", class_weight="balanced", epochs=60),
            result("tuned", class_weight={"a": 1.0, "b": 3.0}),
        ]
    )
    found = methods.differing(groups, "class_weight")
    assert found == [("plain", "weighted"), ("plain", "tuned")]
    assert methods.differing(groups, "early_stopping") == []


def test_validation_ranks() -> None:
    """By the mean F1 over the seeds; equals keep their order, an undefined one comes last."""
    found = [
        result("bad", f1=None, seed=3, epochs=1),
        result("plain", f1=0.5, seed=1),
        result("again", f1=0.9, seed=2),
        result("long", f1=0.7, epochs=60),
        result("longer", f1=0.8, epochs=90),
    ]
    assert methods.ranking(methods.grouped(found)) == ["longer", "plain", "long", "bad"]
