"""Which runs are one method with several seeds, and which show what weighting does."""

from secondlook.evaluation import seeds
from secondlook.evaluation.run_artifacts import RunResult
from tests.support.results import make_result


def list_names(groups: list[list[RunResult]]) -> list[list[str]]:
    """Return the runs of each method by name."""
    return [[found.name for found in group] for group in groups]


def test_runs_that_differ_in_their_seed_alone_are_one_method() -> None:
    """Another seed joins them, another length parts them, and order stays."""
    found = [
        make_result("plain", seed=1),
        make_result("long", seed=1, epochs=60),
        make_result("again", seed=2),
        make_result("longer", seed=2, epochs=60),
    ]
    assert list_names(seeds.group_by_method(found)) == [["plain", "again"], ["long", "longer"]]


def test_the_same_run_twice_is_no_replicate() -> None:
    """It has the same weights to the last bit: its spread would be none."""
    found = [
        make_result("plain", seed=1),
        make_result("copy", seed=1),
        make_result("other", seed=2),
    ]
    assert list_names(seeds.group_by_method(found)) == [["plain", "other"], ["copy"]]


def test_weighting_is_a_pair_that_differs_in_nothing_else() -> None:
    """Weighted and longer is no fair pair; by class name is weighted too."""
    groups = seeds.group_by_method(
        [
            make_result("weighted", class_weight="balanced"),
            make_result("plain", class_weight=None),
            make_result("long", class_weight="balanced", epochs=60),
            make_result("tuned", class_weight={"a": 1.0, "b": 3.0}),
        ]
    )
    found = seeds.find_pairs_differing_in(groups, "class_weight")
    assert found == [("plain", "weighted"), ("plain", "tuned")]
    assert seeds.find_pairs_differing_in(groups, "early_stopping") == []


def test_validation_ranks() -> None:
    """By the mean F1 over the seeds; equals keep their order, an undefined one comes last."""
    found = [
        make_result("bad", f1=None, seed=3, epochs=1),
        make_result("plain", f1=0.5, seed=1),
        make_result("again", f1=0.9, seed=2),
        make_result("long", f1=0.7, epochs=60),
        make_result("longer", f1=0.8, epochs=90),
    ]
    assert seeds.rank_methods(seeds.group_by_method(found)) == ["longer", "plain", "long", "bad"]
