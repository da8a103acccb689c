"""Draw the numbers of all runs on one page.

Reads facts and pictures of data/preprocess, every run's folder in data/train and
data/evaluate, data/compare (where there is none, the page says nothing of differences),
data/retrain/history.jsonl and data/sweep/results.json;
writes data/report: report.html (one file that needs no network), leaderboard.csv, curves.csv
and precision_recall.csv (for `dvc plots`), and pictures of the runs (for MLflow and `dvc plots`).
Of more than ten methods the page, and confusion.png, first show the ten best and the reference.
It computes nothing that `evaluate` or `compare` should have.
"""

from collections.abc import Sequence
from pathlib import Path

from secondlook.artifacts import files, retraining_history
from secondlook.config.params import Params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.comparison_artifacts import Method
from secondlook.evaluation.run_artifacts import Study
from secondlook.evaluation.sweep_results import load_sweep_results
from secondlook.report import (
    context,
    feature_maps,
    leaderboard,
    learning_curves,
    network_view,
    probability_charts,
    sweep_view,
    tables,
    thumbnails,
)
from secondlook.report.leaderboard import ArrangedStudy
from secondlook.report.render import render_page
from secondlook.report.theme import Style, assign_styles


def run(params: Params) -> None:
    """Draw what stands in data/ of every run in params.yaml.

    Raises DataError when a run has not been trained or evaluated.
    """
    found, compared = run_artifacts.load_study(params), tables.load_comparison_view()
    seeded = compared.seeded if compared else ()
    arranged = leaderboard.arrange_study(found, seeded)
    with files.create_output("report") as folder:
        _write_tables(found, seeded, folder)
        _draw_pictures(arranged, folder)
        seen = (
            thumbnails.load_mistake_gallery(arranged.shown, compared.mistakes) if compared else None
        )
        drawn = {result.name: look for result, look in assign_styles(arranged.whole)}
        named = network_view.select_shown_networks(params)
        networks = network_view.load_network_views(params, named, drawn)
        sheets = thumbnails.load_contact_sheets(found.facts)
        shown = context.build_context(arranged, compared, sheets, seen, networks)
        shown |= tables.build_champion_context(retraining_history.load_history())
        shown |= sweep_view.build_sweep_context(load_sweep_results(), found.facts.digest)
        (folder / "report.html").write_text(render_page("report.html.j2", shown), encoding="utf-8")


def _write_tables(found: Study, seeded: Sequence[Method], folder: Path) -> None:
    """Write the numbers of all runs as CSV."""
    ranked = leaderboard.list_leaderboard_rows(leaderboard.build_leaderboard(found, seeded))
    files.write_csv(folder / "leaderboard.csv", leaderboard.CSV_FIELDS, ranked)
    files.write_csv(
        folder / "curves.csv", learning_curves.CSV_FIELDS, learning_curves.list_epoch_rows(found)
    )
    points = probability_charts.list_precision_recall_rows(found)
    files.write_csv(folder / "precision_recall.csv", probability_charts.CSV_FIELDS, points)


def _draw_pictures(arranged: ArrangedStudy, folder: Path) -> None:
    """Draw confusion.png of the runs shown first, and five pictures of each run in runs/<run>."""
    from secondlook.report import figures

    found = arranged.whole
    names, counts = context.condense_confusion_matrices(found)
    first = {result.name: counts[result.name] for result in arranged.shown.results}
    figures.save_png(
        figures.draw_confusion_matrices(first, names, Style(0)), folder / "confusion.png"
    )
    for result, look in assign_styles(found):
        into = folder / "runs" / result.name
        into.mkdir(parents=True)
        curves = context.build_learning_panels(found, result, look)
        recalled = probability_charts.build_run_precision_recall(found, result)
        roc = probability_charts.build_run_roc(result)
        matrix = figures.draw_confusion_matrices({result.name: counts[result.name]}, names, look)
        figures.save_png(figures.draw_panels(curves, 5, 3, legend=True), into / "curves.png")
        figures.save_png(matrix, into / "confusion.png")
        figures.save_png(
            figures.draw_panels([recalled], 5, 4, legend=True), into / "precision_recall.png"
        )
        figures.save_png(figures.draw_panels([roc], 5, 4, legend=True), into / "roc.png")
        if (passage := feature_maps.load_example(result.name)) is not None:
            rows, answer = (
                feature_maps.list_layer_images(passage),
                feature_maps.list_top_classes(passage, found.facts.classes),
            )
            figures.save_png(figures.draw_feature_strips(rows, answer, look), into / "inside.png")
