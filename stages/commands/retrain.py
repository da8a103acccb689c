"""Retrain where the data changed, and let a better model, and no worse one, go into service.

For schedulers: it asks nothing, and its exit status says what came of it.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from stages.core.errors import SecondLookError
from stages.core.outputs import retrainings as history
from stages.core.outputs.retrainings import DECIDED, FAILED, NOTHING, PLANNED, Retraining
from stages.core.params import Params
from stages.core.retraining import changes, judging, wording
from stages.core.retraining.draft import Draft
from stages.core.retraining.promoting import Book
from stages.core.retraining.session import session
from stages.core.retraining.transcript import Transcript
from stages.core.tracking import registry, retrainings
from stages.core.tracking.registry import Registry

SHOWN = 3  # changes of one stage that `--dry-run` names


def run(params: Params, *, dry_run: bool, force: bool, as_json: bool) -> int:
    """Retrain, judge, promote or not, record; return the exit status.

    0: promoted, or nothing to do; 3: the challenger is not better; 75: another retraining goes
    on; 1: failed or stopped. `dry_run` changes nothing; `force` trains also what did not change.
    """
    draft = Draft("retrain", registry.name(params), force)
    if dry_run:  # of what was not done nobody is notified
        silent = params.retrain.model_copy(update={"notify": None})
        params = params.model_copy(update={"retrain": silent})

    def work(transcript: Transcript, draft: Draft) -> Retraining:
        if dry_run:
            return planned(params, transcript, draft)
        return retrained(params, transcript, draft)

    return session(params, draft, work, as_json=as_json)


def planned(params: Params, transcript: Transcript, draft: Draft) -> Retraining:
    """Say what a retraining would do, without fetching any data."""
    if params.retrain.fetch:
        transcript.say(f"would run: {params.retrain.fetch}")
    stale = changes.stale()
    for stage, parts in stale.items():
        transcript.say(f"would run: {stage}, because of {few(parts)}")
    if not stale and not draft.force and decided(params):
        return said(transcript, draft.ended(NOTHING, "nothing that determines the runs changed"))
    judge = params.retrain.run or "the run with the lowest validation log loss"
    metric = wording.plain(params.retrain.gate.metric)
    trained = "train what depends on that, and " if stale else ""
    reason = f"would {trained}judge {judge} against the champion by {metric}"
    return said(transcript, draft.ended(PLANNED, reason))


def few(parts: Sequence[str]) -> str:
    """Return what changed, a few of many."""
    more = [f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
    return ", ".join([*parts[:SHOWN], *more]) or "outputs that are missing"


def retrained(params: Params, transcript: Transcript, draft: Draft) -> Retraining:
    """Bring the data up to date, and retrain where that or anything else changed the runs."""
    if params.retrain.fetch:
        try:
            transcript.shell(params.retrain.fetch, "retrain.fetch")
        except SecondLookError as error:
            return failed(book(params, transcript, draft), draft, error)
    if not draft.force and not changes.stale() and known(params, transcript, draft):
        return said(transcript, draft.ended(NOTHING, "nothing that determines the runs changed"))
    return judged(params, transcript, draft)


def judged(params: Params, transcript: Transcript, draft: Draft) -> Retraining:
    """Come to a decision and carry it out; whatever goes wrong is recorded."""
    try:
        opened = book(params, transcript, draft)
    except SecondLookError as error:  # there is no MLflow to record it in
        history.add([draft.ended(FAILED, str(error))])
        raise
    try:
        with tempfile.TemporaryDirectory(prefix="second-look-") as folder:
            decision = judging.decide(params, opened.registry, transcript, draft, Path(folder))
        record = opened.carry_out(decision, draft)
    except SecondLookError as error:
        return failed(opened, draft, error)
    if record.outcome in DECIDED:
        opened.draw()
    return record


def failed(opened: Book, draft: Draft, error: SecondLookError) -> Retraining:
    """Record a failure."""
    record = draft.ended(FAILED, str(error))
    opened.settle(record)
    return record


def book(params: Params, transcript: Transcript, draft: Draft) -> Book:
    """Begin the record of a retraining."""
    return Book.open(params, Registry(draft.model), transcript, draft)


def said(transcript: Transcript, record: Retraining) -> Retraining:
    """Say what came of it, where that is not worth a record."""
    transcript.say(f"retrain: {record.reason}")
    return record


def known(params: Params, transcript: Transcript, draft: Draft) -> bool:
    """Tell whether the runs as they are were judged before: here, by one killed, by a clone."""
    if not decided(params):
        for line in retrainings.recover(params, Registry(draft.model)):
            transcript.say(line)
        there = {each.retraining for each in history.read()}
        history.add(retrainings.finished(params, there))
    return decided(params)


def decided(params: Params) -> bool:
    """Tell whether the last challenger that was judged is that of the runs as they are.

    And by the gate as it is: one that asks for less may let it pass.
    """
    last = history.last_decision(history.read())
    return last is not None and last.state == changes.state(params.retrain)
