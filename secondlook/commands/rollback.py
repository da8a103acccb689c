"""Put the model back into service that was there before; a second time undoes it."""

import click

from secondlook.artifacts.retraining_history import PROMOTED, RetrainingRecord
from secondlook.commands.command_group import JSON_HELP, RETRAINING_STATUSES, ProjectCommand
from secondlook.config.errors import TrackingError
from secondlook.config.params import Params, load_params
from secondlook.retraining.decide import Decision
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.session import RetrainingDraft, RetrainingRun, run_session
from secondlook.tracking import registry
from secondlook.tracking.registry import CHAMPION, PREVIOUS, Registry


@click.command(cls=ProjectCommand, help=f"{__doc__}\n\n{RETRAINING_STATUSES}")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def command(*, as_json: bool) -> int:
    """Go back to the model before."""
    return run(load_params(), as_json=as_json)


def run(params: Params, *, as_json: bool) -> int:
    """Let `previous` be the champion, and the champion `previous`; return the exit status."""

    def work(transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        store = Registry(draft.model)
        champion, previous = store.find_version(CHAMPION), store.find_version(PREVIOUS)
        if champion is None or previous is None:
            raise TrackingError(
                f"MLflow: {draft.model} has no version before the champion's; `secondlook promote "
                "RUN` puts another run into service"
            )
        store.check_files(previous)
        draft.challenger = previous.model
        opened = RetrainingRun.open(params, store, transcript, draft)
        reason = f"back to version {previous.number}, by hand"
        return opened.carry_out(Decision(PROMOTED, reason, previous.candidate), draft)

    return run_session(
        params,
        RetrainingDraft(action="rollback", model=registry.format_model_name(params)),
        work,
        as_json=as_json,
    )
