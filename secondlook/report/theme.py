"""What plots are made of: lines on panels, in the same style for the same run everywhere.

A run has a colour, and beyond eight runs a line style too.
Okabe & Ito's hues ("Color Universal Design", 2008), darkened to stand on white and lightened to
stand on black: at least 3:1 against the paper, and apart for colour-blind eyes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secondlook.evaluation.run_artifacts import RunResult, Study

PAPER, INK, MUTED, LINE = "#fcfbf9", "#1f2328", "#5d646c", "#dedad2"
LIGHT = (
    "#0b5cad",
    "#c8710a",
    "#0a9a62",
    "#bf3f8f",
    "#6b5f0a",
    "#17303f",
    "#6a1620",
    "#7b93b5",
)
DARK_PAPER, DARK_INK, DARK_MUTED, DARK_LINE = "#16181b", "#e8e5df", "#a3a9b0", "#34383e"
DARK = (
    "#8fcbff",
    "#f0863c",
    "#27c08a",
    "#d98ac4",
    "#f2d15c",
    "#4d86e8",
    "#b8606f",
    "#dcd9cc",
)
DASHES = ("", "5 2", "1.5 1.5", "7 2 1.5 2", "3 1.5 1 1.5 1 1.5")
MARKERS = ("o", "s", "^", "D", "v")


@dataclass(frozen=True)
class Style:
    """How run number `index` (from 0) is drawn; after forty runs the looks repeat."""

    index: int

    @property
    def color(self) -> str:
        """Return the colour on white paper, #rrggbb."""
        return LIGHT[self.index % len(LIGHT)]

    @property
    def variable(self) -> str:
        """Return the name of the CSS variable that holds the colour."""
        return f"--run-{self.index % len(LIGHT)}"

    @property
    def dash(self) -> str:
        """Return the SVG stroke-dasharray, in line widths; empty for a solid line."""
        return DASHES[self.index // len(LIGHT) % len(DASHES)]

    @property
    def marker(self) -> str:
        """Return matplotlib's letter for the shape of the marks on the line."""
        return MARKERS[self.index // len(LIGHT) % len(MARKERS)]


def assign_styles(study: Study) -> Iterator[tuple[RunResult, Style]]:
    """Yield each run with the look it has in every figure and table."""
    return ((result, Style(i)) for i, result in enumerate(study.results))


def list_css_variables() -> dict[str, tuple[str, str]]:
    """Return every CSS variable with its colour on white and on black."""
    runs = {f"--run-{i}": pair for i, pair in enumerate(zip(LIGHT, DARK, strict=True))}
    return runs | {
        "--paper": (PAPER, DARK_PAPER),
        "--ink": (INK, DARK_INK),
        "--muted": (MUTED, DARK_MUTED),
        "--line": (LINE, DARK_LINE),
    }


def build_css_colors() -> dict[str, str]:
    """Return the colours on white and on black as CSS."""
    pairs = list_css_variables().items()
    light, dark = (" ".join(f"{key}: {pair[side]};" for key, pair in pairs) for side in (0, 1))
    return {"light": light, "dark": dark}


Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line: x and y (T,), None where undefined, and the point on it that is marked, if any.

    `run` is the name under which a page can hide it; a `faint` line is the other half of a pair
    (training beside validation), drawn dashed and thin; `label` is its entry in a legend; `dots`,
    matplotlib's letter of a shape, draws points that are not joined.
    """

    style: Style
    x: Values
    y: Values
    run: str = ""
    label: str = ""
    mark: tuple[float | None, float | None] | None = None
    faint: bool = False
    dots: str = ""


@dataclass(frozen=True)
class Panel:
    """One set of axes; limits are (lowest, highest), `base` is a dotted level to compare with.

    `verticals` are where on the x axis things changed, drawn as upright lines, with their labels;
    `ticks` of the x axis replace those that matplotlib would set; `log` is of the x axis as well.
    """

    title: str
    lines: Sequence[Line]
    x_label: str
    y_label: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    base: float | None = None
    base_label: str = ""
    verticals: Sequence[tuple[float, str]] = ()
    ticks: Sequence[tuple[float, str]] = ()
    log: bool = False
    diagonal: bool = False
    steps: bool = False
