"""Put the model back into service that was there before; a second time undoes it."""

from secondlook.artifacts.retraining_history import PROMOTED, RetrainingRecord
from secondlook.config.errors import TrackingError
from secondlook.config.params import Params
from secondlook.retraining.decide import Decision
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.promotion import RetrainingRun
from secondlook.retraining.session import RetrainingDraft, run_session
from secondlook.tracking import registry
from secondlook.tracking.registry import CHAMPION, PREVIOUS, Registry


def run(params: Params, *, as_json: bool) -> int:
    """Let `previous` be the champion, and the champion `previous`; return the exit status."""

    def work(transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        store = Registry(draft.model)
        champion, previous = store.find_version(CHAMPION), store.find_version(PREVIOUS)
        if champion is None or previous is None:
            raise TrackingError(f"MLflow: {draft.model} has no version before the champion's")
        draft.challenger = previous.model
        opened = RetrainingRun.open(params, store, transcript, draft)
        reason = f"back to version {previous.number}, by hand"
        return opened.carry_out(Decision(PROMOTED, reason, previous.candidate), draft)

    return run_session(
        params,
        RetrainingDraft("rollback", registry.format_model_name(params)),
        work,
        as_json=as_json,
    )
