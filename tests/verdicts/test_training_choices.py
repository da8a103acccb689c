"""What is said of trainings that went on for too long or too short, and when nothing is."""

from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts import training_choices
from tests.support.results import make_case, make_overfitting, make_result


def make_trained_run(name: str, early_stopping: object = None, **changes: object) -> RunResult:
    """Return a run whose training went as the changes to `fitting` say, its epochs its own."""
    seed = sum(name.encode())
    found = make_result(name, seed=seed, early_stopping=early_stopping, log_loss=0.3)
    return found.model_copy(update={"fitting": make_overfitting(**changes)})


def test_overfitting_is_dated() -> None:
    """The worst with epochs and rise, others in brackets."""
    bad = make_trained_run("bad", kind="overfitting", turned=4, rise=0.44, epochs=10, kept=10)
    worse = make_trained_run("worse", kind="overfitting", turned=3, rise=0.9, epochs=10, kept=10)
    [verdict] = training_choices.judge_overfitting(make_case(bad, worse, make_trained_run("good")))
    text = verdict.text.replace("\N{NO-BREAK SPACE}", " ")
    assert text == (
        "worse was trained for too long: its validation loss turned at epoch 3 and was 90.0 % "
        "higher by epoch 10, from which its weights are. So was bad (epoch 4, 44.0 %). Set "
        "early_stopping."
    )
    assert verdict.runs == ["worse", "bad"]


def test_weights_from_before_the_turn_are_no_overfitting() -> None:
    """Early stopping went on for some epochs, but kept the best; a settled curve is none either."""
    stopped = make_trained_run("stopped", kind="overfitting", turned=4, rise=0.44, kept=4)
    assert not list(
        training_choices.judge_overfitting(
            make_case(stopped, make_trained_run("settled", turned=3))
        )
    )


def test_who_watched_something_else_is_told_what_to_watch() -> None:
    """Early stopping on recall went on after the turn: it did not stop in time."""
    late = make_trained_run(
        "late", {"patience": 5}, kind="overfitting", turned=4, rise=0.44, epochs=9, kept=8, saved=1
    )
    [verdict] = training_choices.judge_overfitting(make_case(late))
    assert "higher by epoch 9; its weights are from epoch 8." in verdict.text
    assert verdict.text.endswith("Let early_stopping watch validation/loss.")
    assert not list(training_choices.judge_stopping(make_case(late)))


def test_underfitting_is_told() -> None:
    """By how much the loss still fell, as a share of what it was."""
    short = make_trained_run("short", kind="underfitting", fall=1.0)
    [verdict] = training_choices.judge_underfitting(make_case(short, make_trained_run("good")))
    text = verdict.text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("short was still learning at the end: the validation loss of short fell")
    assert "fell by 50.0 % in the last quarter of its 10 epochs" in text
    assert not list(
        training_choices.judge_underfitting(make_case(make_trained_run("good", fall=0.1)))
    )


def test_epochs_are_those_of_the_phase_that_was_judged() -> None:
    """Of two phases the kept one: fine-tuning that still learned, or turned."""
    for first, last, phase in ((7, 10, "4 epochs of fine-tuning"), (1, 6, "6 epochs of the head")):
        short = make_trained_run("short", kind="underfitting", fall=1.0, first=first, last=last)
        training = short.training.model_copy(update={"fine_tuned_after": 6})
        case = make_case(short.model_copy(update={"training": training}))
        [verdict] = training_choices.judge_underfitting(case)
        assert f"in the last quarter of its {phase}" in verdict.text
    turned = make_trained_run("turned", kind="overfitting", turned=3, rise=0.5, last=6, kept=5)
    [verdict] = training_choices.judge_overfitting(make_case(turned))
    assert "turned at epoch 3 and was 50.0" in verdict.text
    assert "higher by epoch 6; its weights are from epoch 5." in verdict.text


def test_who_was_stopped_early_did_not_run_out_of_epochs() -> None:
    """A loss that fell at the end is no reason to allow more epochs."""
    stopped = make_trained_run("stopped", kind="underfitting", fall=1.0, epochs=8, allowed=10)
    assert not list(training_choices.judge_underfitting(make_case(stopped)))


def test_a_training_that_ran_away_is_told() -> None:
    """It outweighs nearly everything else."""
    away = make_trained_run("away", kind="diverged", turned=None, rise=None)
    [verdict] = training_choices.judge_diverged(make_case(away, make_trained_run("good")))
    assert verdict.text.startswith("The training of away ran away")
    assert not list(training_choices.judge_diverged(make_case(make_trained_run("good"))))


def test_what_early_stopping_saved_is_told() -> None:
    """Beside the run that differs in nothing else, whether test tells them apart or not."""
    patience = {"patience": 5}
    stopped = make_trained_run("stopped", patience, epochs=28, kept=23, allowed=60, saved=32)
    whole, other = make_trained_run("whole"), make_trained_run("other", {"patience": 9}, saved=1)
    [verdict] = training_choices.judge_stopping(make_case(whole, other, stopped))
    assert verdict.text.startswith("stopped stopped after 28 of 60 epochs and kept epoch 23: 32")
    assert "it is not distinguishable from whole, which went on (log loss 0.300" in verdict.text
    assert verdict.text.endswith("Saved likewise: other 1.")


def test_what_stopping_gained_is_told() -> None:
    """A better log loss first, else a better F1."""
    stopped = make_trained_run("stopped", {"patience": 5}, saved=32)
    for name, worse in (("log_loss", 0.5), ("f1", 0.3)):
        whole = make_trained_run("whole")
        scalars = whole.metrics["test"].model_copy(update={name: worse})
        whole = whole.model_copy(update={"metrics": {"validation": scalars, "test": scalars}})
        [verdict] = training_choices.judge_stopping(make_case(whole, stopped))
        assert f"with a better {name.replace('_', ' ').replace('f1', 'F1')} than" in verdict.text


def test_a_twin_that_ran_away_has_no_loss_to_tell() -> None:
    """What is not defined is called so, and not 0.000."""
    stopped, whole = (
        make_trained_run("stopped", {"patience": 5}, saved=32),
        make_trained_run("whole"),
    )
    scalars = whole.metrics["test"].model_copy(update={"log_loss": None})
    whole = whole.model_copy(update={"metrics": {"validation": scalars, "test": scalars}})
    [verdict] = training_choices.judge_stopping(make_case(whole, stopped))
    assert "(log loss 0.300 against undefined)" in verdict.text


def test_without_early_stopping_nothing_was_saved() -> None:
    """Nor where it was allowed but never came; alone it is compared with none."""
    assert not list(
        training_choices.judge_stopping(
            make_case(make_trained_run("whole"), make_trained_run("patient", {}, saved=0))
        )
    )
    [alone] = training_choices.judge_stopping(
        make_case(make_trained_run("alone", {"patience": 5}, saved=32))
    )
    assert alone.text.endswith("32 epochs saved.")
