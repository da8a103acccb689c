"""How far a run's numbers can be trusted: charts' numbers and sentences."""

import pytest

from secondlook.artifacts.schema import Interval
from secondlook.evaluation import formatting
from secondlook.evaluation.calibration import Calibration, CalibrationBin, LossDistribution
from secondlook.evaluation.overfitting import FitDiagnosis
from secondlook.report import probability_charts
from secondlook.report.text import describe_calibration, describe_fit, describe_loss_spread

FIT = FitDiagnosis(
    kind="overfitting",
    turned=23,
    rise=0.317,
    fall=0.11,
    noise=0.05,
    gap=0.046,
    p=1e-9,
    first=1,
    last=60,
    epochs=60,
    kept=60,
    allowed=60,
    saved=None,
)
LOSSES = LossDistribution(
    mean=0.25,
    worst_share=0.851,
    half=4,
    confidence_right=0.99,
    confidence_wrong=0.93,
    histogram=[8, 2],
    edges=[0.0, 0.1, None],
)


def usually(confidence: float, right: float, *, misjudged: bool) -> Calibration:
    """Return a run that says one thing only, so sure and so often right."""
    accuracy = Interval(value=right, low=0.0, high=1.0)
    only = CalibrationBin(
        low=0.9,
        high=1.0,
        count=1200,
        confidence=confidence,
        accuracy=accuracy,
        misjudged=misjudged,
    )
    return Calibration(bins=[only], error=0.06, chance=0.01, brier=0.1, typical=only)


def test_bars_tell_one_image_from_none() -> None:
    """The highest bar is 1 and an empty one 0; a single image among thousands is seen."""
    heights = [bar.height for bar in probability_charts.build_bars([0, 1, 9999], ["a", "b", "c"])]
    assert heights[0] == 0
    assert heights[1] == pytest.approx(0.0752, abs=1e-4)
    assert heights[2] == 1
    assert [bar.height for bar in probability_charts.build_bars([0, 0], ["a", "b"])] == [0, 0]


def test_bins_are_named_by_their_edges() -> None:
    """The last one may be open."""
    assert probability_charts.format_bin_labels([0.0, 0.003, 1.0, None]) == [
        "0 to 0.003",
        "0.003 to 1",
        "1 and more",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "lowest around epoch 23 and had risen by 32 % at the end. It ended 0.046 nats above"),
        ({"kind": "underfitting"}, "fell 11 % over the last quarter; more epochs may help"),
        ({"kind": "settled"}, "neither rose nor fell beyond its noise"),
        ({"kind": "too short"}, "Too few epochs"),
        ({"kind": "diverged"}, "no finite loss"),
        ({"kept": 25, "epochs": 30, "saved": 30}, "epoch 25 of 30 were kept. Early stopping saved"),
        ({"saved": 0}, "never stopped it"),
    ],
)
def test_each_kind_of_fit_has_its_sentence(change: dict[str, object], words: str) -> None:
    """Overfitting is dated; what early stopping saved is told where it was on."""
    assert words in describe_fit(FIT.model_copy(update=change))


def test_the_kept_epoch_is_told_without_early_stopping() -> None:
    """Nothing is said of early stopping where there was none."""
    told = describe_fit(FIT)
    assert told.endswith("The weights of epoch 60 of 60 were kept.")


@pytest.mark.parametrize(
    ("confidence", "right", "misjudged", "words"),
    [
        (0.99, 0.93, True, "When it says 99.0 %, it is right 93.0 % of the time: too sure"),
        (0.9, 0.95, True, "it could be surer"),
        (0.99, 0.97, False, "about as often as it says (1,200 images)"),
    ],
)
def test_confidence_is_held_against_accuracy(
    confidence: float, right: float, misjudged: bool, words: str
) -> None:
    """It is called too sure only beyond what chance allows."""
    assert words in describe_calibration(usually(confidence, right, misjudged=misjudged))


def test_the_loss_is_traced_to_its_images() -> None:
    """How much the worst carry, how few carry half, and how sure it is when wrong."""
    told = describe_loss_spread(LOSSES)
    assert "worst 1 % of images carry 85 % of the loss; 4 images carry half" in told
    assert "still 93 % sure" in told
    single = LOSSES.model_copy(update={"half": 1, "confidence_wrong": None})
    assert "one image carries half of it. It was never wrong." in describe_loss_spread(single)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1000, "1k"), (999_499, "999k"), (2_600_000, "3M")]
)
def test_large_counts_are_short(count: int, text: str) -> None:
    """At most four letters."""
    assert formatting.format_compact_count(count) == text


def test_shares_near_one_keep_their_digit() -> None:
    """99.9 % is not all."""
    texts = [formatting.format_whole_percent(share) for share in (0.318, 0.999, 1.0, None)]
    assert texts == ["32 %", "99.9 %", "100 %", "an unknown share"]
