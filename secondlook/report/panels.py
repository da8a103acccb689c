"""What a plot is, in numbers: lines and the axes they stand on."""

from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.report.theme import Style

Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line: x and y (T,), None where undefined, and the point on it that is marked, if any.

    `run` is the name under which a page can hide it; a `faint` line is the other half of a pair
    (training beside validation), drawn dashed and thin; `label` is its entry in a legend.
    """

    style: Style
    x: Values
    y: Values
    run: str = ""
    label: str = ""
    mark: tuple[float | None, float | None] | None = None
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes; limits are (lowest, highest), `base` is a dotted level to compare with.

    `turned` is where on the x axis things changed, drawn as an upright line.
    """

    title: str
    lines: Sequence[Line]
    x_label: str
    y_label: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    base: float | None = None
    base_label: str = ""
    vertical: float | None = None
    diagonal: bool = False
    steps: bool = False
