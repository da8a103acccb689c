"""Studies as they were planned, written as files and judged by the real evaluate and compare."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.comparison_artifacts import Comparison
from secondlook.verdicts.case import Case
from stages import compare, evaluate
from tests.support.datasets import make_dataset_card
from tests.support.project import ROOT
from tests.support.results import NO_COPIES, NONE_ALIKE, make_run_json
from tests.support.studies import ALLOWED_EPOCHS, CURVES, HEAD, STOPPING, RunPlan, StudyPlan


def build_case(plan: StudyPlan) -> Case:
    """Write the study into data/ of the current folder, judge it, return its case."""
    params = _make_params(plan)
    chance = np.random.default_rng(plan.seed)
    labels = {split: _draw_labels(chance, plan, count) for split, count in plan.counts.items()}
    _write_preprocessed(plan, labels | {"test": _mislabel(plan, labels["test"])})
    noise = {split: chance.normal(size=(n, len(plan.classes))) for split, n in plan.counts.items()}
    for name, run in zip(params.runs, plan.runs, strict=True):
        given = {
            split: _draw_predictions(chance, run, labels[split], noise[split])
            for split in ("validation", "test")
        }
        _write_run(name, run, params.run(name).model_dump(), given)
        evaluate.run(params, name)
    compare.run(params)
    found = run_artifacts.load_study(params)
    compared = Comparison.model_validate(files.read_json(Path("data/compare/comparison.json")))
    return Case(found.facts, found.results, compared)


def _make_params(plan: StudyPlan) -> Params:
    """Return the project's parameters for these runs; their names are letters."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    names = "ABCDEF"[: len(plan.runs)]
    whole["runs"] = {name: dict(run.parameters) for name, run in zip(names, plan.runs, strict=True)}
    whole["train"] |= {"epochs": ALLOWED_EPOCHS}
    whole["preprocess"] |= {"height": 32, "width": 32, "channels": 3}
    whole["evaluate"] |= {"operating_point": plan.rule, "curve_points": 10}
    whole["report"]["reference"] = "A"
    return Params.model_validate(whole)


def _draw_labels(chance: np.random.Generator, plan: StudyPlan, count: int) -> NDArray[np.int64]:
    """Return every class at least once, the first one as often as it should be."""
    size = len(plan.classes)
    shares = [plan.first_share, *[(1 - plan.first_share) / (size - 1)] * (size - 1)]
    return np.append(np.arange(size), chance.choice(size, count - size, p=shares)).astype(np.int64)


def _mislabel(plan: StudyPlan, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return labels of which some are those of the next class; of each class one stays."""
    wrong = labels.copy()
    places = slice(len(plan.classes), len(plan.classes) + plan.mislabelled)
    wrong[places] = (labels[places] + 1) % len(plan.classes)
    return wrong


def _write_preprocessed(plan: StudyPlan, labels: dict[str, NDArray[np.int64]]) -> None:
    counts = {
        split: dict(zip(plan.classes, np.bincount(truth).tolist(), strict=True))
        for split, truth in labels.items()
    }
    facts = make_dataset_card(
        plan.classes, counts, plan.positive, copies=NO_COPIES, alike=NONE_ALIKE
    )
    with files.create_output("preprocess") as folder:
        for split, truth in labels.items():
            np.save(folder / f"{split}.labels.npy", truth)
        files.write_json(folder / "facts.json", facts.model_dump())
        rows = [
            {"id": f"{split}#{i}", "label": "", "split": split, "digest": ""}
            for split, truth in labels.items()
            for i in range(len(truth))
        ]
        files.write_csv(folder / "images.csv", rows[0], rows)


def _draw_predictions(
    chance: np.random.Generator,
    run: RunPlan,
    labels: NDArray[np.int64],
    noise: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return probabilities (N, K); NaN where the loss is no number in the end."""
    logits = noise + run.own * chance.normal(size=noise.shape)
    logits[np.arange(len(labels)), labels] += run.skill
    logits[:, -1] += run.leaning
    if run.answer is not None:
        logits[:, run.answer] = logits.max(axis=1) + 0.1
    logits *= run.sureness
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares if run.curve != "away" or run.own else np.full_like(shares, np.nan)


def _write_run(
    name: str, run: RunPlan, parameters: dict[str, Any], given: dict[str, NDArray[np.float32]]
) -> None:
    tuned = parameters.get("fine_tune") or {"epochs": 0}
    losses = CURVES[run.curve][: parameters["epochs"] + tuned["epochs"]]
    watched = run.parameters["early_stopping"] == STOPPING["loss"]
    kept = 1 + int(np.nanargmin(losses)) if watched else len(losses)
    with files.create_output("train", name) as folder:
        np.savez(folder / "predictions.npz", allow_pickle=False, **given)
        rows = [
            {"epoch": i + 1, "train/loss": loss, "validation/loss": loss}
            if np.isfinite(loss)
            else {"epoch": i + 1, "train/loss": "", "validation/loss": ""}
            for i, loss in enumerate(losses)
        ]
        files.write_csv(folder / "history.csv", rows[0], rows)
        spent = {"epochs": len(losses), "kept_epoch": kept}
        if parameters.get("fine_tune"):
            spent["fine_tuned_after"] = min(HEAD["epochs"], (len(losses) + 1) // 2)
        files.write_json(folder / "run.json", make_run_json(name, parameters, **spent))
