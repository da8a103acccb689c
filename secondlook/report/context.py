"""What the template of the report shows: every number, sentence and figure under its name."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from secondlook.artifacts.manifest import SPLITS
from secondlook.evaluation import confusion, formatting
from secondlook.evaluation.metrics import Counts
from secondlook.evaluation.run_artifacts import RunResult, Study
from secondlook.report import (
    leaderboard,
    learning_curves,
    network_view,
    probability_charts,
    tables,
    text,
    theme,
)
from secondlook.report.leaderboard import ArrangedStudy
from secondlook.report.network_view import NetworkView
from secondlook.report.tables import ComparisonView
from secondlook.report.theme import Panel, Style, assign_styles
from secondlook.report.thumbnails import ContactSheet, MistakeGallery

# More classes than these are cut down to the hardest, so that the page stays readable.
CONFUSION_CLASSES, CURVE_CLASSES, TABLE_CLASSES = 10, 12, 20
WIDE_PANEL, SMALL_PANEL = (5.0, 3.2), (3.4, 2.1)  # inches, of one panel


def build_context(
    study: ArrangedStudy,
    compared: ComparisonView | None,
    sheets: Sequence[ContactSheet],
    album: MistakeGallery | None,
    networks: Sequence[NetworkView],
) -> dict[str, object]:
    """Return everything that the template names; what was not compared is None there.

    What is drawn of each run is so of those that are shown first.
    """
    runs = list(assign_styles(study.whole))
    return {
        "facts": study.whole.facts,
        "runs": runs[: len(study.shown.results)],
        "folded_runs": runs[len(study.shown.results) :],
        "parameters": tables.build_parameter_table(study.whole.results),
        **theme.build_css_colors(),
        **_build_sentences(study),
        **_build_leaderboard(study.whole, compared),
        **_build_confusion(study),
        **_draw_figures(study),
        **_build_certainty(study),
        **network_view.build_network_context(networks),
        "sheets": sheets,
        "album": album,
        "contrasted": compared,
        "compared_metrics": tables.COMPARED_METRICS,
        "most": leaderboard.SHOWN_METHODS,
        "shown": {result.name for result in study.shown.results},
        "looks": {result.name: look for result, look in runs},
        "whole": formatting.format_whole_percent,
        "coarse": formatting.format_coarse_percent,
        "coded": text.format_code,
        "short": formatting.format_short_fraction,
        "compact": formatting.format_compact_count,
    }


def _build_sentences(study: ArrangedStudy) -> dict[str, object]:
    """Return the sentences that depend on the data."""
    found = study.whole
    return {
        "question": text.format_question(found.facts),
        "summary": text.describe_lazy_baseline(found),
        "described": text.describe_images(found.facts),
        "notes": text.describe_data_quality(found.facts),
        "levels": text.describe_levels(found.facts),
        "averaged": text.describe_averaging(found.facts),
        "thresholds_text": text.describe_threshold_curves(found.facts),
        "selection": text.describe_selection(len(study.shown.results), len(found.results)),
        "counts": tables.count_class_images(found.facts),
        "splits": SPLITS,
        "listed": TABLE_CLASSES,
        "hardest": tables.find_weakest_classes(found.results, found.facts.classes, TABLE_CLASSES),
    }


def _build_leaderboard(found: Study, compared: ComparisonView | None) -> dict[str, object]:
    """Return the leaderboard: its rows, its columns and the best number of each."""
    rows = leaderboard.build_leaderboard(found, compared.seeded if compared else ())
    columns = [column for shown in leaderboard.DISPLAY_COLUMNS.values() for column in shown]
    return {
        "leaderboard": leaderboard.split_leaderboard(rows, found.results[0].name),
        "columns": leaderboard.DISPLAY_COLUMNS,
        "rank": leaderboard.RANKING_METRIC,
        "best": {column: leaderboard.find_best_value(rows, column) for column in columns},
    }


def _build_confusion(study: ArrangedStudy) -> dict[str, object]:
    """Return the confusion matrices, each with its shares of the rows."""
    names, counts = condense_confusion_matrices(study.whole)
    return {
        "names": names,
        "confused": CONFUSION_CLASSES,
        "cut": names[-1:] == [confusion.OTHER_CLASSES],
        "matrices": [
            (run, counts[run[0].name], confusion.compute_row_shares(counts[run[0].name]))
            for run in assign_styles(study.shown)
        ],
    }


def _draw_figures(study: ArrangedStudy) -> dict[str, object]:
    """Return the figures as elements of the page."""
    found = study.shown
    whole = [learning_curves.build_study_panel(found, metric) for metric in ("loss", "accuracy")]
    headline = probability_charts.build_precision_recall(
        found, found.headline, "Precision against recall"
    )
    curves = [headline, probability_charts.build_roc(found)]
    classes = []
    if found.facts.positive is None:
        names = tables.find_weakest_classes(study.whole.results, found.facts.classes, CURVE_CLASSES)
        classes = [probability_charts.build_precision_recall(found, name, name) for name in names]
    return {
        "overview": [
            _render_panels(f"all-{i}", [panel], WIDE_PANEL) for i, panel in enumerate(whole)
        ],
        "learning": [
            (
                run,
                text.describe_training(run[0]),
                _render_panels(f"learning-{i}", build_learning_panels(found, *run), SMALL_PANEL),
            )
            for i, run in enumerate(assign_styles(found))
        ],
        "thresholds": [
            _render_panels(f"curve-{i}", [panel], WIDE_PANEL) for i, panel in enumerate(curves)
        ],
        "class_curves": [
            _render_panels(f"class-{i}", [panel], SMALL_PANEL) for i, panel in enumerate(classes)
        ],
    }


def _build_certainty(study: ArrangedStudy) -> dict[str, object]:
    """Return how far each run's numbers can be trusted, and where a yes begins."""
    point = study.whole.results[0].details["test"].operating_point
    shown = len(study.shown.results)
    built = [
        (run, probability_charts.build_certainty(run[0])) for run in assign_styles(study.whole)
    ]
    operating = [
        (run, view)
        for run in assign_styles(study.whole)
        if (view := probability_charts.build_operating_view(study.whole, run[0])) is not None
    ]
    return {
        "certainty": built[:shown],
        "folded_certainty": built[shown:],
        "operating_text": point and text.describe_operating_rule(point),
        "operating": [
            (run, view, _render_panels(f"threshold-{i}", [panel], SMALL_PANEL))
            for i, (run, view) in enumerate(operating[:shown])
            if (panel := probability_charts.build_threshold_panel(*run)) is not None
        ],
        "folded_operating": [(run, view, "") for run, view in operating[shown:]],
    }


