"""What the template of the report shows: every number, sentence and figure under its name."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from stages.core.outputs.results import Result
from stages.core.outputs.study import Study
from stages.core.page import (
    contrasted,
    evidence,
    first_look,
    inside,
    leaderboard,
    learning,
    palette,
    prose,
    tables,
    threshold_curves,
)
from stages.core.page.album import Album
from stages.core.page.contact import Sheet
from stages.core.page.contrasted import Contrasted
from stages.core.page.inside import Shown
from stages.core.page.palette import Look, looks
from stages.core.page.panels import Panel
from stages.core.statistics import confusion
from stages.core.statistics.confusion import Counts

# More classes than these are cut down to the hardest, so that the page stays readable.
CONFUSED, CURVED, LISTED = 10, 12, 20
WIDE, SMALL = (5.0, 3.2), (3.4, 2.1)  # inches, of one panel


def context(
    found: Study,
    compared: Contrasted | None,
    sheets: Sequence[Sheet],
    album: Album | None,
    networks: Sequence[Shown],
) -> dict[str, object]:
    """Return everything that the template names; what was not compared is None there."""
    return {
        "facts": found.facts,
        "runs": list(looks(found)),
        "parameters": tables.parameters(found.results),
        **palette.style(),
        **told(found),
        **ranked(found, compared),
        **confused(found),
        **drawn(found),
        **trusted(found),
        **inside.context(networks),
        "sheets": sheets,
        "album": album,
        "contrasted": compared,
        "compared_metrics": contrasted.SHOWN,
        "looks": {result.name: look for result, look in looks(found)},
        "whole": prose.whole,
        "coded": prose.coded,
        "short": prose.short,
        "compact": prose.compact,
    }


def told(found: Study) -> dict[str, object]:
    """Return the sentences that depend on the data."""
    return {
        "question": prose.question(found.facts),
        "summary": prose.summary(found),
        "described": prose.described(found.facts),
        "notes": first_look.notes(found.facts),
        "levels": first_look.levels(found.facts),
        "averaged": prose.averaged(found.facts),
        "thresholds_text": prose.curves(found.facts),
        "counts": tables.counts(found.facts),
        "splits": tables.SPLITS,
        "listed": LISTED,
        "hardest": tables.weakest(found.results, found.facts.classes, LISTED),
    }


def ranked(found: Study, compared: Contrasted | None) -> dict[str, object]:
    """Return the leaderboard: its rows, its columns and the best number of each."""
    rows = leaderboard.rows(found, compared.seeded if compared else ())
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
            for run in looks(found)
        ],
    }


def drawn(found: Study) -> dict[str, object]:
    """Return the figures as elements of the page."""
    whole = [learning.of_all(found, metric) for metric in ("loss", "accuracy")]
    headline = threshold_curves.precision_recall(found, found.headline, "Precision against recall")
    curves = [headline, threshold_curves.roc(found)]
    classes = []
    if found.facts.positive is None:
        names = tables.weakest(found.results, found.facts.classes, CURVED)
        classes = [threshold_curves.precision_recall(found, name, name) for name in names]
    return {
        "overview": [element(f"all-{i}", [panel], WIDE) for i, panel in enumerate(whole)],
        "learning": [
            (run, prose.fitted(run[0].fitting), element(f"learning-{i}", both(found, *run), SMALL))
            for i, run in enumerate(looks(found))
        ],
        "thresholds": [element(f"curve-{i}", [panel], WIDE) for i, panel in enumerate(curves)],
        "class_curves": [element(f"class-{i}", [panel], SMALL) for i, panel in enumerate(classes)],
    }


def trusted(found: Study) -> dict[str, object]:
    """Return how far each run's numbers can be trusted, and where a yes begins."""
    point = found.results[0].details["test"].operating_point
    return {
        "certainty": [(run, evidence.certainty(run[0])) for run in looks(found)],
        "operating_text": point and prose.operating(point),
        "operating": [
            (run, evidence.operating(found, run[0]), element(f"threshold-{i}", [panel], SMALL))
            for i, run in enumerate(looks(found))
            if (panel := threshold_curves.by_threshold(*run)) is not None
        ],
    }


def both(found: Study, result: Result, look: Look) -> list[Panel]:
    """Return one run's loss above its accuracy."""
    return [learning.of_run(found, result, look, metric) for metric in ("loss", "accuracy")]


def element(name: str, panels: Sequence[Panel], size: tuple[float, float]) -> Markup:
    """Return panels as one SVG element, `name` unique in the page."""
    from stages.core.page import figures

    lines = {line.run: None for panel in panels for line in panel.lines}
    alternative = f"{' and '.join(panel.title for panel in panels)}: {', '.join(lines)}"
    drawing = figures.svg(figures.panels(panels, *size), name, alternative)
    return Markup(drawing)  # noqa: S704 - matplotlib escapes all text in it


def confusion_matrices(found: Study) -> tuple[list[str], dict[str, Counts]]:
    """Return class names and each run's confusion matrix on test, cut down where too large."""
    whole = {r.name: np.array(r.details["test"].confusion) for r in found.results}
    kept = confusion.most_confused(list(whole.values()), CONFUSED)
    names = [found.facts.classes[k] for k in kept]
    if len(kept) < len(found.facts.classes):
        names.append(confusion.OTHERS)
    return names, {name: confusion.condensed(counts, kept) for name, counts in whole.items()}
