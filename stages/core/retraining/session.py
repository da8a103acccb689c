"""What retrain, promote and rollback share: the lock, the end of it told, the exit status."""

import subprocess
import sys
from collections.abc import Callable

from stages.core.errors import BusyError, SecondLookError
from stages.core.outputs.retrainings import BUSY, FAILED, Retraining
from stages.core.params import Params
from stages.core.retraining import lock, signals, wording
from stages.core.retraining.draft import Draft
from stages.core.retraining.transcript import Transcript, environ

PATIENCE = 60  # seconds that `retrain.notify` has
Work = Callable[[Transcript, Draft], Retraining]


def session(params: Params, draft: Draft, work: Work, *, as_json: bool) -> int:
    """Do the work alone, tell what came of it, and return the exit status of that.

    Whatever happens is told to people and to `retrain.notify`; a bug too, before its traceback.
    """
    record = draft.ended(FAILED, "an error of Second Look itself; its traceback tells more")
    try:
        record = _done(draft, work, as_json)
    finally:
        if as_json:
            print(record.line, flush=True)
        notify(params.retrain.notify, record, quiet=as_json)
    return record.status


def _done(draft: Draft, work: Work, as_json: bool) -> Retraining:
    try:
        with signals.told(), lock.held() as descriptor:
            return work(Transcript(as_json, descriptor), draft)
    except BusyError as error:
        return _told(draft.ended(BUSY, str(error)), as_json)
    except SecondLookError as error:
        return _told(draft.ended(FAILED, str(error)), as_json)


def _told(record: Retraining, as_json: bool) -> Retraining:
    if not as_json:
        print(*wording.lines(record), sep="\n", file=sys.stderr)
    return record


def notify(command: str | None, record: Retraining, *, quiet: bool) -> None:
    """Hand the record to a shell command as JSON; that it fails changes nothing but this line."""
    if command is None:
        return
    try:
        subprocess.run(
            ["/bin/sh", "-c", command],
            input=f"{record.line}\n",
            stdout=sys.stderr,
            env=environ(),
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        if not quiet:
            print(f"warning: params.yaml: retrain.notify: {error}", file=sys.stderr)
