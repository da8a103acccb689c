"""From changed data to a decision: whether they are sane, the training, and who is better.

A decision rests on the data, code and parameters of four stages and on the gate: where none of
them changed since the last one, there is nothing to decide.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondlook.artifacts import files, retraining_history
from secondlook.artifacts.retraining_history import KEPT, PROMOTED, SAME, STOPPED, ConditionCheck
from secondlook.config.dvc import load_dvc_status
from secondlook.config.params import Params
from secondlook.config.retraining import RetrainParams
from secondlook.config.yaml_files import parse_yaml
from secondlook.evaluation import predictions
from secondlook.evaluation.predictions import ImagePredictions
from secondlook.evaluation.run_artifacts import find_best_run, locate_trained_run
from secondlook.retraining import gate
from secondlook.retraining.champion import ChampionPredictions
from secondlook.retraining.data_checks import CurrentData
from secondlook.retraining.gate import Trial
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.session import RetrainingDraft
from secondlook.tracking.models import Candidate, find_candidate_by_key
from secondlook.tracking.registry import CHAMPION, Registry

DECISIVE_STAGES = ("split", "preprocess", "train", "evaluate")  # the others only tell of the runs
DVC_LOCK_FILE = Path("dvc.lock")


def find_changed_stages() -> dict[str, list[str]]:
    """Return what changed for each stage that determines the runs; nothing where all is as it was.

    Raises SecondLookError where DVC cannot tell.
    """
    return {
        name: sorted(_list_changed_parts(told))
        for name, told in load_dvc_status().items()
        if _determines_runs(name)
    }


def compute_state(retrain: RetrainParams) -> str:
    """Return the SHA-256 (hex) of all that a decision rests on.

    That is what goes into the runs and comes out, as dvc.lock tells it, who challenges, and the
    gate.
    """
    text = DVC_LOCK_FILE.read_text(encoding="utf-8") if DVC_LOCK_FILE.exists() else "stages: {}"
    stages = parse_yaml(text)["stages"].items()
    kept = {name: told for name, told in stages if _determines_runs(name)}
    judge = [retrain.run, retrain.gate.model_dump()]
    return hashlib.sha256(json.dumps([kept, judge], sort_keys=True).encode()).hexdigest()


def _determines_runs(stage: str) -> bool:
    return stage.partition("@")[0] in DECISIVE_STAGES


def _list_changed_parts(told: list[Any]) -> set[str]:
    """Return the names of the files and parameters that changed, as far as DVC names any."""
    kinds = [kind for part in told if isinstance(part, dict) for kind in part.values()]
    return {name for kind in kinds if isinstance(kind, dict) for name in kind}


@dataclass(frozen=True)
class Decision:
    """What is to be done, why, and with which run."""

    outcome: str
    reason: str
    candidate: Candidate | None = None


def decide(
    params: Params,
    registry: Registry,
    transcript: RetrainingLog,
    draft: RetrainingDraft,
    folder: Path,
) -> Decision:
    """Bring the pipeline up to date and judge what comes of it; `draft` learns what is found.

    `folder` is for the champion's files. Raises SecondLookError for whatever goes wrong.
    """
    transcript.run_dvc("repro", "preprocess")
    today = CurrentData.load()
    opponent = _question_champion(params, registry, today, draft, folder)
    if failed := [check for check in draft.data_checks if not check.passed]:
        return Decision(STOPPED, f"the data are not as they should be: {_join_reasons(failed)}")
    if params.retrain.jobs and not draft.force:
        transcript.run_repro(params.retrain.jobs)
    else:
        transcript.run_dvc("repro", *(["--force"] if draft.force else []))
    draft.state = compute_state(params.retrain)
    return _judge_challenger(params, opponent, today, draft)


def _question_champion(
    params: Params, registry: Registry, today: CurrentData, draft: RetrainingDraft, folder: Path
) -> ChampionPredictions | None:
    """Return the champion and its answers, None where there is none; look at the new data.

    Raises DataError where no comparison with it would be fair.
    """
    version = registry.find_version(CHAMPION)
    draft.data = today.count_changes(None)
    if version is None:
        return None
    opponent = ChampionPredictions.load(registry, version, today, params, folder)
    draft.data = today.count_changes(opponent.champion.image_digests)
    draft.data_checks = list(opponent.check_data(today, draft.data, params))
    return opponent


def _judge_challenger(
    params: Params, opponent: ChampionPredictions | None, today: CurrentData, draft: RetrainingDraft
) -> Decision:
    """Return who is to be in service, after the training."""
    name = params.retrain.run or find_best_run(params)
    run = files.read_json(files.check_present(locate_trained_run(params, name) / "run.json"))
    candidate = find_candidate_by_key(run["key"], run["weights_digest"])
    draft.challenger, trial = candidate.model, _make_trial(name, params, opponent, today)
    draft.judged = len(trial.truth.labels)
    draft.test_sketch = retraining_history.sketch_images(row.digest for row in today.test_rows)
    if opponent and opponent.champion.version.weights == candidate.weights:
        draft.metrics = dict(gate.compute_gate_metrics(trial.truth, trial.challenger))
        return Decision(SAME, f"{name} is the champion itself, weight by weight")
    draft.gate = list(gate.check_challenger(trial, params.retrain.gate))
    failed = [check for check in draft.gate if not check.passed]
    winner = trial.champion if failed else trial.challenger
    draft.metrics = dict(gate.compute_gate_metrics(trial.truth, winner)) if winner else {}
    asked = "better" if opponent else "good enough"
    if failed:
        return Decision(KEPT, f"{name} is not {asked}: {_join_reasons(failed)}", candidate)
    return Decision(PROMOTED, f"{name} is {asked}: {_join_gains(draft.gate)}", candidate)


def _make_trial(
    name: str, params: Params, opponent: ChampionPredictions | None, today: CurrentData
) -> Trial:
    given = predictions.load_predictions(name, "test", today.facts)
    told = (
        ImagePredictions.from_probabilities(given.labels, opponent.select(today.test_rows))
        if opponent
        else None
    )
    return Trial(
        given.truth, today.facts.classes, told, given.image_predictions, params.compare.seed
    )


def _join_reasons(failed: Sequence[ConditionCheck]) -> str:
    return "; ".join(check.told for check in failed)


def _join_gains(passed: Sequence[ConditionCheck]) -> str:
    """Return what decided: the gain, or at first the floors."""
    gains = [check.told for check in passed if check.name.startswith("gain")]
    return "; ".join(gains or [check.told for check in passed]) or "nothing was asked of it"


def is_decided(params: Params) -> bool:
    """Tell whether the last challenger that was judged is that of the runs as they are.

    And by the gate as it is: one that asks for less may let it pass.
    """
    last = retraining_history.find_last_decision(retraining_history.load_history())
    return last is not None and last.state == compute_state(params.retrain)
