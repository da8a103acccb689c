"""What a study claims holds together: against tables of others, and what must hold of any study."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, studentized_range

from secondlook.artifacts.manifest import SPLITS
from secondlook.evaluation import joint_errors, simultaneous
from secondlook.evaluation.comparison import ComparedRun, compare_pair, compute_lazy_gain
from secondlook.evaluation.comparison_artifacts import Comparison, Method
from secondlook.evaluation.confusion import Mistakes
from secondlook.evaluation.joint_errors import LAZY, Claim, JointErrors
from secondlook.evaluation.predictions import SplitPredictions, compute_lazy_predictions
from tests.support.datasets import make_dataset_card
from tests.support.results import make_result

IMAGES = 3000
NONE_SEEN = Mistakes(
    hardest={},
    wrong_everywhere=[],
    wrong_everywhere_count=0,
    right_once={},
    right_once_count={},
    confused={},
)


def make_errors(methods: int, *, alike: bool = False) -> JointErrors:
    """Return methods of one metric whose errors are independent, or the same in all of them."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1 if alike else methods, IMAGES))
    # Uncorrelated to the last digit, so that tables for independent errors apply.
    rows = np.linalg.qr((rows - rows.mean(axis=1, keepdims=True)).T)[0].T
    parts = {(str(i), "f1"): rows[0 if alike else i] for i in range(methods)}
    return JointErrors(parts, {str(i): 1 for i in range(methods)}, {}, IMAGES)


def find_quantile(errors: JointErrors, claims: Sequence[Claim]) -> float:
    """Return how far the largest of all reaches in 95 % of the draws."""
    return float(np.quantile(errors.draw_maxima(claims, 0), 0.95))


@pytest.mark.parametrize(("others", "expected"), [(1, 1.96), (2, 2.21), (5, 2.51), (9, 2.69)])
def test_many_to_one_is_dunnetts_table(others: int, expected: float) -> None:
    """Dunnett (1964), two-sided, 5 %, infinitely many degrees of freedom."""
    claims = [Claim("0", str(i), "f1") for i in range(1, others + 1)]
    assert find_quantile(make_errors(others + 1), claims) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("methods", [3, 8])
def test_all_pairs_are_tukeys_range(methods: int) -> None:
    """The studentised range of as many means, over the root of two."""
    claims = [Claim(str(i), str(j), "f1") for i in range(methods) for j in range(i)]
    expected = studentized_range.ppf(0.95, methods, np.inf) / 2**0.5
    assert find_quantile(make_errors(methods), claims) == pytest.approx(expected, abs=0.05)


def test_errors_that_are_the_same_cost_nothing() -> None:
    """A claim made twice reaches as far as made once; one about nothing reaches nowhere."""
    errors = make_errors(2)
    twice = [Claim("0", "1", "f1"), Claim("1", "0", "f1")]
    assert find_quantile(errors, twice) == pytest.approx(1.96, abs=0.04)
    same = make_errors(3, alike=True)
    assert find_quantile(same, [Claim("0", "1", "f1"), Claim("0", "2", "f1")]) == 0.0


def test_luck_of_seeds_is_shared_by_all_pairs_of_a_method() -> None:
    """Where only seeds differ, many to one is Dunnett's again, with the same correlations."""
    rng = np.random.default_rng(0)
    parts = {(str(i), "f1"): 1e-6 * rng.standard_normal(IMAGES) for i in range(6)}
    errors = JointErrors(parts, {str(i): 3 for i in range(6)}, {"f1": 1.0}, IMAGES)
    claims = [Claim("0", str(i), "f1") for i in range(1, 6)]
    assert find_quantile(errors, claims) == pytest.approx(2.51, abs=0.04)


def draw_predictions(skill: float, images: int, seed: int) -> SplitPredictions:
    """Return what a run of that skill answers, of images of which a quarter is positive."""
    facts = make_dataset_card(["a", "b"], {s: {"a": 300, "b": 100} for s in SPLITS}, "b")
    labels = (np.arange(images) % 4 == 0).astype(np.int64)
    logits = np.random.default_rng(seed).normal(skill * (2 * labels - 1))
    shares = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return SplitPredictions(facts, labels, np.stack([1 - shares, shares], axis=1))


