"""Draw the numbers of all runs on one page.

Reads data/preprocess/facts.json and every run's folder in data/train and data/evaluate; writes
data/report: report.html (one file that needs no network), leaderboard.csv, curves.csv and
precision_recall.csv (for `dvc plots`), and pictures of the runs (for MLflow and `dvc plots`).
It computes nothing that `evaluate` should have.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.core import (
    confusion,
    files,
    leaderboard,
    learning,
    palette,
    prose,
    study,
    tables,
    thresholds,
)
from stages.core.confusion import Counts
from stages.core.palette import Look
from stages.core.panels import Panel
from stages.core.params import Params
from stages.core.results import Result
from stages.core.study import Study

# More classes than these are cut down to the hardest, so that the page stays readable.
CONFUSED, CURVED, LISTED = 10, 12, 20
WIDE, SMALL = (5.0, 3.2), (3.4, 2.1)  # inches, of one panel


def run(params: Params) -> None:
    """Draw what stands in data/ of every run in params.yaml.

    Raises DataError when a run has not been trained or evaluated.
    """
    found = study.read(params)
    with files.output("report") as folder:
        ranked = leaderboard.records(leaderboard.rows(found))
        files.write_csv(folder / "leaderboard.csv", leaderboard.FIELDS, ranked)
        files.write_csv(folder / "curves.csv", learning.FIELDS, learning.records(found))
        points = thresholds.records(found)
        files.write_csv(folder / "precision_recall.csv", thresholds.FIELDS, points)
        draw_pictures(found, folder)
        (folder / "report.html").write_text(page(found), encoding="utf-8")


def draw_pictures(found: Study, folder: Path) -> None:
    """Draw confusion.png of all runs, and four pictures of each in runs/<run>."""
    from stages.core import figures

    names, counts = confusion_matrices(found)
    figures.png(figures.confusions(counts, names, Look(0)), folder / "confusion.png")
    for result, look in found.drawn():
        into = folder / "runs" / result.name
        into.mkdir(parents=True)
        curves = both(found, result, look)
        recalled = thresholds.precision_recall_of_run(found, result)
        roc = thresholds.roc_of_run(result)
        matrix = figures.confusions({result.name: counts[result.name]}, names, look)
        figures.png(figures.panels(curves, 5, 3, legend=True), into / "curves.png")
        figures.png(matrix, into / "confusion.png")
        figures.png(figures.panels([recalled], 5, 4, legend=True), into / "precision_recall.png")
        figures.png(figures.panels([roc], 5, 4, legend=True), into / "roc.png")


def confusion_matrices(found: Study) -> tuple[list[str], dict[str, Counts]]:
    """Return class names and each run's confusion matrix on test, cut down where too large."""
    whole = {r.name: np.array(r.details["test"].confusion) for r in found.results}
    kept = confusion.most_confused(list(whole.values()), CONFUSED)
    names = [found.facts.classes[k] for k in kept]
    if len(kept) < len(found.facts.classes):
        names.append(confusion.OTHERS)
    return names, {name: confusion.condensed(counts, kept) for name, counts in whole.items()}


def page(found: Study) -> str:
    """Return report.html: one file, with everything that comes from data escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        facts=found.facts,
        runs=list(found.drawn()),
        parameters=tables.parameters(found.results),
        **style(),
        **told(found),
        **ranked(found),
        **confused(found),
        **drawn(found),
    )


def style() -> dict[str, str]:
    """Return the colours on white and on black as CSS."""
    pairs = palette.variables().items()
    light, dark = (" ".join(f"{key}: {pair[side]};" for key, pair in pairs) for side in (0, 1))
    return {"light": light, "dark": dark}


def told(found: Study) -> dict[str, object]:
    """Return the sentences that depend on the data."""
    return {
        "question": prose.question(found.facts),
        "summary": prose.summary(found),
        "described": prose.described(found.facts),
        "averaged": prose.averaged(found.facts),
        "thresholds_text": prose.curves(found.facts),
        "counts": tables.counts(found.facts),
        "splits": tables.SPLITS,
        "listed": LISTED,
        "hardest": tables.weakest(found.results, found.facts.classes, LISTED),
    }


def ranked(found: Study) -> dict[str, object]:
    """Return the leaderboard: its rows, its columns and the best number of each."""
    rows = leaderboard.rows(found)
    columns = [column for shown in leaderboard.SHOWN.values() for column in shown]
    return {
        "leaderboard": rows,
        "columns": leaderboard.SHOWN,
        "rank": leaderboard.RANK,
        "best": {column: leaderboard.best(rows, column) for column in columns},
    }


def confused(found: Study) -> dict[str, object]:
    """Return the confusion matrices, each with its shares of the rows."""
    names, counts = confusion_matrices(found)
    return {
        "names": names,
        "confused": CONFUSED,
        "cut": names[-1:] == [confusion.OTHERS],
        "matrices": [
            (run, counts[run[0].name], confusion.row_shares(counts[run[0].name]))
            for run in found.drawn()
        ],
    }


def drawn(found: Study) -> dict[str, object]:
    """Return the figures as elements of the page."""
    whole = [learning.of_all(found, metric) for metric in ("loss", "accuracy")]
    headline = thresholds.precision_recall(found, found.headline, "Precision against recall")
    curves = [headline, thresholds.roc(found)]
    classes = []
    if found.facts.positive is None:
        names = tables.weakest(found.results, found.facts.classes, CURVED)
        classes = [thresholds.precision_recall(found, name, name) for name in names]
    return {
        "overview": [element(f"all-{i}", [panel], WIDE) for i, panel in enumerate(whole)],
        "learning": [
            (run, element(f"learning-{i}", both(found, *run), SMALL))
            for i, run in enumerate(found.drawn())
        ],
        "thresholds": [element(f"curve-{i}", [panel], WIDE) for i, panel in enumerate(curves)],
        "class_curves": [element(f"class-{i}", [panel], SMALL) for i, panel in enumerate(classes)],
    }


def both(found: Study, result: Result, look: Look) -> list[Panel]:
    """Return one run's loss above its accuracy."""
    return [learning.of_run(found, result, look, metric) for metric in ("loss", "accuracy")]


def element(name: str, panels: Sequence[Panel], size: tuple[float, float]) -> Markup:
    """Return panels as one SVG element, `name` unique in the page."""
    from stages.core import figures

    lines = {line.run: None for panel in panels for line in panel.lines}
    alternative = f"{' and '.join(panel.title for panel in panels)}: {', '.join(lines)}"
    drawing = figures.svg(figures.panels(panels, *size), name, alternative)
    return Markup(drawing)  # noqa: S704 - matplotlib escapes all text in it
