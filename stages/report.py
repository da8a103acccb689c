"""Draw the numbers of all runs on one page.

Reads facts and pictures of data/preprocess, every run's folder in data/train and
data/evaluate, data/compare (where there is none, the page says nothing of differences) and
data/retrain/history.jsonl;
writes data/report: report.html (one file that needs no network), leaderboard.csv, curves.csv
and precision_recall.csv (for `dvc plots`), and pictures of the runs (for MLflow and `dvc plots`).
It computes nothing that `evaluate` or `compare` should have.
"""

from pathlib import Path

from stages.core import files
from stages.core.outputs import retrainings, study
from stages.core.outputs.study import Study
from stages.core.page import (
    album,
    contact,
    contents,
    contrasted,
    inside,
    leaderboard,
    learning,
    maps,
    service,
    threshold_curves,
)
from stages.core.page.document import document
from stages.core.page.palette import Look, looks
from stages.core.params import Params


def run(params: Params) -> None:
    """Draw what stands in data/ of every run in params.yaml.

    Raises DataError when a run has not been trained or evaluated.
    """
    found, compared = study.read(params), contrasted.read()
    with files.output("report") as folder:
        ranked = leaderboard.records(leaderboard.rows(found, compared.seeded if compared else ()))
        files.write_csv(folder / "leaderboard.csv", leaderboard.FIELDS, ranked)
        files.write_csv(folder / "curves.csv", learning.FIELDS, learning.records(found))
        points = threshold_curves.records(found)
        files.write_csv(folder / "precision_recall.csv", threshold_curves.FIELDS, points)
        draw_pictures(found, folder)
        seen = album.read(found, compared.mistakes) if compared else None
        drawn = {result.name: look for result, look in looks(found)}
        networks = inside.read(params, inside.pair(params), drawn)
        shown = contents.context(found, compared, contact.read(found.facts), seen, networks)
        shown |= service.context(retrainings.read())
        (folder / "report.html").write_text(document("report.html.j2", shown), encoding="utf-8")


def draw_pictures(found: Study, folder: Path) -> None:
    """Draw confusion.png of all runs, and five pictures of each in runs/<run>."""
    from stages.core.page import figures

    names, counts = contents.confusion_matrices(found)
    figures.png(figures.confusions(counts, names, Look(0)), folder / "confusion.png")
    for result, look in looks(found):
        into = folder / "runs" / result.name
        into.mkdir(parents=True)
        curves = contents.both(found, result, look)
        recalled = threshold_curves.precision_recall_of_run(found, result)
        roc = threshold_curves.roc_of_run(result)
        matrix = figures.confusions({result.name: counts[result.name]}, names, look)
        figures.png(figures.panels(curves, 5, 3, legend=True), into / "curves.png")
        figures.png(matrix, into / "confusion.png")
        figures.png(figures.panels([recalled], 5, 4, legend=True), into / "precision_recall.png")
        figures.png(figures.panels([roc], 5, 4, legend=True), into / "roc.png")
        if (passage := maps.example(result.name)) is not None:
            rows, answer = maps.rows(passage), maps.answer(passage, found.facts.classes)
            figures.png(figures.strips(rows, answer, look), into / "inside.png")