def draw_study(skills: Sequence[float], images: int, seed: int) -> tuple[Comparison, JointErrors]:
    """Return runs of such skill, the first against each other, and how their errors go together."""
    asked = [draw_predictions(skill, images, 100 * seed + i) for i, skill in enumerate(skills)]
    truth, lazy = asked[0].truth, compute_lazy_predictions(asked[0]).image_predictions
    methods = {
        f"run-{i}": [ComparedRun.from_result(make_result(f"run-{i}"), "test", told, 0)]
        for i, told in enumerate(asked)
    }
    first, *others = methods
    gains = {name: compute_lazy_gain(truth, lazy, runs, 0) for name, runs in methods.items()}
    alone = Comparison(
        reference=first,
        ranking=list(methods),
        methods=[Method(name=n, runs=[n], estimates={}, gain=gain) for n, gain in gains.items()],
        pairs=[compare_pair(truth, methods[first], methods[name], 0) for name in others],
        weighting=[],
        stopping=[],
        mistakes=NONE_SEEN,
    )
    return alone, joint_errors.measure_joint_errors(truth, lazy, methods, 0)


@settings(max_examples=25)
@given(
    skills=st.lists(st.floats(0, 2), min_size=2, max_size=5),
    images=st.integers(8, 300),
    seed=st.integers(0, 99),
)
def test_together_tells_less_apart_than_alone(skills: list[float], images: int, seed: int) -> None:
    """Its interval holds the pair's own, p-values grow, and what it tells apart a pair does too."""
    alone, errors = draw_study(skills, images, seed)
    found = simultaneous.judge_together(alone, errors, 0)
    for pair, own in zip(found.pairs, alone.pairs, strict=True):
        assert pair.mcnemar is not None
        assert pair.mcnemar.p <= (pair.mcnemar.adjusted or 0.0) <= 1
        for name, joint in pair.differences.items():
            before = own.differences[name]
            assert (joint.value, joint.low, joint.high) == (before.value, before.low, before.high)
            assert before.distinguishable or not joint.distinguishable
            if joint.low is not None and joint.high is not None:
                assert joint.joint_low is not None
                assert joint.joint_high is not None
                assert joint.joint_low <= joint.low <= joint.high <= joint.joint_high


def test_a_real_difference_is_still_told_apart() -> None:
    """Of much more skill, in every metric; families and their sizes are told."""
    alone, errors = draw_study([3.0, 0.5, 0.5, 0.5], 600, 1)
    found = simultaneous.judge_together(alone, errors, 0)
    worse = found.pairs[0].differences
    assert worse["f1"].down
    assert worse["log_loss"].up
    assert [family.name for family in found.families] == ["ranking", "differences"]
    # Three pairs of nine metrics, of which F1 is the ranking's, and two gains of four methods.
    assert [family.size for family in found.families] == [3, 3 * 8 + 4 * 2]
    ranking, others = found.families
    assert norm.isf(0.01) < ranking.reach < norm.isf(0.01 / 3) + 0.05
    assert ranking.reach < others.reach < norm.isf(0.01 / 32) + 0.05


def test_a_single_run_is_held_against_the_baseline_alone() -> None:
    """One family then, which has the whole of what may be spent."""
    alone, errors = draw_study([2.0], 400, 2)
    found = simultaneous.judge_together(alone, errors, 0)
    assert [(family.name, family.share) for family in found.families] == [("differences", 0.04)]
    assert found.methods[0].gain["accuracy"].joint_low is not None


def test_what_one_image_decides_is_not_told_apart() -> None:
    """Precision of a single answer: without that image there is none, so nothing is known of it."""
    alone, errors = draw_study([1.0, 1.0], 100, 3)
    parts = {key: part for key, part in errors.contributions.items() if key[1] != "precision"}
    bare = JointErrors(parts, errors.seeds, errors.over_seeds, errors.count)
    assert bare.subtract(Claim("run-0", "run-1", "precision")) is None
    assert bare.subtract(Claim(LAZY, "run-1", "accuracy")) is not None
    found = simultaneous.judge_together(alone, bare, 0).pairs[0].differences["precision"]
    assert (found.joint_low, found.joint_high, found.distinguishable) == (-1.0, 1.0, False)


def test_seeds_widen_only_beyond_what_images_explain() -> None:
    """Copies of one run have no variance over seeds; runs of unlike skill have that of their means.

    Less half the variance over images of the difference of the two.
    """
    asked = [draw_predictions(skill, 400, 1) for skill in (3.0, 0.5)]
    truth, lazy = asked[0].truth, compute_lazy_predictions(asked[0]).image_predictions
    one, other = (ComparedRun.from_result(make_result("run"), "test", told, 0) for told in asked)
    right = [run.answers.compute_correct(truth).astype(np.float64) for run in (one, other)]
    apart = right[0] - right[1]
    beyond = apart.mean() ** 2 / 2 - apart.var() / 2 / 400
    for runs, expected in (([one, one], 0.0), ([one, other], beyond)):
        errors = joint_errors.measure_joint_errors(truth, lazy, {"run": runs}, 0)
        assert errors.over_seeds["accuracy"] == pytest.approx(expected)