def build_learning_panels(found: Study, result: RunResult, look: Style) -> list[Panel]:
    """Return one run's loss above its accuracy."""
    return [
        learning_curves.build_run_panel(found, result, look, metric)
        for metric in ("loss", "accuracy")
    ]


def _render_panels(name: str, panels: Sequence[Panel], size: tuple[float, float]) -> Markup:
    """Return panels as one SVG element, `name` unique in the page."""
    from secondlook.report import figures

    lines = {line.run: None for panel in panels for line in panel.lines}
    alternative = f"{' and '.join(panel.title for panel in panels)}: {', '.join(lines)}"
    drawing = figures.render_svg(figures.draw_panels(panels, *size), name, alternative)
    return Markup(drawing)  # noqa: S704 - matplotlib escapes all text in it


def condense_confusion_matrices(found: Study) -> tuple[list[str], dict[str, Counts]]:
    """Return class names and each run's confusion matrix on test, cut down where too large."""
    whole = {r.name: np.array(r.details["test"].confusion) for r in found.results}
    kept = confusion.find_most_confused_classes(list(whole.values()), CONFUSION_CLASSES)
    names = [found.facts.classes[k] for k in kept]
    if len(kept) < len(found.facts.classes):
        names.append(confusion.OTHER_CLASSES)
    return names, {
        name: confusion.condense_confusion_matrix(counts, kept) for name, counts in whole.items()
    }
