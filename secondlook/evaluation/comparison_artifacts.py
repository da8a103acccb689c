"""What `compare` leaves: comparison.json and verdicts.json, their shape, and reading them back.

Runs that differ in their seed alone are one method, named after the first of them; a run without
such replicates is a method of its own. All numbers are of the test split unless they say otherwise.
A Verdict is made in verdicts/ and shown by whoever reads it: so its shape stands here.
"""

from typing import Literal

from pydantic import Field

from secondlook.artifacts import files
from secondlook.artifacts.schema import Record
from secondlook.evaluation.comparison import MethodPair, reverse_pair
from secondlook.evaluation.confusion import Mistakes
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.seeds import Estimate


class Method(Record):
    """One method: `runs` are its seeds, in the order of params.yaml, the reference first.

    estimates: validation and test, each with every scalar but lazy_accuracy; gain: accuracy and
    log_loss less those of the lazy baseline, on test.
    """

    name: str
    runs: list[str]
    estimates: dict[str, dict[str, Estimate]]
    gain: dict[str, Difference]


class Family(Record):
    """Differences that hold together (simultaneous.py): `size` of them.

    name: ranking, F1 of the best on validation less that of the others, or differences, all else;
    share: of studies of equal methods that may hold a false one; reach: standard errors from a
    difference to the end of its interval, 1.96 where there is but one.
    """

    name: str
    size: int
    share: float
    reach: float


class Comparison(Record):
    """All methods, those pairs that matter, and the images to look at.

    ranking: names of the methods, the highest F1 on validation first; pairs: the reference with
    every other, the best (the first of the ranking) with every other, on validation the most
    accurate with that of the lowest log loss, and those of `weighting`, `stopping` and
    `fine_tuning`: names of methods that differ in class_weight, early_stopping or fine_tune alone,
    without and with. So the best with a pretrained network and the best without one are a pair, as
    one of them is the best of all.
    """

    reference: str
    ranking: list[str]
    methods: list[Method]
    pairs: list[MethodPair]
    weighting: list[tuple[str, str]]
    stopping: list[tuple[str, str]]
    fine_tuning: list[tuple[str, str]] = Field(default_factory=list)
    mistakes: Mistakes
    families: list[Family] = Field(default_factory=list)

    def find_method(self, name: str) -> Method:
        """Return the method of that name."""
        return next(method for method in self.methods if method.name == name)

    def find_pair(self, first: str, second: str) -> MethodPair:
        """Return second less first, turned around where it was computed the other way.

        Raises KeyError where the two were not compared.
        """
        for found in self.pairs:
            if (found.first, found.second) == (first, second):
                return found
            if (found.first, found.second) == (second, first):
                return reverse_pair(found)
        raise KeyError(first, second)


ReportSection = Literal[
    "data",
    "leaderboard",
    "differences",
    "weighting",
    "losses",
    "calibration",
    "thresholds",
    "learning",
    "classes",
    "confusion",
    "mistakes",
]


class Verdict(Record):
    """One thing that is known, in words a person acts on.

    rule: name of the rule that says so; evidence: id of the section of the report that shows it;
    runs: those it is about; weight: how much it matters, 0..1.
    """

    rule: str
    text: str
    evidence: ReportSection
    runs: list[str]
    weight: float


def load_verdicts() -> list[Verdict]:
    """Return what stands in data/compare/verdicts.json; DataError when it is missing."""
    path = files.check_present(files.stage_folder("compare") / "verdicts.json")
    return [Verdict.model_validate(found) for found in files.read_json(path)]
