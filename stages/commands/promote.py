"""Put a tracked run into service by hand; it is recorded like a retraining."""

import tempfile
from pathlib import Path

from stages.core import files
from stages.core.outputs.facts import Facts
from stages.core.outputs.retrainings import PROMOTED, SAME, Images, Retraining
from stages.core.params import Params
from stages.core.retraining.draft import Draft
from stages.core.retraining.judging import Decision
from stages.core.retraining.promoting import Book
from stages.core.retraining.session import session
from stages.core.retraining.transcript import Transcript
from stages.core.tracking import candidates, look_up, registry
from stages.core.tracking.registry import CHAMPION, Registry


def run(params: Params, wanted: str, *, as_json: bool) -> int:
    """Promote the run with this id or name; return the exit status: 0, 1 failed, 75 busy."""

    def work(transcript: Transcript, draft: Draft) -> Retraining:
        with tempfile.TemporaryDirectory(prefix="second-look-") as folder:
            tracked = look_up(wanted, Path(folder))
            facts = Facts.of(files.read_json(tracked.folder / "source" / "facts.json"))
            found = candidates.by_id(tracked.id)
        store = Registry(draft.model)
        champion = store.version(CHAMPION)
        draft.challenger, draft.data = found.model, Images(digest=facts.digest, images=facts.images)
        decision = Decision(PROMOTED, f"{found.names}, by hand", found)
        if champion and (champion.run, champion.weights) == (found.run, found.weights):
            decision = Decision(SAME, f"{found.names} is in service already")
        return Book.open(params, store, transcript, draft).carry_out(decision, draft)

    return session(params, Draft("promote", registry.name(params)), work, as_json=as_json)
