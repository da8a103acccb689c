"""Numbers to figures; the only file that imports matplotlib.

A figure becomes an element of a page by `render_svg` or a picture by `save_png`: the same bytes
every time.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from secondlook.evaluation.confusion import compute_row_shares
from secondlook.evaluation.metrics import Counts
from secondlook.report import render
from secondlook.report.theme import INK, LINE, MUTED, PAPER, Line, Panel, Style

# From matplotlib's own defaults, not from whatever this user has set.
mpl.rcdefaults()
mpl.rcParams.update(
    {
        "svg.hashsalt": "second look",
        "svg.fonttype": "none",
        "text.parse_math": False,  # a class may be called $x$
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "axes.edgecolor": LINE,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.titley": 1.0,  # where it is anyway, without looking for ticks in its way
        "axes.titlecolor": INK,
        "axes.labelcolor": MUTED,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "legend.frameon": False,
        "legend.fontsize": 8,
    }
)
DOTTED = (0, (1, 2))
DASHED = (0, (4, 2))
TITLE_SHARE = 0.3  # of the width of a panel: so much its title may take


def draw_panels(
    stacked: Sequence[Panel], width: float, height: float, *, legend: bool = False
) -> Figure:
    """Draw the panels one above the other, each width x height inches.

    The margins are fixed, so that the axes of neighbouring figures line up.
    """
    figure = Figure(figsize=(width, height * len(stacked)))
    left, top, bottom = 0.7 if stacked[0].y_label else 0.5, 0.3, 0.5
    for i, panel in enumerate(reversed(stacked)):
        inches = np.array([left, height * i + bottom, width - left - 0.18, height - bottom - top])
        axes = figure.add_axes(tuple(inches / np.tile(figure.get_size_inches(), 2)))
        _draw_panel(axes, panel)
        if legend:
            axes.legend()
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.log:
        axes.set_xscale("log")
    axes.set(xlim=panel.x_limits, ylim=panel.y_limits)
    if panel.x_label == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if panel.ticks:
        axes.set_xticks(*zip(*panel.ticks, strict=True))
        axes.minorticks_off()
    if panel.diagonal:
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=DOTTED, linewidth=1)
    if panel.base is not None:
        _draw_base(axes, panel.base, panel.base_label)
    for where, label in panel.verticals:
        _draw_vertical(axes, where, label)
    for line in panel.lines:
        _draw_line(axes, line, steps=panel.steps)


def _draw_base(axes: Axes, base: float, label: str) -> None:
    axes.axhline(base, color=MUTED, linestyle=DOTTED, linewidth=1)
    where = axes.get_yaxis_transform()
    axes.text(1, base, label, transform=where, ha="right", va="bottom", size=8, color=MUTED)


def _draw_vertical(axes: Axes, where: float, label: str) -> None:
    axes.axvline(where, color=MUTED, linestyle=DASHED, linewidth=1)
    low, high = axes.get_xlim()
    share = (where - low) / (high - low)
    # Above the axes, where no curve is, and beside the title.
    side, place = ("right", share) if share > 0.6 else ("left", max(share, TITLE_SHARE))
    axes.text(place, 1.01, label, transform=axes.transAxes, ha=side, size=8, color=MUTED)


def _draw_line(axes: Axes, line: Line, *, steps: bool) -> None:
    name, color = f"run-{line.run}" if line.run else None, line.style.color
    x, y = (np.array(values, dtype=np.float64) for values in (line.x, line.y))
    (drawn,) = axes.plot(x, y, color=color, label=line.label, gid=name)
    drawn.set(linestyle=_choose_line_style(line), linewidth=1.1 if line.faint else 1.7)
    drawn.set_drawstyle("steps-pre" if steps else "default")
    if line.dots:
        drawn.set(linestyle="", marker=line.dots, markersize=4.5, markeredgecolor=PAPER)
        drawn.set(markeredgewidth=0.5, clip_on=False)
    if line.mark is not None:
        at = np.array(line.mark, dtype=np.float64)[:, None]
        (mark,) = axes.plot(*at, color=color, marker=line.style.marker, markersize=6, gid=name)
        mark.set(markeredgecolor=PAPER, clip_on=False, zorder=3)


def _choose_line_style(line: Line) -> object:
    if line.faint:
        return DASHED
    dash = [float(part) for part in line.style.dash.split()]
    return (0, dash) if dash else "-"


def draw_confusion_matrices(
    matrices: Mapping[str, Counts], names: Sequence[str], look: Style
) -> Figure:
    """Draw confusion matrices (K, K) by title: counts, shaded by their share of the row."""
    names = [shorten_class_name(name) for name in names]
    columns = min(len(matrices), 3)
    rows = -(-len(matrices) // columns)
    label, side = 0.6 + 0.075 * max(map(len, names)), max(0.44 * len(names), 1.4)
    cell = np.array([label + side + 0.2, label + side + 0.4])
    figure = Figure(figsize=tuple(cell * (columns, rows)))
    for i, (title, counts) in enumerate(matrices.items()):
        corner = cell * (i % columns, rows - 1 - i // columns) + label
        inches = np.append(corner, [side, side])
        axes = figure.add_axes(tuple(inches / np.tile(figure.get_size_inches(), 2)))
        _draw_confusion(axes, title, counts, names, look)
    return figure


def shorten_class_name(name: str, longest: int = 18) -> str:
    """Return a class name that leaves room for the picture."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _draw_confusion(
    axes: Axes, title: str, counts: Counts, names: Sequence[str], look: Style
) -> None:
    shades = LinearSegmentedColormap.from_list("shares", [PAPER, look.color])
    shares = compute_row_shares(counts)
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1.6)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    fits = max(map(len, names)) <= 6
    axes.set_xticks(range(len(names)), names, rotation=0 if fits else 90)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    for row, column in np.argwhere(counts):  # an empty cell is a mistake nobody made
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", size=7)


def draw_feature_strips(
    rows: Sequence[tuple[str, NDArray[np.uint8]]], bars: Mapping[str, float], look: Style
) -> Figure:
    """Draw pictures (H, W) or (H, W, 3) with their titles one below the other, and bars last.

    All are as wide as fits, their pixels enlarged without smoothing; the first is smaller.
    """
    wide = 7.0  # inches
    sizes = [min(picture.shape[0] / picture.shape[1] * wide, 1.2 * wide) for _, picture in rows]
    sizes = [1.4, *sizes[1:], 0.3 + 0.2 * len(bars)]
    figure = Figure(figsize=(wide + 0.4, sum(sizes) + 0.4 * len(sizes)), layout="constrained")
    axes = figure.subplots(len(sizes), 1, height_ratios=sizes)
    for place, (title, picture) in zip(axes, rows, strict=False):
        place.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        place.set_anchor("W")
        place.set(title=title)
        place.set_axis_off()
    names = [shorten_class_name(name) for name in bars]
    axes[-1].barh(names[::-1], list(bars.values())[::-1], color=look.color)
    axes[-1].set(title="answer: probability of each class", xlim=(0, 1))
    return figure


def render_svg(figure: Figure, name: str, title: str) -> str:
    """Return the figure as an element of a page; see `secondlook.report.render.inline_svg`."""
    buffer = io.StringIO()
    with _ignore_missing_glyphs():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return render.inline_svg(buffer.getvalue(), name, title)


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as a picture on white paper."""
    with _ignore_missing_glyphs():
        figure.savefig(path, dpi=110, facecolor=PAPER, metadata={"Software": None})


@contextmanager
def _ignore_missing_glyphs() -> Iterator[None]:
    """Keep quiet about letters that matplotlib's font lacks; browsers have others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield
