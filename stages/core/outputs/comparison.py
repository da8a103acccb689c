"""What `compare` found out about all runs together: the shape of comparison.json, and reading it.

Runs that differ in their seed alone are one method, named after the first of them; a run without
such replicates is a method of its own. All numbers are of the test split unless they say otherwise.
"""

from stages.core.outputs.findings import Interval
from stages.core.outputs.records import Number, Record


class Estimate(Interval):
    """A metric's mean over the seeds of a method, and their standard deviation.

    With several seeds the interval holds for other seeds and images, with one (deviation null)
    for other images only.
    """

    deviation: Number


class Difference(Interval):
    """A metric of the second method less that of the first, by image.

    distinguishable: whether the interval excludes zero; includes_seeds: whether it also holds for
    other seeds of the trainings, not for these very models only.
    """

    distinguishable: bool
    includes_seeds: bool

    @property
    def up(self) -> bool:
        """Say whether the second certainly has more."""
        return self.low is not None and self.low > 0

    @property
    def down(self) -> bool:
        """Say whether the second certainly has less."""
        return self.high is not None and self.high < 0


class McNemar(Record):
    """How many images only the first, only the second run got right, and the exact p-value."""

    first_only: int
    second_only: int
    p: float


class Method(Record):
    """One method: `runs` are its seeds, in the order of params.yaml, the reference first.

    estimates: validation and test, each with every scalar but lazy_accuracy; gain: accuracy and
    log_loss less those of the lazy baseline, on test.
    """

    name: str
    runs: list[str]
    estimates: dict[str, dict[str, Estimate]]
    gain: dict[str, Difference]


class Pair(Record):
    """Two methods on test: `second` less `first`, metric by metric.

    mcnemar: null where a method has several seeds; disagree: whether one has the better accuracy
    and the other a better log loss, beyond chance.
    """

    first: str
    second: str
    differences: dict[str, Difference]
    mcnemar: McNemar | None
    disagree: bool


class Image(Record):
    """A test image that was taken for another class.

    index: its place in data/preprocess/test.npy; id: its name in images.csv; true, predicted:
    names of classes; confidence: probability (0..1) of the class predicted; loss: log loss.
    Where several runs are meant, predicted is what most of them say (the first of equals), and
    confidence and loss are means over them.
    """

    index: int
    id: str
    true: str
    predicted: str
    confidence: Number
    loss: Number


class Confused(Record):
    """How many test images of one class are taken for another; share: of all of the first one."""

    true: str
    predicted: str
    count: int
    share: float


class Mistakes(Record):
    """Test images to look at: lists of at most `compare.images`, with how many there are in all.

    hardest: by run, those of the highest loss (which may be right, if barely, where a run makes
    few mistakes); wrong_everywhere: those that no run gets right, the surest mistakes first;
    right_once: by run, those that it alone gets right, with what the others say; confused: by
    run, the pairs of classes that are confused most. wrong_everywhere and right_once are empty
    where there is one run only.
    """

    hardest: dict[str, list[Image]]
    wrong_everywhere: list[Image]
    wrong_everywhere_count: int
    right_once: dict[str, list[Image]]
    right_once_count: dict[str, int]
    confused: dict[str, list[Confused]]


class Comparison(Record):
    """All methods, those pairs that matter, and the images to look at.

    ranking: names of the methods, the highest F1 on validation first; pairs: the reference with
    every other, the best (the first of the ranking) with every other, the most accurate with that
    of the lowest log loss, and those of `weighting` and `stopping`: names of methods that differ
    in class_weight, or in early_stopping, alone, without and with.
    """

    reference: str
    ranking: list[str]
    methods: list[Method]
    pairs: list[Pair]
    weighting: list[tuple[str, str]]
    stopping: list[tuple[str, str]]
    mistakes: Mistakes

    def method(self, name: str) -> Method:
        """Return the method of that name."""
        return next(method for method in self.methods if method.name == name)

    def pair(self, first: str, second: str) -> Pair:
        """Return second less first, turned around where it was computed the other way.

        Raises KeyError where the two were not compared.
        """
        for found in self.pairs:
            if (found.first, found.second) == (first, second):
                return found
            if (found.first, found.second) == (second, first):
                return turned(found)
        raise KeyError(first, second)


def turned(pair: Pair) -> Pair:
    """Return the same pair, first less second."""
    test = pair.mcnemar
    return Pair(
        first=pair.second,
        second=pair.first,
        differences={name: _negative(found) for name, found in pair.differences.items()},
        mcnemar=test
        and McNemar(first_only=test.second_only, second_only=test.first_only, p=test.p),
        disagree=pair.disagree,
    )


def _negative(found: Difference) -> Difference:
    value, low, high = (None if n is None else -n for n in (found.value, found.high, found.low))
    return found.model_copy(update={"value": value, "low": low, "high": high})
