"""Rules about the lazy baseline and the classes: when they speak, and when they keep silent."""

from secondlook.evaluation.run_artifacts import ClassScores, RunResult
from secondlook.verdicts import accuracy, ranking, worth
from tests.support.results import (
    make_case,
    make_interval,
    make_result,
    replace_test_details,
)


def replace_confusion(found: RunResult, counts: list[list[int]]) -> RunResult:
    """Return the run with other answers on validation and on test."""
    details = {
        split: part.model_copy(update={"confusion": counts})
        for split, part in found.details.items()
    }
    return found.model_copy(update={"details": details})


def test_a_run_no_better_than_lazy_is_told() -> None:
    """Within chance it is not distinguishable; what speaks for it nevertheless is said."""
    found = make_case(
        replace_confusion(
            make_result("level", accuracy=0.91, lazy_accuracy=0.9, recall=0.8), [[80, 20], [10, 40]]
        ),
        make_result("good", accuracy=0.95, lazy_accuracy=0.9),
    )
    [verdict] = accuracy.judge_no_better_than_lazy(found)
    assert verdict.runs == ["level"]
    assert "level is not distinguishable from always answering “a”, which is" in verdict.text
    assert "(level: 91.0\N{NO-BREAK SPACE}%)" in verdict.text
    assert "But level finds 80.0\N{NO-BREAK SPACE}% of “b”" in verdict.text
    assert "by log loss it is better" in verdict.text


def test_runs_worse_than_lazy_are_told() -> None:
    """Together, in the plural, and without an excuse where they find nothing."""
    found = make_case(
        *(make_result(name, accuracy=0.5, lazy_accuracy=0.9) for name in ("one", "two"))
    )
    [verdict] = accuracy.judge_no_better_than_lazy(found)
    assert "worse than always" in verdict.text
    assert "But" not in verdict.text


def test_runs_better_than_lazy_are_not_told_so() -> None:
    """The rule keeps silent; that of the gain speaks, where lazy is right more often than not."""
    found = make_case(
        make_result("good", accuracy=0.97, lazy_accuracy=0.9),
        make_result("fair", accuracy=0.95, lazy_accuracy=0.9, epochs=20),
    )
    assert list(accuracy.judge_no_better_than_lazy(found)) == []
    [verdict] = accuracy.judge_gain_over_lazy(found)
    assert "good gains 7.0 points over that, fair only 5.0 points." in verdict.text


def test_no_gain_is_told_where_one_run_has_none_or_lazy_is_bad() -> None:
    """Ten classes of equal size leave the lazy baseline nothing to say."""
    bad = make_result("bad", accuracy=0.9, lazy_accuracy=0.9, epochs=20)
    assert not list(
        accuracy.judge_gain_over_lazy(make_case(make_result("good", accuracy=0.97), bad))
    )
    assert not list(
        accuracy.judge_gain_over_lazy(
            make_case(make_result("good", accuracy=0.9, lazy_accuracy=0.1))
        )
    )
    [alone] = accuracy.judge_gain_over_lazy(
        make_case(make_result("good", accuracy=0.97, lazy_accuracy=0.9))
    )
    assert "only" not in alone.text


def test_missing_half_of_what_was_asked_for_is_told() -> None:
    """The worst with its counts, others with their share."""
    found = make_case(
        make_result("blind", recall=0.48, accuracy=0.9),
        make_result("dim", recall=0.5, epochs=20),
        make_result("keen", recall=0.9, epochs=30),
    )
    [verdict] = accuracy.judge_finds_few(found)
    assert verdict.runs == ["blind", "dim"]
    assert verdict.text.startswith("blind finds only 24 of the 50 “b” in test (48.0")
    assert "Its accuracy of 90.0" in verdict.text
    assert "Too few are also found by dim (50.0" in verdict.text


def test_hardly_finding_any_is_told() -> None:
    """One of fifty is hardly finding it."""
    [verdict] = accuracy.judge_finds_few(make_case(make_result("blind", recall=0.02)))
    assert verdict.text.startswith("blind hardly finds 1 of the 50 “b”")
    assert "Too few" not in verdict.text


