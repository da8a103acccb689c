"""From changed data to a decision: whether they are sane, the training, and who is better."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.core import files
from stages.core.outputs import predictions
from stages.core.outputs.best import best_run, trained
from stages.core.outputs.retrainings import KEPT, PROMOTED, SAME, STOPPED, Check
from stages.core.params import Params
from stages.core.retraining import changes, gate
from stages.core.retraining.draft import Draft
from stages.core.retraining.gate import Trial
from stages.core.retraining.opponent import Opponent
from stages.core.retraining.todays import Today
from stages.core.retraining.transcript import Transcript
from stages.core.statistics.answers import Answers
from stages.core.tracking import candidates
from stages.core.tracking.candidates import Candidate
from stages.core.tracking.registry import CHAMPION, Registry


@dataclass(frozen=True)
class Decision:
    """What is to be done, why, and with which run."""

    outcome: str
    reason: str
    candidate: Candidate | None = None


def decide(
    params: Params, registry: Registry, transcript: Transcript, draft: Draft, folder: Path
) -> Decision:
    """Bring the pipeline up to date and judge what comes of it; `draft` learns what is found.

    `folder` is for the champion's files. Raises SecondLookError for whatever goes wrong.
    """
    transcript.dvc("repro", "preprocess")
    today = Today.read()
    opponent = met(params, registry, today, draft, folder)
    if failed := [check for check in draft.data_checks if not check.passed]:
        return Decision(STOPPED, f"the data are not as they should be: {_listed(failed)}")
    transcript.dvc("repro", *(["--force"] if draft.force else []))
    draft.state = changes.state(params.retrain)
    return judged(params, opponent, today, draft)


def met(
    params: Params, registry: Registry, today: Today, draft: Draft, folder: Path
) -> Opponent | None:
    """Return the champion and its answers, None where there is none; look at the new data.

    Raises DataError where no comparison with it would be fair.
    """
    version = registry.version(CHAMPION)
    draft.data = today.since(None)
    if version is None:
        return None
    opponent = Opponent.meet(registry, version, today, params, folder)
    draft.data = today.since(opponent.champion.held)
    draft.data_checks = list(opponent.checks(today, draft.data, params))
    return opponent


def judged(params: Params, opponent: Opponent | None, today: Today, draft: Draft) -> Decision:
    """Return who is to be in service, after the training."""
    name = params.retrain.run or best_run(params)
    run = files.read_json(trained(params, name) / "run.json")
    candidate = candidates.by_key(run["key"], run["weights_digest"])
    draft.challenger, trial = candidate.model, _trial(name, params, opponent, today)
    draft.judged = len(trial.truth.labels)
    if opponent and opponent.champion.version.weights == candidate.weights:
        draft.metrics = dict(gate.metrics(trial.truth, trial.challenger))
        return Decision(SAME, f"{name} is the champion itself, weight by weight")
    draft.gate = list(gate.checks(trial, params.retrain.gate))
    failed = [check for check in draft.gate if not check.passed]
    winner = trial.champion if failed else trial.challenger
    draft.metrics = dict(gate.metrics(trial.truth, winner)) if winner else {}
    asked = "better" if opponent else "good enough"
    if failed:
        return Decision(KEPT, f"{name} is not {asked}: {_listed(failed)}", candidate)
    return Decision(PROMOTED, f"{name} is {asked}: {_praised(draft.gate)}", candidate)


def _trial(name: str, params: Params, opponent: Opponent | None, today: Today) -> Trial:
    given = predictions.read(name, "test", today.facts)
    told = Answers.of(given.labels, opponent.told(today.tested)) if opponent else None
    return Trial(given.truth, today.facts.classes, told, given.answers, params.compare.seed)


def _listed(failed: Sequence[Check]) -> str:
    return "; ".join(check.told for check in failed)


def _praised(passed: Sequence[Check]) -> str:
    """Return what decided: the gain, or at first the floors."""
    gains = [check.told for check in passed if check.name.startswith("gain")]
    return "; ".join(gains or [check.told for check in passed]) or "nothing was asked of it"
