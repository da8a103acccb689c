"""Sweeps whose truth is known: validation predictions of trials that are right so often."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondlook.evaluation.metrics import Labels, Numbers, Probabilities
from secondlook.evaluation.sweep_results import SweepResult, TrialResult

SEARCH: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "dropout": [0.0, 0.25, 0.5],
    "augment": [None, {"rotation": 0.05, "zoom": 0.1}],
    "dense_units": {"low": 8, "high": 64, "log": False},
}
QUANTILES = (np.arange(4000) + 0.5) / 4000  # of how hard images are: the truth is a mean over these


@dataclass(frozen=True)
class SimulatedSweep:
    """Trials of a sweep, of classes that are equally frequent.

    accuracy, spread: mean and standard deviation of what the trials are truly right about; shared:
    of the errors' variance, what all trials have in common, as where images are hard for all;
    hopeless: the share of trials that get 70 % right; steepness: how sure they are.
    """

    trials: int
    shared: float = 0.0
    spread: float = 0.01
    hopeless: float = 0.0
    images: int = 157
    classes: int = 2
    accuracy: float = 0.9
    steepness: float = 1.5

    def draw_accuracies(self, rng: np.random.Generator) -> Numbers:
        """Return what each trial (T,) is truly right about, 0..1."""
        found = self.accuracy + self.spread * rng.normal(size=self.trials)
        found[: round(self.hopeless * self.trials)] = 0.7
        return rng.permutation(np.clip(found, 0.5, 0.99))

    def draw_predictions(
        self, rng: np.random.Generator, accuracies: Numbers
    ) -> tuple[Labels, list[Probabilities]]:
        """Return labels (N,) and the probabilities (N, K) of each trial; a mistake has one name."""
        from scipy.special import ndtr, ndtri

        labels = rng.integers(self.classes, size=self.images)
        mistaken = (labels + rng.integers(1, self.classes, size=self.images)) % self.classes
        common, rows = rng.normal(size=self.images), np.arange(self.images)
        given = []
        for accuracy in accuracies:
            own = rng.normal(size=self.images)
            hardness = self.shared**0.5 * common + (1 - self.shared) ** 0.5 * own
            sure = ndtr(self.steepness * (ndtri(accuracy) - hardness))
            probabilities = np.zeros((self.images, self.classes), dtype=np.float32)
            probabilities[rows, labels], probabilities[rows, mistaken] = sure, 1 - sure
            given.append(probabilities)
        return labels, given

    def compute_truth(self, accuracy: float) -> dict[str, float]:
        """Return what a trial reaches on all images there are."""
        from scipy.special import ndtr, ndtri

        sure = ndtr(self.steepness * (ndtri(accuracy) - ndtri(QUANTILES)))
        log_loss = float(-np.log(np.clip(sure, 1e-7, 1)).mean())
        return {"accuracy": accuracy, "f1": accuracy, "log_loss": log_loss}


@dataclass(frozen=True)
class ExcessOutcome:
    """One simulated sweep: how much too good its best is, truly and as estimated, with the ends."""

    true: float
    estimated: float
    low: float
    high: float


def simulate_excess(
    setting: SimulatedSweep, metric: str, reported: str, seeds: Sequence[int]
) -> list[ExcessOutcome]:
    """Return one sweep a seed, its best chosen by `metric`, of which `reported` is asked."""
    from secondlook.evaluation.metrics import compute_scalars
    from secondlook.evaluation.selection import estimate_selection_excess, find_best_trial

    outcomes = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        accuracies = setting.draw_accuracies(rng)
        labels, given = setting.draw_predictions(rng, accuracies)
        found = {
            each.metric: each
            for each in estimate_selection_excess(labels, given, None, metric, seed)
        }
        scores = [compute_scalars(labels, each, None)[metric] for each in given]
        best = int(find_best_trial(np.array(scores), metric))
        truth = setting.compute_truth(float(accuracies[best]))[reported]
        value = found[reported].value
        assert value is not None
        true = truth - value if reported == "log_loss" else value - truth
        outcomes.append(ExcessOutcome(true, *found[reported].excess.floats))
    return outcomes


def make_sweep_result(  # noqa: PLR0913 - each says one thing of the sweep
    trials: int = 24,
    *,
    name: str = "rates",
    metric: str = "log_loss",
    data: str = "0" * 64,
    method: str = "tpe",
    diverged: int = 2,
    seed: int = 0,
) -> SweepResult:
    """Return what a sweep leaves whose learning rate matters; rates above 0.03 may diverge."""
    from secondlook.evaluation.metrics import compute_scalars
    from secondlook.evaluation.parameter_importance import compute_parameter_effects
    from secondlook.evaluation.selection import estimate_selection_excess, find_best_trial

    rng, setting = np.random.default_rng(seed), SimulatedSweep(trials, shared=0.5)
    points = [_draw_point(rng) for _ in range(trials)]
    rates = np.log10([point["learning_rate"] for point in points])
    gone = set(np.argsort(rates)[trials - diverged :].tolist())
    augmented = np.array([0.01 if point["augment"] else 0.0 for point in points])
    labels, given = setting.draw_predictions(rng, 0.91 - 0.06 * (rates + 2.5) ** 2 + augmented)
    scores = [compute_scalars(labels, each, 1) for each in given]
    values = np.array([np.nan if i in gone else each[metric] for i, each in enumerate(scores)])
    best = int(find_best_trial(values, metric)) if len(gone) < trials else None
    kept = [each for i, each in enumerate(given) if i not in gone]
    losses = values if metric == "log_loss" else -values
    return SweepResult(
        name=name,
        of="weighted",
        method=method,
        metric=metric,
        seed=1,
        search=SEARCH,
        data=data,
        images=setting.images,
        trials=[
            _make_trial(f"{name}-{i + 1:02d}", point, scores[i], diverged=i in gone)
            for i, point in enumerate(points)
        ],
        best=None if best is None else f"{name}-{best + 1:02d}",
        effects=compute_parameter_effects(points, losses.tolist(), SEARCH, 1),
        excess=estimate_selection_excess(labels, kept, 1, metric, 1) if kept else [],
    )


def _draw_point(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "learning_rate": float(f"{10 ** rng.uniform(-4, -1):.4g}"),
        "dropout": SEARCH["dropout"][rng.integers(3)],
        "augment": SEARCH["augment"][rng.integers(2)],
        "dense_units": int(rng.integers(8, 65)),
    }


def _make_trial(
    name: str, point: dict[str, Any], scores: dict[str, float], *, diverged: bool
) -> TrialResult:
    return TrialResult(
        name=name,
        point=point,
        parameters=point,
        key="0" * 64,
        epochs=1 if diverged else 12,
        kept_epoch=0 if diverged else 9,
        metrics={} if diverged else scores,
        diverged="the loss of epoch 1 is not a number" if diverged else None,
    )
