"""What the loss curves of one run say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.evaluation.metrics import Numbers
from secondlook.evaluation.overfitting import FitDiagnosis, diagnose_fit, diagnose_together

FALL = np.geomspace(2.0, 0.2, 24)
RISE = np.linspace(0.2, 0.29, 37)[1:]


def diagnose(training: list[float], validation: list[float]) -> FitDiagnosis:
    """Diagnose curves of a run that kept its last epoch and stopped when it was told to."""
    epochs = len(training)
    return diagnose_fit(training, validation, kept=epochs, allowed=epochs, stopping=False)


def add_noise(random: np.random.Generator, curve: Numbers, size: float) -> list[float]:
    """Multiply a curve by independent noise of this size."""
    return list(curve * np.exp(size * random.normal(size=len(curve))))


def test_overfitting_is_dated_on_a_clean_curve() -> None:
    """Validation loss is lowest at epoch 24 of 60 and ends 45 % higher; training ends at 0.05."""
    training = np.geomspace(2.0, 0.05, 60)
    found = diagnose(list(training), [*FALL, *RISE])
    assert (found.kind, found.turned) == ("overfitting", 24)
    assert found.rise == pytest.approx(0.45, abs=0.08)  # smoothing fills the dip a little
    assert found.gap == pytest.approx(0.29 - 0.05, abs=0.02)


def test_overfitting_is_found_in_noise() -> None:
    """With 6 % noise it is found in at least 95 of 100 runs, mostly within 4 epochs."""
    random = np.random.default_rng(0)
    found = [
        diagnose([1.0] * 60, add_noise(random, np.append(FALL, RISE), 0.06)) for _ in range(200)
    ]
    turned = [f.turned for f in found if f.kind == "overfitting" and f.turned]
    assert len(turned) >= 190
    assert np.mean(np.abs(np.array(turned) - 24) <= 4) > 0.8


def test_one_wild_epoch_is_no_overfitting() -> None:
    """A spike at the end, or on the way, changes no diagnosis."""
    falling = np.geomspace(1, 0.1, 30)
    level = np.append(falling, np.full(10, 0.1))
    for at in (12, 25, 39):
        wild = level.copy()
        wild[at] = 5
        assert diagnose([0.1] * 40, list(wild)).kind == "settled"


def test_still_falling_is_underfitting() -> None:
    """A loss that falls 3 % an epoch to the very end has not learned long enough."""
    found = diagnose([0.1] * 20, list(0.97 ** np.arange(20.0)))
    assert (found.kind, found.turned, found.rise) == ("underfitting", 20, 0)
    assert found.fall is not None
    assert found.fall > 0.1


def test_the_jump_between_two_phases_is_neither() -> None:
    """Of a head and fine-tuning that have both settled, the phase that was kept is judged alone."""
    random = np.random.default_rng(0)
    for lower in (0.6, 1.5):
        curve = np.append(np.full(20, 0.5), np.full(6, 0.5 * lower))
        kinds = set()
        for _ in range(20):
            losses = add_noise(random, curve, 0.01)
            for kept in (18, 26):
                found = diagnose_fit(
                    [0.1] * 26, losses, kept=kept, allowed=30, stopping=True, switched=20
                )
                assert (found.first, found.last) == ((1, 20) if kept == 18 else (21, 26))
                assert found.turned is not None
                assert found.first <= found.turned <= found.last
                assert (found.epochs, found.saved) == (26, 4)
                kinds.add(found.kind)
        assert kinds == {"settled"}
        assert diagnose([0.1] * 26, list(curve)).kind != "settled"  # taken for one, it would


def test_the_end_of_fine_tuning_is_the_end() -> None:
    """Where it ran away, the training did, whichever epoch was kept."""
    losses = [0.5] * 10 + [np.nan] * 2
    found = diagnose_fit([0.1] * 12, losses, kept=4, allowed=12, stopping=True, switched=10)
    assert found.kind == "diverged"


@pytest.mark.parametrize("epochs", [5, 8, 10, 20, 40, 60, 100])
def test_a_plateau_is_rarely_taken_for_anything(epochs: int) -> None:
    """Of 400 runs that only jitter by 6 %, at most 2 in 100 are called one or the other."""
    random = np.random.default_rng(epochs)
    kinds = [
        diagnose([1.0] * epochs, add_noise(random, np.ones(epochs), 0.06)).kind for _ in range(400)
    ]
    assert kinds.count("overfitting") <= 8
    assert kinds.count("underfitting") <= 8


@pytest.mark.parametrize("epochs", [6, 12, 20, 60])
def test_luck_names_no_run_of_many(epochs: int) -> None:
    """Of 100 studies of 20 runs that only jitter some call a run something by itself, few together.

    One in a hundred is promised for over-, and one for underfitting: 2 of 100, here at most 6.
    """
    random = np.random.default_rng(epochs)
    alone, together = 0, 0
    for _ in range(100):
        runs = [add_noise(random, np.ones(epochs), 0.5) for _ in range(20)]
        found = [diagnose([1.0] * epochs, run) for run in runs]
        alone += any(each.p is not None for each in found)
        together += any(each.kind != "settled" for each in diagnose_together(found))
    assert alone >= 8
    assert together <= 6


@pytest.mark.parametrize(("runs", "least"), [(6, 88), (40, 70)])
def test_overfitting_is_found_among_many(runs: int, least: int) -> None:
    """The rise of 45 % in 6 % noise, which a run by itself shows in 97 of 100 cases."""
    random = np.random.default_rng(0)
    curves = [add_noise(random, np.append(FALL, RISE), 0.06) for _ in range(100)]
    others = [diagnose([0.3] * 60, [0.3] * 60)] * (runs - 1)
    found = [diagnose_together([diagnose([1.0] * 60, c), *others])[0] for c in curves]
    assert [each.kind for each in found].count("overfitting") >= least


def test_runs_share_one_chance_of_luck() -> None:
    """A run is judged by how many are; those of which nothing can be said do not count."""
    rising = diagnose([1.0] * 60, [*FALL, *RISE]).model_copy(update={"p": 0.004})
    settled, short = diagnose([0.3] * 9, [0.3] * 9), diagnose([0.3], [0.3])
    assert diagnose_together([rising, settled, short, short]) == [rising, settled, short, short]
    [found, *_] = diagnose_together([rising, settled, settled])
    assert found == rising.model_copy(update={"kind": "settled", "p": None})


@pytest.mark.parametrize("curve", [[], [0.5], [0.5, 0.4], [0.5, 0.4, 0.9], [0.5, 0.4, 0.9, 1.2]])
def test_few_epochs_say_nothing(curve: list[float]) -> None:
    """Below five epochs no diagnosis is made, but the lowest epoch is known."""
    found = diagnose(curve, curve)
    assert found.kind == "too short"
    assert found.turned == (min(len(curve), 2) or None)
    assert found.rise is None


def test_small_changes_are_not_worth_a_sentence() -> None:
    """A noiseless rise of 4 % is settled; one of 8 % is not."""
    falling = np.geomspace(1, 0.1, 30)
    for rise, kind in ((1.04, "settled"), (1.08, "overfitting")):
        curve = np.append(falling, np.geomspace(0.1, 0.1 * rise, 30))
        assert diagnose(list(curve), list(curve)).kind == kind


def test_diverged_runs_are_told() -> None:
    """NaN or infinity at the end is a divergence; on the way it is passed over."""
    curve = [*FALL, *RISE]
    assert diagnose([*curve, np.nan], [*curve, np.nan]).kind == "diverged"
    assert diagnose([*curve, np.inf], [*curve, 0.3]).kind == "diverged"
    assert diagnose([np.nan], [np.nan]).turned is None
    curve[3] = np.nan
    found = diagnose(curve, curve)
    assert (found.kind, found.turned) == ("overfitting", 24)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    st.lists(st.one_of(st.floats(0, 20), st.just(float("nan"))), max_size=40),
    st.floats(0.01, 100),
)
def test_the_unit_of_loss_does_not_matter(curve: list[float], unit: float) -> None:
    """Kind and turn are the same in bits and in nats, for any curve above the floor of losses."""
    raised = [value + 1e-3 for value in curve]
    found, other = diagnose(raised, raised), diagnose(raised, [unit * v for v in raised])
    assert found.turned == other.turned
    assert found.kind == other.kind
    assert (found.p is None) == (found.kind not in ("overfitting", "underfitting"))
