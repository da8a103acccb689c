"""A small project as `preprocess`, `train` and `evaluate` leave it, and its page as HTML.

The predictions are drawn from a seed: a run with more skill is right more often and surer.
"""

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.config.params import load_params
from stages import compare, evaluate, report
from tests.support.datasets import make_dataset_card
from tests.support.project import edit_params, enter_project
from tests.support.results import make_run_json

SKILLS = {"unweighted": 1.0, "weighted": 2.0, "overfit": 3.0}
IMAGE_COUNTS = {"train": 60, "validation": 40, "test": 50}
EPOCHS = 6
# What each run changes, over and over.
RUN_CHANGES: list[dict[str, object]] = [
    {},
    {"class_weight": "balanced"},
    {"epochs": 60},
    {"model": "dense"},
]


def write_evaluated_runs(  # noqa: PLR0913 - each says one thing of the invented data
    classes: Sequence[str] = ("not 8", "8"),
    positive: str | None = "8",
    skills: Mapping[str, float] = SKILLS,
    counts: Mapping[str, int] = IMAGE_COUNTS,
    *,
    options: Mapping[str, object] | None = None,
    changes: Sequence[Mapping[str, object]] = RUN_CHANGES,
) -> None:
    """Fill data/ of the current folder, a project, with invented runs, and evaluate them.

    `skills` maps each run's name to what its logits gain for the true class; `counts` is images
    per split; `options` change the section `evaluate`, `changes` the runs in
    turn. The first run is the reference.
    """
    rng = np.random.default_rng(0)
    runs = {name: dict(changes[i % len(changes)]) for i, name in enumerate(skills)}
    reference = {"reference": next(iter(skills))}
    edit_params(Path(), {"runs": runs, "evaluate": options or {}, "report": reference})
    labels = {split: _draw_labels(rng, len(classes), n) for split, n in counts.items()}
    _write_preprocessed(classes, positive, labels)
    for name, skill in skills.items():
        _write_run(rng, name, skill, labels, len(classes))
        evaluate.run(load_params(), name)


def _draw_labels(rng: np.random.Generator, size: int, count: int) -> NDArray[np.int64]:
    """Return every class at least once, the first ones more often."""
    rest = rng.integers(0, size, (2, max(count - size, 0))).min(axis=0)
    return np.append(np.arange(size), rest).astype(np.int64)


def _write_preprocessed(
    classes: Sequence[str], positive: str | None, labels: Mapping[str, NDArray[np.int64]]
) -> None:
    with files.create_output("preprocess") as folder:
        for split, truth in labels.items():
            np.save(folder / f"{split}.labels.npy", truth)
            stripes = np.tile(truth.astype(np.uint8) * 5, (28, 28, 1, 1))
            np.save(folder / f"{split}-00000.npy", np.moveaxis(stripes, -1, 0))
        counts = {
            split: dict(zip(classes, np.bincount(truth).tolist(), strict=True))
            for split, truth in labels.items()
        }
        facts = make_dataset_card(classes, counts, positive)
        files.write_json(folder / "facts.json", facts.model_dump())
        rows = [
            {"id": f"{split}#{i}", "label": classes[k], "split": split, "digest": "0" * 64}
            for split, truth in labels.items()
            for i, k in enumerate(truth)
        ]
        files.write_csv(folder / "images.csv", rows[0], rows)


def _write_run(
    rng: np.random.Generator,
    name: str,
    skill: float,
    labels: Mapping[str, NDArray[np.int64]],
    size: int,
) -> None:
    with files.create_output("train", name) as folder:
        predictions = {
            split: _draw_predictions(rng, labels[split], skill, size)
            for split in ("validation", "test")
        }
        np.savez(folder / "predictions.npz", allow_pickle=False, **predictions)
        history = [_make_epoch_row(epoch, skill) for epoch in range(1, EPOCHS + 1)]
        files.write_csv(folder / "history.csv", history[0], history)
        outcome = make_run_json(
            name, load_params().run(name).model_dump(), epochs=EPOCHS, kept_epoch=EPOCHS - 1
        )
        files.write_json(folder / "run.json", outcome)


def _draw_predictions(
    rng: np.random.Generator, labels: NDArray[np.int64], skill: float, size: int
) -> NDArray[np.float32]:
    logits = rng.normal(size=(len(labels), size))
    logits[np.arange(len(labels)), labels] += skill
    odds = np.exp(logits)
    shares: NDArray[np.float32] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _make_epoch_row(epoch: int, skill: float) -> dict[str, object]:
    """Return a row of history.csv; precision is not yet defined in the first epoch."""
    row: dict[str, object] = {"epoch": epoch, "train/objective": skill / epoch}
    for split, gap in (("train", 0.0), ("validation", 0.02 * epoch)):
        row[f"{split}/loss"] = 0.6 / (1 + skill * epoch) + gap
        row[f"{split}/accuracy"] = 1 - 0.5 / (1 + skill * epoch) - gap
        row[f"{split}/precision"] = "" if epoch == 1 else 0.5 + 0.05 * epoch
        row[f"{split}/recall"] = 0.1 * epoch
    return row


class ReportPage(HTMLParser):
    """The tags of report.html with their attributes, and its text."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.text = (folder / "report.html").read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a piece of text."""
        self.words.append(data.strip())

    def find_all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def write_report(folder: Path, **invented: Any) -> ReportPage:  # noqa: ANN401 - whatever `build` takes
    """Make a folder a project, invent its runs and return their page."""
    with enter_project(folder):
        write_evaluated_runs(**invented)
        compare.run(load_params())
        report.run(load_params())
    return ReportPage(folder / "data" / "report")


def write_eights_report(folder: Path) -> ReportPage:
    """Return the page of two runs that ask whether it is an eight."""
    return write_report(folder, skills={"unweighted": 1.0, "weighted": 3.0})
