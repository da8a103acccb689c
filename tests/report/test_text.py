"""Numbers as sentences."""

from pathlib import Path

import pytest

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.params import load_params
from secondlook.evaluation import formatting, run_artifacts
from secondlook.report.text import (
    describe_averaging,
    describe_images,
    describe_lazy_baseline,
    describe_threshold_curves,
    describe_training,
    format_code,
    format_question,
)
from tests.support.datasets import make_dataset_card
from tests.support.report import write_evaluated_runs
from tests.support.results import make_overfitting, make_result


def facts(positive: str | None, rejected: int = 0, channels: int = 1) -> DatasetCard:
    """Return the facts of two images a class and split."""
    counts = {split: {"not 8": 2, "8": 2} for split in SPLITS}
    changes = {"shape": [28, 32, channels], "rejected": rejected}
    return make_dataset_card(["not 8", "8"], counts, positive, **changes)


def test_the_question_is_of_one_class_or_of_all() -> None:
    """With a positive class it is a yes or no; without one, which."""
    assert format_question(facts("8")) == "Is it “8”, or not?"
    assert format_question(facts(None)) == "Which of 2 classes is it?"
    assert "those of “8”" in describe_averaging(facts("8"))
    assert "means over the classes" in describe_averaging(facts(None))
    assert "saying “8”" in describe_threshold_curves(facts("8"))
    assert "micro average" in describe_threshold_curves(facts(None))


def test_images_are_described_and_rejected_ones_told() -> None:
    """Height comes before width; nothing is said of rejected images when there are none."""
    assert describe_images(facts("8")) == "12 images of 28 by 32 pixels, grey."
    described = describe_images(facts("8", rejected=1500, channels=3))
    assert described.startswith("12 images of 28 by 32 pixels, colour.")
    assert "1,500 could not be read" in described


def test_the_summary_holds_every_accuracy_against_the_lazy_one(project: Path) -> None:
    """The share is that of the commonest training class among the test images, in percent."""
    write_evaluated_runs(skills={"unweighted": 1.0})
    found = run_artifacts.load_study(load_params())
    others = found.facts.counts["test"]["not 8"] / 50
    assert f"Always answering “not 8” is right for {100 * others:.1f} %" in describe_lazy_baseline(
        found
    )
    assert project == Path.cwd()


@pytest.mark.parametrize(("share", "text"), [(0.9036, "90.4 %"), (0, "0.0 %"), (1, "100.0 %")])
def test_shares_are_percent_for_people(share: float, text: str) -> None:
    """One digit after the point."""
    assert formatting.format_rounded_percent(share) == text


def test_both_phases_of_a_training_are_told() -> None:
    """How long each was, and of which the rest is said; of one phase nothing is added."""
    whole = make_result("whole")
    assert describe_training(whole).startswith("Settled: at the end")
    for first, last, told in (
        (7, 10, "Of fine-tuning, which was kept: Settled"),
        (1, 6, "Of the head alone, which was kept: Settled"),
    ):
        tuned = whole.model_copy(
            update={
                "training": whole.training.model_copy(update={"fine_tuned_after": 6}),
                "fitting": make_overfitting(first=first, last=last),
            }
        )
        assert describe_training(tuned).startswith(
            "Epochs 1 to 6 trained the head alone, epochs 7 to 10 the network below it as well. "
            f"{told}: at the end"
        )
    away = make_overfitting(kind="diverged", first=1, last=6)
    assert "as well. Diverged: the last" in describe_training(
        tuned.model_copy(update={"fitting": away})
    )


def test_backticks_are_code_and_the_rest_is_text() -> None:
    """What they enclose is set as code; anything else of HTML stays as it was written."""
    assert format_code("set `seed` <b>") == "set <code>seed</code> &lt;b&gt;"
