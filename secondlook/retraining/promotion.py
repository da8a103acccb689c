"""A decision carried out, and recorded: in MLflow, in data/retrain/history.jsonl, on the page."""

import json
from contextlib import suppress
from dataclasses import dataclass

from secondlook.artifacts import retraining_history
from secondlook.artifacts.retraining_history import PROMOTED, RetrainingRecord
from secondlook.config.errors import SecondLookError, TrackingError
from secondlook.config.params import Params
from secondlook.config.processes import ignore_signals
from secondlook.retraining import log
from secondlook.retraining.decide import Decision
from secondlook.retraining.log import REPORT_LOG_FILE, RetrainingLog
from secondlook.retraining.session import RetrainingDraft
from secondlook.tracking import retraining_runs
from secondlook.tracking.registry import CHAMPION, REASON_TAG, RETRAINING_TAG, Registry
from secondlook.tracking.retraining_runs import TrackedRetraining


@dataclass(frozen=True)
class RetrainingRun:
    """Where a retraining is recorded: `ledger` is its run in MLflow, once that is begun."""

    params: Params
    registry: Registry
    transcript: RetrainingLog
    tracked_run: TrackedRetraining

    @classmethod
    def open(
        cls, params: Params, registry: Registry, transcript: RetrainingLog, draft: RetrainingDraft
    ) -> "RetrainingRun":
        """End what was killed, and begin a retraining; `draft` learns who is in service.

        Raises TrackingError where MLflow is away.
        """
        for line in retraining_runs.recover_killed_runs(params, registry):
            transcript.say(line)
        if champion := registry.find_version(CHAMPION):
            draft.service = draft.before = champion.model
        ledger = retraining_runs.begin_retraining_run(params, draft.action, registry)
        draft.retraining = ledger.run
        return cls(params, registry, transcript, ledger)

    def carry_out(self, decision: Decision, draft: RetrainingDraft) -> RetrainingRecord:
        """Promote the candidate if that was decided; whatever was is recorded.

        What is decided stands in MLflow before the champion changes, and the alias that changes
        it is one step. A kill before it leaves the champion; the next start records one after it.
        """
        with ignore_signals():
            record = draft.make_record(decision.outcome, decision.reason)
            self.tracked_run.write_decision(record)
            if decision.outcome == PROMOTED and decision.candidate is not None:
                tags = _list_version_tags(record, self.tracked_run)
                version = self.registry.register(decision.candidate, tags)
                self.registry.promote(version)
                draft.service, draft.challenger = version.model, version.model
                record = draft.make_record(decision.outcome, decision.reason)
            self.record_outcome(record)
        return record

    def record_outcome(self, record: RetrainingRecord) -> None:
        """Record what came of it; where MLflow is away, in the file alone."""
        for line in log.format_record(record):
            self.transcript.say(line)
        try:
            self.tracked_run.end(record, self.transcript.path, log.format_note(record))
        except TrackingError as error:
            self.transcript.say(f"warning: not recorded in MLflow: {error}")
        _add_to_history(self.params, record)

    def update_report(self) -> None:
        """Let report and MLflow show the new history; the decision does not depend on it.

        Unless it fails nothing is said: the last lines that people read are those of the record.
        """
        silent = RetrainingLog(quiet=True, lock=self.transcript.lock, path=REPORT_LOG_FILE)
        try:
            silent.run_dvc("repro")
        except SecondLookError as error:
            self.transcript.say(f"warning: the report does not show it yet: {error}")


def _add_to_history(params: Params, record: RetrainingRecord) -> None:
    """Add a record to the history, and what other clones recorded in the same MLflow."""
    known = {each.retraining for each in retraining_history.load_history()} | {record.retraining}
    others: list[RetrainingRecord] = []
    with suppress(TrackingError):
        others = retraining_runs.load_finished_retrainings(params, known)
    retraining_history.add_to_history([*others, record])


def _list_version_tags(record: RetrainingRecord, ledger: TrackedRetraining) -> dict[str, str]:
    """Return what the registered version carries: the data, the gate's numbers and the reason.

    One that comes back keeps what it had, but for the retraining that it belongs to.
    """
    gate = [check.model_dump(exclude={"told"}) for check in record.gate]
    told = {
        REASON_TAG: record.reason if record.action != "rollback" else None,
        "second_look.gate": json.dumps(gate) if gate else None,
        "second_look.data": record.data.digest if record.data else None,
    }
    return {RETRAINING_TAG: ledger.run, **{key: text for key, text in told.items() if text}}
