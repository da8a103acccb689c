"""Whole studies of invented runs, drawn by hypothesis and judged by the real evaluate and compare.

Nothing is trained: a run is what its plan says of its skill, its leaning to a class, how sure it is
and how its loss went.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st
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

ALLOWED_EPOCHS = 16
STOPPING = {name: {"monitor": f"validation/{name}", "patience": 3} for name in ("loss", "recall")}
# Where a training ends up: how many epochs it took, and its validation loss after each.
CURVES = {
    "settled": [0.3 + 0.5**epoch for epoch in range(ALLOWED_EPOCHS)],
    "falling": [2.0 * 0.8**epoch for epoch in range(ALLOWED_EPOCHS)],
    "rising": [0.3 + 0.1 * abs(epoch - 4) for epoch in range(ALLOWED_EPOCHS)],
    "short": [0.5, 0.4, 0.3],
    "away": [0.5] * 8 + [np.nan] * 8,
    "stopped": [0.3 + 0.05 * abs(epoch - 6) for epoch in range(10)],
}
# The head alone, and what a run has more whose last blocks then learn, too: as many as are allowed.
HEAD: dict[str, Any] = {
    "model": "pretrained",
    "backbone": {"name": "mobilenet_v2", "sha256": "0" * 64},
    "epochs": 10,
}
TUNED = HEAD | {
    "fine_tune": {"epochs": ALLOWED_EPOCHS - HEAD["epochs"], "learning_rate": 1e-4, "blocks": 2}
}


@dataclass(frozen=True)
class RunPlan:
    """What becomes of a run; without `own` noise its mistakes are those of the others.

    skill: what the true class gains; leaning: what the last class gains; sureness: factor of both;
    answer: the class it answers whatever it sees; curve: of CURVES.
    """

    skill: float
    leaning: float
    sureness: float
    own: float
    answer: int | None
    curve: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class StudyPlan:
    """Classes, the share of the first of them, images per split, the threshold rule, and runs.

    mislabelled: of so many test images the label is wrong.
    """

    classes: list[str]
    positive: str | None
    first_share: float
    counts: dict[str, int]
    rule: object
    runs: list[RunPlan]
    seed: int
    mislabelled: int = 0


@st.composite
def draw_run(draw: st.DrawFn, classes: int) -> RunPlan:
    """Draw a run: most tell something, some answer the same to everything or ran away."""
    stopping = draw(st.sampled_from([None, None, *STOPPING.values()]))
    curves = ["stopped"] * 3 if stopping else ["settled", "falling", "rising", "short"]
    return RunPlan(
        skill=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 6.0])),
        leaning=draw(st.sampled_from([0.0, 0.0, -2.0, 2.0, 4.0])),
        sureness=draw(st.sampled_from([0.1, 1.0, 1.0, 4.0])),
        own=draw(st.sampled_from([0.0, 0.3, 1.0])),
        answer=draw(st.sampled_from([None] * 6 + [0, classes - 1])),
        curve=draw(st.sampled_from([*curves, *curves, "away"])),
        parameters={
            "class_weight": draw(st.sampled_from([None, "balanced"])),
            "early_stopping": stopping,
            "seed": draw(st.sampled_from([1, 2])),
            "dropout": draw(st.sampled_from([0.0, 0.5])),
            **draw(st.sampled_from([{}, {}, HEAD, TUNED])),
        },
    )


@st.composite
def draw_twin(draw: st.DrawFn, plan: RunPlan) -> RunPlan:
    """Draw a run that differs from another in one parameter alone, and in what came of it."""
    changed: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"class_weight": "balanced"},
                {"class_weight": None},
                {"early_stopping": STOPPING["loss"]},
                {"early_stopping": None},
                {"seed": 3},
                {"dropout": 0.2},
                HEAD | {"fine_tune": None},
                TUNED,
            ]
        )
    )
    stops = changed.get("early_stopping", plan.parameters["early_stopping"])
    return replace(
        plan,
        skill=draw(st.sampled_from([0.0, 1.0, 2.0, 6.0])),
        sureness=draw(st.sampled_from([1.0, 4.0])),
        leaning=draw(st.sampled_from([0.0, 2.0])),
        answer=None,
        curve="stopped" if stops else draw(st.sampled_from(["settled", "rising"])),
        parameters=plan.parameters | changed,
    )


@st.composite
def draw_study(draw: st.DrawFn) -> StudyPlan:
    """Draw a study of one to six runs on two to ten classes, from tiny to a thousand images."""
    size = draw(st.sampled_from([2, 2, 2, 3, 10]))
    names = ["no", "yes"] if size == 2 else [f"k{i}" for i in range(size)]
    positive = draw(st.sampled_from(["yes", None])) if size == 2 else None
    rules = ["default", "best_f1", {"recall": 0.9}, {"precision": 0.9}]
    images = st.sampled_from([12, 60, 300, 1000])
    runs = draw(st.lists(draw_run(size), min_size=1, max_size=4))
    runs += draw(st.lists(st.sampled_from(runs).flatmap(draw_twin), max_size=2))
    return StudyPlan(
        classes=names,
        positive=positive,
        first_share=draw(st.sampled_from([0.1, 0.5, 0.8, 0.95])),
        counts={
            "train": draw(images),
            "validation": draw(images),
            "test": draw(images),
        },
        rule=draw(st.sampled_from(rules)) if size == 2 else "default",
        runs=runs,
        seed=draw(st.integers(0, 999)),
        mislabelled=draw(st.sampled_from([0, 0, 1, 2, 20])),
    )


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
