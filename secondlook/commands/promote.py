"""Put a tracked run into service by hand; it is recorded like a retraining."""

import click

from secondlook.artifacts.dataset_card import read_dataset_card
from secondlook.artifacts.retraining_history import PROMOTED, SAME, DataChange, RetrainingRecord
from secondlook.commands.command_group import (
    JSON_HELP,
    RETRAINING_STATUSES,
    RUN_HELP,
    ProjectCommand,
)
from secondlook.config.params import Params, load_params
from secondlook.config.processes import make_temporary_folder
from secondlook.retraining.decide import Decision
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.session import RetrainingDraft, RetrainingRun, run_session
from secondlook.tracking import models, registry
from secondlook.tracking.lookup import look_up_run
from secondlook.tracking.registry import CHAMPION, Registry


@click.command(cls=ProjectCommand, help=f"{__doc__}\n\n{RUN_HELP}\n\n{RETRAINING_STATUSES}")
@click.argument("wanted", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def command(wanted: str, *, as_json: bool) -> int:
    """Promote a run."""
    return run(load_params(), wanted, as_json=as_json)


def run(params: Params, wanted: str, *, as_json: bool) -> int:
    """Promote the run with this id or name; return the exit status: 0, 1 failed, 75 busy."""

    def work(transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        with make_temporary_folder("second-look-promote-") as folder:
            tracked = look_up_run(wanted, folder)
            facts = read_dataset_card(tracked.folder / "source" / "facts.json")
            found = models.find_candidate_by_id(tracked.id)
        store = Registry(draft.model)
        champion = store.find_version(CHAMPION)
        draft.challenger, draft.data = (
            found.model,
            DataChange(digest=facts.digest, images=facts.image_count),
        )
        decision = Decision(PROMOTED, f"{found.names}, by hand", found)
        if champion and (champion.run, champion.weights, champion.source) == (
            found.run,
            found.weights,
            found.source,
        ):
            decision = Decision(SAME, f"{found.names} is in service already")
        return RetrainingRun.open(params, store, transcript, draft).carry_out(decision, draft)

    return run_session(
        params,
        RetrainingDraft(action="promote", model=registry.format_model_name(params)),
        work,
        as_json=as_json,
    )
