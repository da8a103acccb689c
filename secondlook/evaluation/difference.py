"""A metric of one method less that of another, and how its interval grows among others."""

from typing import Self

import numpy as np
from pydantic import Field

from secondlook.artifacts.schema import Interval, NullableFloat
from secondlook.evaluation.metrics import Numbers


class Difference(Interval):
    """A metric of the second method less that of the first, by image.

    low, high: the 95 % interval of this difference alone; joint_low, joint_high: that which holds
    together with all others of the study (simultaneous.py), None where there are none.
    distinguishable: whether the latter, or where there is none the former, excludes zero;
    includes_seeds: whether it also holds for other seeds of the trainings, not for these very
    models only; freedom: of the Student's t behind the interval, not written.
    """

    distinguishable: bool
    includes_seeds: bool
    joint_low: NullableFloat = None
    joint_high: NullableFloat = None
    freedom: float = Field(default=np.inf, exclude=True, repr=False)

    @classmethod
    def from_floats(
        cls,
        value: float,
        low: float,
        high: float,
        *,
        includes_seeds: bool = False,
        freedom: float = np.inf,
    ) -> Self:
        """Return the same of numbers, NaN where one is not defined: nothing is distinguishable."""
        ends = {"value": value, "low": low, "high": high, "freedom": freedom}
        apart = bool(low > 0 or high < 0)
        return cls(**ends, distinguishable=apart, includes_seeds=includes_seeds)

    def widen(self, low: float, high: float) -> Self:
        """Return the same difference with its simultaneous interval."""
        told = {"joint_low": low, "joint_high": high, "distinguishable": low > 0 or high < 0}
        return type(self)(**dict(self) | told)

    def reverse(self) -> Self:
        """Return the first less the second."""
        turned = {"value": self.value, "low": self.high, "high": self.low}
        turned |= {"joint_low": self.joint_high, "joint_high": self.joint_low}
        negated = {name: None if end is None else -end for name, end in turned.items()}
        return self.model_copy(update=negated)

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Return the interval to judge by: the simultaneous one, where there is one."""
        alone = self.joint_low is None or self.joint_high is None
        return (self.low, self.high) if alone else (self.joint_low, self.joint_high)

    @property
    def up(self) -> bool:
        """Say whether the second certainly has more."""
        return self.distinguishable and (self.value or 0.0) > 0

    @property
    def down(self) -> bool:
        """Say whether the second certainly has less."""
        return self.distinguishable and (self.value or 0.0) < 0


def compute_variance_freedom(parts: Numbers, count: int) -> float:
    """Return the degrees of freedom of the variance of the mean of `count` values like `parts`.

    2 N / (kurtosis - 1) for values that need not be normal (O'Neill, 2014, "Some Useful Moment
    Results in Sampling Problems"): the fewer images make a number, the fewer. Infinite where all
    are the same.
    """
    apart = parts - parts.mean()
    variance = float((apart**2).mean())
    kurtosis = float((apart**4).mean()) / variance**2 if variance else 1.0
    return 2 * count / max(kurtosis - 1, 0.01) if variance else np.inf


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
