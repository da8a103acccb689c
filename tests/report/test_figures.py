"""Numbers to figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from secondlook.report.theme import Line, Panel, Style

LINE = Line(Style(1), x=[1, 2, 3], y=[0.5, None, 0.2], run="dense", label="train", mark=(3, 0.2))
PANEL = Panel("Loss of $x$ <b>", [LINE], "epoch", "", (1, 3), (0, 1), base=0.9, base_label="lazy")


def svg(panel: Panel) -> str:
    """Return a panel as an element of a page."""
    from secondlook.report import figures

    return figures.render_svg(figures.draw_panels([panel], 3, 2), "name", "title")


def test_text_stays_text() -> None:
    """Titles can be searched and read aloud; markup and formulas in them do nothing."""
    assert "Loss of $x$ &lt;b&gt;</text>" in svg(PANEL)


def test_lines_and_marks_carry_the_run() -> None:
    """The line and its mark can be found by the run's name; a line of no run has none."""
    assert svg(PANEL).count('data-run="dense"') == 2
    assert "data-run" not in svg(replace(PANEL, lines=[replace(LINE, run="")]))


def test_an_undefined_mark_is_not_drawn() -> None:
    """A run without a precision stands nowhere on its curve."""
    undefined = replace(PANEL, lines=[replace(LINE, mark=(0.0, None))])
    assert svg(undefined).count("<use") == svg(replace(PANEL, lines=[])).count("<use")
    assert svg(PANEL).count("<use") > svg(undefined).count("<use")


def test_upright_lines_have_their_labels() -> None:
    """Each its own; where nothing changed there is none."""
    marked = svg(replace(PANEL, verticals=[(1.5, "fine-tuning"), (2.5, "")]))
    assert "fine-tuning</text>" in marked
    assert "fine-tuning" not in svg(PANEL)
    assert marked.count("<path") == svg(PANEL).count("<path") + 2


def test_epochs_are_whole() -> None:
    """Half an epoch is no tick."""
    assert ">1.5</text>" not in svg(PANEL)
    assert ">2</text>" in svg(PANEL)


def test_points_are_not_joined_and_ticks_are_those_given() -> None:
    """A dot for each defined point, and on a logarithmic axis no tick but what was asked for."""
    dots = replace(LINE, mark=None, dots="^")
    panel = replace(PANEL, lines=[dots], x_label="", log=True, ticks=[(1, "one"), (2.5, "more")])
    drawn = svg(panel)
    assert drawn.count("<use") == svg(replace(panel, lines=[])).count("<use") + 2
    assert drawn.count('id="name-xtick_') == 2
    assert "one</text>" in drawn
    assert "more</text>" in drawn


@pytest.mark.parametrize("form", ["svg", "png"])
def test_again_is_the_same_bytes(tmp_path: Path, form: str) -> None:
    """Neither form holds a date, a random id or the version of anything."""
    from secondlook.report import figures

    made = []
    for _ in range(2):
        figure = figures.draw_panels([PANEL, PANEL], 3, 2, legend=True)
        figures.save_png(figure, tmp_path / "one.png")
        picture = (tmp_path / "one.png").read_bytes()
        made.append(picture if form == "png" else figures.render_svg(figure, "name", "title"))
    assert made[0] == made[1]


def test_confusion_matrices_are_shaded_by_row(tmp_path: Path) -> None:
    """Several matrices fill one picture on white paper; a full row is dark, an empty one not."""
    from secondlook.report import figures

    counts = np.array([[9, 0], [0, 0]])
    figure = figures.draw_confusion_matrices(
        {"a": counts, "b": counts}, ["a long name of a class", "ж日"], Style(0)
    )
    shades = figure.axes[0].images[0].get_array()
    assert shades is not None
    assert shades.tolist() == [[1, 0], [0, 0]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["9\n100%"]
    figures.save_png(figure, tmp_path / "two.png")
    with Image.open(tmp_path / "two.png") as picture:
        assert picture.width > picture.height


def test_a_long_name_is_cut() -> None:
    """Eighteen letters stay, the last of them an ellipsis."""
    from secondlook.report import figures

    assert figures.shorten_class_name("T-shirt/top") == "T-shirt/top"
    assert figures.shorten_class_name("x" * 40) == "x" * 17 + "…"
