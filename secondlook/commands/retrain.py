"""Retrain where the data changed, and let a better model, and no worse one, go into service.

For schedulers: it asks nothing, and its exit status says what came of it.
"""

from collections.abc import Sequence

import click

from secondlook.artifacts import retraining_history
from secondlook.artifacts.retraining_history import (
    DECISIONS,
    FAILED,
    NOTHING,
    PLANNED,
    RetrainingRecord,
)
from secondlook.commands.command_group import JSON_HELP, RETRAINING_STATUSES, ProjectCommand
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import make_temporary_folder
from secondlook.evaluation import formatting
from secondlook.retraining import decide
from secondlook.retraining.decide import is_decided
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.session import RetrainingDraft, RetrainingRun, run_session
from secondlook.scheduling.fork_server import ForkServer
from secondlook.tracking import registry, retraining_runs
from secondlook.tracking.registry import Registry

MAX_NAMED_CHANGES = 3  # changes of one stage that `--dry-run` names


@click.command(cls=ProjectCommand, help=f"{__doc__}\n\n{RETRAINING_STATUSES}")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@click.option("--force", is_flag=True, help="Train everything again, also where nothing changed.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def command(*, dry_run: bool, force: bool, as_json: bool) -> int:
    """Retrain, for people and schedulers."""
    return run(load_params(), dry_run=dry_run, force=force, as_json=as_json)


def run(params: Params, *, dry_run: bool, force: bool, as_json: bool) -> int:
    """Retrain, judge, promote or not, record; return the exit status.

    0: promoted, or nothing to do; 3: the challenger is not better; 75: another retraining goes
    on; 1: failed or stopped. `dry_run` changes nothing; `force` trains also what did not change.
    """
    model = registry.format_model_name(params)
    draft = RetrainingDraft(action="retrain", model=model, force=force)
    if dry_run:  # of what was not done nobody is notified
        silent = params.retrain.model_copy(update={"notify": None})
        params = params.model_copy(update={"retrain": silent})

    def work(transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        if dry_run:
            return _plan(params, transcript, draft)
        return _retrain_if_changed(params, transcript, draft)

    return run_session(params, draft, work, as_json=as_json)


def _plan(params: Params, transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
    """Say what a retraining would do, without fetching any data."""
    if params.retrain.fetch:
        transcript.say(f"would run: {params.retrain.fetch}")
    stale = decide.find_changed_stages()
    for stage, parts in stale.items():
        transcript.say(f"would run: {stage}, because of {_format_changes(parts)}")
    if not stale and not draft.force and is_decided(params):
        return _say_outcome(
            transcript, draft.make_record(NOTHING, "nothing that determines the runs changed")
        )
    judge = params.retrain.run or "the run with the lowest validation log loss"
    metric = formatting.format_metric_name(params.retrain.gate.metric)
    trained = "train what depends on that, and " if stale else ""
    reason = f"would {trained}judge {judge} against the champion by {metric}"
    return _say_outcome(transcript, draft.make_record(PLANNED, reason))


def _format_changes(parts: Sequence[str]) -> str:
    """Return what changed, a few of many."""
    more = [f"{len(parts) - MAX_NAMED_CHANGES} more"] if len(parts) > MAX_NAMED_CHANGES else []
    return ", ".join([*parts[:MAX_NAMED_CHANGES], *more]) or "outputs that are missing"


def _retrain_if_changed(
    params: Params, transcript: RetrainingLog, draft: RetrainingDraft
) -> RetrainingRecord:
    """Bring the data up to date, and retrain where that or anything else changed the runs."""
    if params.retrain.fetch:
        try:
            transcript.run_shell(params.retrain.fetch, "retrain.fetch")
        except SecondLookError as error:
            return _record_failure(_begin_run(params, transcript, draft), draft, error)
    if (
        not draft.force
        and not decide.find_changed_stages()
        and _recover_decision(params, transcript, draft)
    ):
        return _say_outcome(
            transcript, draft.make_record(NOTHING, "nothing that determines the runs changed")
        )
    return _retrain(params, transcript, draft)


def _retrain(params: Params, transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
    """Come to a decision and carry it out; whatever goes wrong is recorded."""
    try:
        opened = _begin_run(params, transcript, draft)
    except SecondLookError as error:  # there is no MLflow to record it in
        retraining_history.add_to_history([draft.make_record(FAILED, str(error))])
        raise
    try:
        with make_temporary_folder("second-look-retrain-") as folder, ForkServer() as server:
            server.start()
            decision = decide.decide(params, opened.registry, transcript, draft, folder)
        record = opened.carry_out(decision, draft)
    except SecondLookError as error:
        return _record_failure(opened, draft, error)
    if record.outcome in DECISIONS:
        opened.update_report()
    return record


def _record_failure(
    opened: RetrainingRun, draft: RetrainingDraft, error: SecondLookError
) -> RetrainingRecord:
    """Record a failure."""
    record = draft.make_record(FAILED, str(error))
    opened.record_outcome(record)
    return record


def _begin_run(params: Params, transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRun:
    """Begin the record of a retraining."""
    return RetrainingRun.open(params, Registry(draft.model), transcript, draft)


def _say_outcome(transcript: RetrainingLog, record: RetrainingRecord) -> RetrainingRecord:
    """Say what came of it, where that is not worth a record."""
    transcript.say(f"retrain: {record.reason}")
    return record


def _recover_decision(params: Params, transcript: RetrainingLog, draft: RetrainingDraft) -> bool:
    """Tell whether the runs as they are were judged before: here, by one killed, by a clone."""
    if not is_decided(params):
        for line in retraining_runs.recover_killed_runs(params, Registry(draft.model)):
            transcript.say(line)
        there = {each.retraining for each in retraining_history.load_history()}
        retraining_history.add_to_history(retraining_runs.load_finished_retrainings(params, there))
    return is_decided(params)
