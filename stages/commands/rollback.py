"""Put the model back into service that was there before; a second time undoes it."""

from stages.core.errors import TrackingError
from stages.core.outputs.retrainings import PROMOTED, Retraining
from stages.core.params import Params
from stages.core.retraining.draft import Draft
from stages.core.retraining.judging import Decision
from stages.core.retraining.promoting import Book
from stages.core.retraining.session import session
from stages.core.retraining.transcript import Transcript
from stages.core.tracking import registry
from stages.core.tracking.registry import CHAMPION, PREVIOUS, Registry


def run(params: Params, *, as_json: bool) -> int:
    """Let `previous` be the champion, and the champion `previous`; return the exit status."""

    def work(transcript: Transcript, draft: Draft) -> Retraining:
        store = Registry(draft.model)
        champion, previous = store.version(CHAMPION), store.version(PREVIOUS)
        if champion is None or previous is None:
            raise TrackingError(f"MLflow: {draft.model} has no version before the champion's")
        draft.challenger = previous.model
        opened = Book.open(params, store, transcript, draft)
        reason = f"back to version {previous.number}, by hand"
        return opened.carry_out(Decision(PROMOTED, reason, previous.candidate), draft)

    return session(params, Draft("rollback", registry.name(params)), work, as_json=as_json)
