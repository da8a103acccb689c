"""What a study claims holds together: simultaneous intervals of all differences between its runs.

An interval of 95 % misses the truth once in twenty times, and a study has hundreds: of twenty runs
of equal skill some would nearly always seem better than another. So the differences of a study are
families, each with its part of the 5 %, within which no difference is wrongly told apart:

ranking: F1 of the best on validation less that of every other method (many to one: Dunnett, 1955,
    "A Multiple Comparison Procedure for Comparing Several Treatments with a Control"; Hsu, 1996,
    "Multiple Comparisons", chapter 3: with the best);
differences: every other one that is written, also those to the lazy baseline.

An interval of a family reaches as many standard errors as the largest of all its differences does
in 98 % of other images and seeds (max-t: Romano and Wolf, 2005, "Stepwise Multiple Testing as
Formalized Data Snooping"; Hothorn, Bretz and Westfall, 2008, "Simultaneous Inference in General
Parametric Models"). All methods answered the same images, so what each image contributes to each
metric gives the joint distribution. It is normal in the limit; so far out, where few images make a
difference, its tails are those of Student's t with the degrees of freedom of a variance of values
that are not normal (O'Neill, 2014, "Some Useful Moment Results in Sampling Problems").
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from secondlook.evaluation.comparison import MethodPair, detect_disagreement
from secondlook.evaluation.comparison_artifacts import Comparison, Family
from secondlook.evaluation.intervals import Difference, compute_variance_freedom
from secondlook.evaluation.joint_errors import DRAWS, LAZY, Claim, JointErrors
from secondlook.evaluation.metrics import Numbers

ERROR_SHARE = 0.05  # of studies of equal methods: so many may hold a false claim
# What the limit may spend of it: in simulations of a thousand images a sixth more claim something.
LIMIT_SHARE = 0.04
RANKING_METRIC = "f1"  # by which methods are ranked


@dataclass(frozen=True)
class _Bound:
    """The `size` differences of one family, and the sorted maxima (DRAWS,) of all of them."""

    size: int
    share: float
    maxima: Numbers

    @property
    def reach(self) -> float:
        """Return how many standard errors an interval reaches; a pair alone has 1.96."""
        return round(float(np.quantile(self.maxima, 1 - self.share)), 3)

    def adjust_p_value(self, p: float) -> float:
        """Return the p-value of one member among all: below ERROR_SHARE it survives.

        The share of draws whose largest is as large, or Bonferroni's bound, which reaches lower.
        """
        from scipy.special import ndtri

        above = DRAWS - int(np.searchsorted(self.maxima, -ndtri(p / 2)))
        return min(1.0, min((above + 1) / (DRAWS + 1), p * self.size) * ERROR_SHARE / self.share)


def judge_together(comparison: Comparison, errors: JointErrors, seed: int) -> Comparison:
    """Return the comparison with simultaneous intervals: only what they hold is told apart."""
    ranking, others = _split_claims(comparison)
    asked = {"ranking": ranking, "differences": others}
    share = LIMIT_SHARE / sum(map(bool, asked.values()))
    bounds = {
        name: _Bound(len(listed), share, errors.draw_maxima(listed, seed))
        for name, listed in asked.items()
        if listed
    }

    def widen(first: str, second: str, found: Mapping[str, Difference]) -> dict[str, Difference]:
        listed = [Claim(first, second, metric) for metric in found]
        return {
            claim.metric: widen_difference(
                found[claim.metric],
                errors.subtract(claim),
                errors.count,
                bounds["ranking" if claim in ranking else "differences"].reach,
            )
            for claim in listed
        }

    return comparison.model_copy(
        update={
            "families": [
                Family(name=name, size=bound.size, share=bound.share, reach=bound.reach)
                for name, bound in bounds.items()
            ],
            "methods": [
                method.model_copy(update={"gain": widen(LAZY, method.name, method.gain)})
                for method in comparison.methods
            ],
            "pairs": [
                _replace_differences(
                    pair, widen(pair.first, pair.second, pair.differences), bounds["differences"]
                )
                for pair in comparison.pairs
            ],
        }
    )


def _split_claims(comparison: Comparison) -> tuple[list[Claim], list[Claim]]:
    """Return all that a comparison claims: that of the ranking, and the others."""
    best = comparison.ranking[0]
    pairs = [
        Claim(pair.first, pair.second, metric)
        for pair in comparison.pairs
        for metric in pair.differences
    ]
    gains = [Claim(LAZY, m.name, metric) for m in comparison.methods for metric in m.gain]
    ranking = [claim for claim in pairs if best in claim[:2] and claim.metric == RANKING_METRIC]
    return ranking, [claim for claim in (*pairs, *gains) if claim not in ranking]


def _replace_differences(
    pair: MethodPair, found: dict[str, Difference], bound: _Bound
) -> MethodPair:
    test = pair.mcnemar
    adjusted = test and test.model_copy(update={"adjusted": bound.adjust_p_value(test.p)})
    disagree = detect_disagreement(found)
    return pair.model_copy(update={"differences": found, "mcnemar": adjusted, "disagree": disagree})


def widen_difference(
    found: Difference, parts: Numbers | None, count: int, reach: float
) -> Difference:
    """Return a difference with the interval that reaches so many standard errors, not 1.96.

    parts: what each image contributes to it, of `count` images or a sample of them; where that is
    not known, too few images count to tell. So far out the tails are Student's t: few images make
    most of a difference.
    """
    from scipy.special import ndtr, stdtrit

    if found.value is None or found.low is None or found.high is None:
        return found
    if parts is None:
        return found.widen(-1.0, 1.0)
    freedom = min(found.freedom, compute_variance_freedom(parts, count), max(count - 1, 1))
    alone, joint = stdtrit(found.freedom, 0.975), stdtrit(freedom, ndtr(reach))
    more = (found.high - found.low) / 2 * max(0.0, float(joint / alone) - 1)
    return found.widen(found.low - more, found.high + more)


def compute_independent_reach(count: int) -> float:
    """Return how many standard errors each of so many independent 95 % intervals has to reach.

    So that all hold together in 95 % of cases (Sidak, 1967, "Rectangular Confidence Regions for
    the Means of Multivariate Normal Distributions").
    """
    from scipy.special import ndtri

    return float(ndtri((1 + 0.95 ** (1 / count)) / 2))
