"""Sweeps whose truth is known: validation predictions of trials that are right so often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secondlook.evaluation.metrics import Labels, Numbers, Probabilities

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
