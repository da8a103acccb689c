"""What `evaluate` found out about one run beyond its scalars: the typed parts of details.json.

Shares are 0..1, losses are in nats; null stands for what is not defined. All of it stands once per
split (details.json: validation.losses, test.losses, ...), but for `fitting`, which stands once.
"""

from stages.core.outputs.records import Number, Record


class Interval(Record):
    """A number and the ends of its 95 % interval over images."""

    value: Number
    low: Number
    high: Number


class Losses(Record):
    """How the log loss is spread over the images, from `core/statistics/losses.py`.

    mean: the log loss; worst_share: part of the total that the worst 1 % of images carry; half:
    how few images carry half of the total; confidence_right, confidence_wrong: mean probability
    of the predicted class where it was right, and where it was wrong; histogram: images in each
    bin; edges: of the bins, one more than there are bins, the last one null: no upper end.
    """

    mean: Number
    worst_share: Number
    half: int
    confidence_right: Number
    confidence_wrong: Number
    histogram: list[int]
    edges: list[Number]


class Bin(Record):
    """The answers with a confidence above `low` and up to `high`, `count` of them.

    confidence: the mean of it; accuracy: the share that is right, with its interval; misjudged:
    whether the mean confidence lies outside of that interval.
    """

    low: float
    high: float
    count: int
    confidence: Number
    accuracy: Interval
    misjudged: bool


class Calibration(Record):
    """Whether a run is as sure as it is right, from `core/statistics/calibration.py`.

    bins: those that hold an answer, from unsure to sure; error: the expected calibration error
    with these bins; chance: the error that a perfectly calibrated run would show on as many
    images; brier: the Brier score (0..2); typical: the bin with most answers, for the sentence
    "when it says {confidence}, it is right {accuracy} of the time".
    """

    bins: list[Bin]
    error: Number
    chance: Number
    brier: Number
    typical: Bin


class OperatingPoint(Record):
    """Where a yes-or-no question is answered yes: chosen on validation, judged on this split.

    name: the class in question; rule: default (as the most probable class says) | best_f1 |
    recall | precision (at least `target`); reached: whether a threshold on validation reached the
    target; where none did, it is the one that came closest. The answer is yes from a probability
    of `threshold` on. confusion: 2 x 2 counts, rows truly not and truly so, columns answered no
    and yes. precision, recall, f1: of this split at the threshold. What other thresholds would
    give stands in `thresholds`.
    """

    name: str
    rule: str
    target: Number
    reached: bool
    threshold: Number
    confusion: list[list[int]]
    precision: Number
    recall: Number
    f1: Number


class Thresholds(Record):
    """What each threshold, from the highest down, gives on this split: lists of one length."""

    threshold: list[Number]
    precision: list[Number]
    recall: list[Number]
    f1: list[Number]


class Fitting(Record):
    """Whether training went on for too long, or not long enough, from `core/statistics/fitting.py`.

    kind: overfitting | underfitting (the validation loss still fell at the end) | settled |
    too short (to say) | diverged; turned: the epoch (from 1) of the lowest validation loss; rise:
    how much higher it ended, as a share of the lowest (0.44: 44 %); fall: how much lower it ended
    than a quarter of the epochs before; noise: of one epoch, as a share of the loss; gap:
    validation less training loss at the end. All of smoothed curves.

    epochs: trained; kept: the epoch whose weights were kept; allowed: epochs at most; saved: those
    that early stopping left out, null without early stopping.
    """

    kind: str
    turned: int | None
    rise: Number
    fall: Number
    noise: Number
    gap: Number
    epochs: int
    kept: int
    allowed: int
    saved: int | None
