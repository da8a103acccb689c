"""What is said of a pretrained network, and when nothing is."""

from typing import Any

import pytest

from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts.contrasts import judge_pretraining
from tests.support.results import make_case, make_overfitting, make_result
from tests.support.studies import HEAD, TUNED

NOTE = (
    " Keras's weights of mobilenet_v2 were learned from the photographs of ImageNet: if your test "
    "pictures, or very similar ones, are among these, test is too kind to it."
)


def make_begun_run(name: str, begun: dict[str, Any] = HEAD, **scalars: float) -> RunResult:
    """Return a run that began from a pretrained network."""
    given: dict[str, Any] = {"begun": begun, **scalars}
    return make_result(name, **given)


def judge(*results: RunResult) -> str:
    """Return the verdict of a case, with plain spaces, less the note on ImageNet."""
    [verdict] = judge_pretraining(make_case(*results))
    text = verdict.text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.endswith(NOTE)
    return text.removesuffix(NOTE)


def test_what_it_brought_is_told_with_intervals() -> None:
    """Of the best with one, against the best without one."""
    plain, poor = make_result("plain"), make_result("poor", epochs=5, f1=0.3)
    begun = make_begun_run("begun", f1=0.8, log_loss=0.25)
    assert judge(plain, poor, begun) == (
        "Beginning from mobilenet_v2 (only its head trained) improved F1 and log loss (begun "
        "against plain, the best on validation from scratch): F1 up 30.0 points to 80.0 % (95 %: "
        "+28.0 to +32.0), log loss down from 0.5000 to 0.2500 (95 %: -0.270 to -0.230)."
    )
    [verdict] = judge_pretraining(make_case(plain, poor, begun))
    assert verdict.runs == ["begun", "plain"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"f1": 0.8}, "Beginning from mobilenet_v2 (only its head trained) improved F1 ("),
        ({"f1": 0.8, "log_loss": 0.7}, "improved F1, but made log loss worse ("),
        ({"f1": 0.3, "log_loss": 0.3}, "improved log loss, but made F1 worse ("),
        ({"f1": 0.3, "log_loss": 0.7}, "made F1 and log loss worse ("),
        ({"log_loss": 0.7}, "made log loss worse (begun against plain"),
        (
            {"f1": 0.51, "accuracy": 0.9},
            "did to F1 and log loss is not distinguishable from chance (begun against plain",
        ),
    ],
)
def test_only_what_survives_is_told(changes: dict[str, Any], told: str) -> None:
    """By what happened to F1 and log loss beyond chance."""
    assert told in judge(make_result("plain"), make_begun_run("begun", **changes))


def test_fine_tuning_is_told_of_runs_that_differ_in_it_alone() -> None:
    """Whichever of the two is the best on validation."""
    plain, head = make_result("plain", f1=0.4), make_begun_run("head", f1=0.6)
    tuned = make_begun_run("tuned", TUNED, f1=0.8)
    assert (
        " Fine-tuning improved F1 (tuned against head, the same without it): F1 up 20.0 points to "
        "80.0 % (95 %: +18.0 to +22.0), log loss not distinguishable (0.500 and 0.500)."
    ) in judge(plain, head, tuned)
    worse = make_begun_run("tuned", TUNED, f1=0.5)
    assert " Fine-tuning made F1 worse (tuned against head" in judge(plain, head, worse)
    other = make_begun_run("tuned", TUNED | {"dropout": 0.5}, f1=0.8)
    assert "Fine-tuning" not in judge(plain, head, other)
    assert "(its last 2 blocks fine-tuned) improved F1 (tuned against" in judge(plain, head, tuned)
    every = {"epochs": 6, "learning_rate": 1e-4, "blocks": "all"}
    whole = make_begun_run("tuned", TUNED | {"fine_tune": every})
    assert "(all of it fine-tuned)" in judge(plain, whole)


def test_seeds_are_one_method() -> None:
    """The mean of a method's seeds is told, not the luckiest."""
    seeds = [make_begun_run(name, f1=f1) for name, f1 in (("one", 0.6), ("two", 0.9))]
    seeds[1].training.parameters["seed"] = 2
    assert "one against plain" in judge(make_result("plain"), *seeds)
    assert "F1 up 25.0 points to 75.0 %" in judge(make_result("plain"), *seeds)


def test_who_is_worse_than_lazy_is_not_praised() -> None:
    """The sentence says so itself."""
    begun = make_begun_run("begun", f1=0.8, accuracy=0.3, lazy_accuracy=0.9)
    assert judge(make_result("plain"), begun).endswith(
        "; by accuracy begun is worse than always answering “a”."
    )


def test_silence_where_there_is_nothing_to_compare() -> None:
    """With runs of one kind alone, or where the only one of a kind ran away."""
    plain, begun = make_result("plain"), make_begun_run("begun")
    away = begun.model_copy(update={"fitting": make_overfitting(kind="diverged")})
    for results in ((plain,), (begun,), (plain, away)):
        assert not list(judge_pretraining(make_case(*results)))
