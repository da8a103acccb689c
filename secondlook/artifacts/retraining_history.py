"""What came of each retraining: the typed lines of data/retrain/history.jsonl, the oldest first."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from secondlook.artifacts import files
from secondlook.artifacts.schema import NullableFloat, Record, check_artifact

# Outcomes; the first three are decisions on a challenger.
PROMOTED, KEPT, SAME = "promoted", "kept", "same"
STOPPED, FAILED, BUSY, NOTHING, PLANNED = "stopped", "failed", "busy", "nothing", "planned"
DECISIONS = (PROMOTED, KEPT, SAME)
EXIT_STATUS = {  # the exit status of each outcome
    **dict.fromkeys([PROMOTED, SAME, NOTHING, PLANNED], 0),
    **dict.fromkeys([STOPPED, FAILED], 1),
    KEPT: 3,
    BUSY: 75,  # EX_TEMPFAIL of sysexits.h
}


class ServiceModel(Record):
    """A run that was or would be in service.

    name: its entry in params.yaml; run: its id in MLflow; version: its number in the registry,
    None before it is registered.
    """

    name: str
    run: str
    version: str | None = None


class ConditionCheck(Record):
    """One condition: what was found, between which ends of a 95 % interval, against which limit.

    `champion` and `found` are the champion's and the challenger's value, or those of their data.
    """

    name: str
    champion: NullableFloat = None
    found: NullableFloat
    low: NullableFloat = None
    high: NullableFloat = None
    limit: float
    passed: bool
    told: str


class DataChange(Record):
    """The data by their digest in facts.json: images now, and those new and gone since then.

    `added` and `removed` are None where there was no champion to be compared with.
    """

    digest: str
    images: int
    added: int | None = None
    removed: int | None = None


class RetrainingFacts(Record):
    """What there is to know of a retraining while it goes on, and afterwards.

    action: retrain | promote | rollback; service, before: the champion afterwards and before;
    challenger: the run that was judged; data_checks, gate: what was asked of data and challenger;
    metrics: of the champion in service, on the `judged` test images of that day; test_sketch: by
    which those of another day can be compared with them, see sketch_images; state: the
    digest of everything that determines the runs, where they were made; retraining: the id of
    its own run in MLflow.
    """

    action: str
    model: str | None = None
    service: ServiceModel | None = None
    before: ServiceModel | None = None
    challenger: ServiceModel | None = None
    data: DataChange | None = None
    data_checks: list[ConditionCheck] = Field(default_factory=list)
    gate: list[ConditionCheck] = Field(default_factory=list)
    metrics: dict[str, NullableFloat] = Field(default_factory=dict)
    judged: int | None = None
    test_sketch: list[str] = Field(default_factory=list)
    state: str | None = None
    retraining: str | None = None


SKETCH_SIZE, SKETCH_DIGITS = 64, 12


def sketch_images(digests: Iterable[str]) -> list[str]:
    """Return the beginnings of the smallest SKETCH_SIZE digests (hex) of a set of images.

    Digests are as good as random, so by the smallest of two sets one sees what share of the one is
    in the other, without either: bottom-k sketches (Broder, 1997, "On the Resemblance and
    Containment of Documents"). With 64 of them it is known to 0.06.
    """
    return sorted({digest[:SKETCH_DIGITS] for digest in digests})[:SKETCH_SIZE]


def estimate_share_known(now: Sequence[str], then: Sequence[str]) -> float:
    """Return what share (0..1) of the images that were sketched now were there then."""
    whole = len(then) < SKETCH_SIZE
    comparable = [digest for digest in now if whole or digest <= then[-1]]
    return len(set(comparable) & set(then)) / len(comparable) if comparable else 0.0


class RetrainingRecord(RetrainingFacts):
    """One line of the history; times are UTC, `seconds` is how long it took."""

    time: str
    outcome: str
    reason: str
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """Return the exit status that says this outcome."""
        return EXIT_STATUS[self.outcome]

    @property
    def line(self) -> str:
        """Return the record as one line of JSON, its exit status included."""
        told = self.model_dump() | {"status": self.status}
        return json.dumps(told, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _locate_history() -> Path:
    """Return where the history stands: in git, for it is made nowhere twice.

    It begins with an empty line there, for DVC warns of empty files.
    """
    return files.stage_folder("retrain") / "history.jsonl"


def load_history() -> list[RetrainingRecord]:
    """Return all retrainings, the oldest first; none where there was none yet.

    Raises DataError where a line is not what this version writes.
    """
    if not _locate_history().exists():
        return []
    with check_artifact(_locate_history()) as file:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [RetrainingRecord.model_validate_json(line) for line in lines if line]


def add_to_history(new: Iterable[RetrainingRecord]) -> None:
    """Add retrainings that are not there yet, in order of time; the file is whole at any moment."""
    there = load_history()
    known = {each.retraining for each in there} - {None}
    missing = [each for each in new if each.retraining not in known]
    if missing:
        listed = sorted([*there, *missing], key=lambda each: each.time)
        text = "".join(f"{each.line}\n" for each in listed)
        files.write_atomically(_locate_history(), [text.encode()])


def count_earlier_trials(listed: Sequence[RetrainingRecord]) -> float:
    """Return how many challengers each test image of the last one had judged before, on average.

    Every one of them may have been promoted for what it gained on these very images by luck.
    Retrainings that did not tell which images they used are not counted.
    """
    tried = [each for each in listed if each.outcome in (PROMOTED, KEPT) and each.test_sketch]
    if not tried:
        return 0.0
    *earlier, last = tried
    return sum(estimate_share_known(last.test_sketch, each.test_sketch) for each in earlier)


def find_last_decision(listed: Iterable[RetrainingRecord]) -> RetrainingRecord | None:
    """Return the last retraining that judged a challenger, None where none did."""
    decided = [each for each in listed if each.action == "retrain" and each.outcome in DECISIONS]
    return decided[-1] if decided else None