def test_finding_enough_is_not_told() -> None:
    """Nor where chance may explain it, nor where nothing was asked for in particular."""
    assert not list(accuracy.judge_finds_few(make_case(make_result("keen", recall=0.9))))
    assert not list(
        accuracy.judge_finds_few(make_case(make_result("fair", recall=0.6)))
    )  # 0.72 is as likely
    blind = make_result("blind", recall=0.02)
    assert not list(accuracy.judge_finds_few(make_case(blind, classes="abc", positive=None)))


def test_the_hardest_of_many_classes_is_told() -> None:
    """Far below the accuracy, beyond chance, of the best method; not for yes-or-no questions."""
    scores = {
        name: ClassScores(precision=0.9, recall=recall, f1=0.9, support=1000)
        for name, recall in (("a", 0.95), ("b", 0.6), ("c", None))
    }
    found = replace_test_details(make_result("only", accuracy=0.9), per_class=scores)
    [verdict] = accuracy.judge_weakest_class(make_case(found, classes="abc", positive=None))
    assert verdict.text.startswith("“b” is the hardest class: only finds 60.0")
    assert not list(accuracy.judge_weakest_class(make_case(found)))
    level = {"a": scores["a"], "b": scores["a"].model_copy(update={"recall": 0.88})}
    found = replace_test_details(found, per_class=level)
    assert not list(accuracy.judge_weakest_class(make_case(found, classes="abc", positive=None)))


def test_a_run_that_finds_none_hardly_finds_any() -> None:
    """Of fifty none, not "hardly 0"."""
    none = make_result("none", accuracy=0.9, recall=0.0)
    [verdict] = accuracy.judge_finds_few(make_case(none))
    assert verdict.text.startswith("none finds none of the 50 “b” in test")


def test_recall_excuses_nobody_who_guesses() -> None:
    """Who says yes to nearly everything finds most, and is right no more often than by guessing."""
    eager = make_result("eager", accuracy=0.5, lazy_accuracy=0.9, recall=0.9)
    eager = replace_confusion(eager, [[10, 40], [5, 45]])
    [verdict] = accuracy.judge_no_better_than_lazy(make_case(eager))
    assert "recall tells more" not in verdict.text


def make_constant_result(name: str, k: int) -> RunResult:
    """Return a run that answers the class k to each image, fifty of either."""
    counts = [[50 * (k == 0), 50 * (k == 1)]] * 2
    return replace_confusion(make_result(name, recall=float(k), f1=0.67 * k, accuracy=0.5), counts)


def test_a_run_that_always_answers_the_same_is_told_and_nothing_else_of_it() -> None:
    """Always yes has a recall of 100 % and some F1: no reason to praise it."""
    always = make_constant_result("always", 1)
    never = make_constant_result("never", 0)
    case = make_case(never, always, make_result("fair", f1=0.6, recall=0.5))
    told = [verdict.text for verdict in worth.judge_constant(case)]
    assert told == [
        f"{name} answers “{label}” to every test image, which is right for "
        "50.0\N{NO-BREAK SPACE}% of them, and tells nothing apart, however good some of its "
        "numbers look."
        for name, label in (("never", "a"), ("always", "b"))
    ]
    for rule in (accuracy.judge_no_better_than_lazy, accuracy.judge_finds_few):
        assert not {"always", "never"} & {run for verdict in rule(case) for run in verdict.runs}
    assert list(ranking.judge_best(case)) == []
    assert case.comparison.ranking[0] == "fair"


def test_probabilities_may_tell_more_than_a_constant_answer() -> None:
    """A threshold would make something of them, so the run does not tell nothing apart."""
    telling = make_constant_result("telling", 0)
    intervals = telling.details["test"].intervals | {"roc_auc": make_interval(0.9)}
    [verdict] = worth.judge_constant(
        make_case(replace_test_details(telling, intervals=intervals), make_result("fair"))
    )
    assert verdict.text.endswith(
        "of them; only its probabilities tell classes apart (see the area under the ROC curve)."
    )
