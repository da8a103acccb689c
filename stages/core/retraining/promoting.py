"""A decision carried out, and recorded: in MLflow, in data/retrain/history.jsonl, on the page."""

import json
from contextlib import suppress
from dataclasses import dataclass

from stages.core.errors import SecondLookError, TrackingError
from stages.core.outputs import retrainings as history
from stages.core.outputs.retrainings import PROMOTED, Retraining
from stages.core.params import Params
from stages.core.retraining import signals, wording
from stages.core.retraining.draft import Draft
from stages.core.retraining.judging import Decision
from stages.core.retraining.transcript import DRAWING, Transcript
from stages.core.tracking import retrainings
from stages.core.tracking.registry import CHAMPION, REASON, RETRAINING, Registry
from stages.core.tracking.retrainings import Ledger


@dataclass(frozen=True)
class Book:
    """Where a retraining is recorded: `ledger` is its run in MLflow, once that is begun."""

    params: Params
    registry: Registry
    transcript: Transcript
    ledger: Ledger

    @classmethod
    def open(
        cls, params: Params, registry: Registry, transcript: Transcript, draft: Draft
    ) -> "Book":
        """End what was killed, and begin a retraining; `draft` learns who is in service.

        Raises TrackingError where MLflow is away.
        """
        for line in retrainings.recover(params, registry):
            transcript.say(line)
        if champion := registry.version(CHAMPION):
            draft.service = draft.before = champion.model
        ledger = retrainings.begin(params, draft.action, registry)
        draft.retraining = ledger.run
        return cls(params, registry, transcript, ledger)

    def carry_out(self, decision: Decision, draft: Draft) -> Retraining:
        """Promote the candidate if that was decided; whatever was is recorded.

        What is decided stands in MLflow before the champion changes, and the alias that changes
        it is one step. A kill before it leaves the champion; the next start records one after it.
        """
        with signals.deaf():
            record = draft.ended(decision.outcome, decision.reason)
            self.ledger.decide(record)
            if decision.outcome == PROMOTED and decision.candidate is not None:
                tags = _tags(record, self.ledger)
                version = self.registry.register(decision.candidate, tags)
                self.registry.promote(version)
                draft.service, draft.challenger = version.model, version.model
                record = draft.ended(decision.outcome, decision.reason)
            self.settle(record)
        return record

    def settle(self, record: Retraining) -> None:
        """Record what came of it; where MLflow is away, in the file alone."""
        for line in wording.lines(record):
            self.transcript.say(line)
        try:
            self.ledger.settle(record, self.transcript.path, wording.note(record))
        except TrackingError as error:
            self.transcript.say(f"warning: not recorded in MLflow: {error}")
        remember(self.params, record)

    def draw(self) -> None:
        """Let report and MLflow show the new history; the decision does not depend on it.

        Unless it fails nothing is said: the last lines that people read are those of the record.
        """
        silent = Transcript(quiet=True, lock=self.transcript.lock, path=DRAWING)
        try:
            silent.dvc("repro")
        except SecondLookError as error:
            self.transcript.say(f"warning: the report does not show it yet: {error}")


def remember(params: Params, record: Retraining) -> None:
    """Add a record to the history, and what other clones recorded in the same MLflow."""
    known = {each.retraining for each in history.read()} | {record.retraining}
    others: list[Retraining] = []
    with suppress(TrackingError):
        others = retrainings.finished(params, known)
    history.add([*others, record])


def _tags(record: Retraining, ledger: Ledger) -> dict[str, str]:
    """Return what the registered version carries: the data, the gate's numbers and the reason.

    One that comes back keeps what it had, but for the retraining that it belongs to.
    """
    gate = [check.model_dump(exclude={"told"}) for check in record.gate]
    told = {
        REASON: record.reason if record.action != "rollback" else None,
        "second_look.gate": json.dumps(gate) if gate else None,
        "second_look.data": record.data.digest if record.data else None,
    }
    return {RETRAINING: ledger.run, **{key: text for key, text in told.items() if text}}
