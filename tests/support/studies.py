"""Plans of whole studies of invented runs, drawn by hypothesis.

Nothing is trained: a run is what its plan says of its skill, its leaning to a class, how sure it is
and how its loss went.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

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
