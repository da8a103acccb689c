"""Studies whose truth is known: labels and probabilities are drawn, and go through the real stages.

Every run adds to the logit of the true class what its skill is, and errors of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from secondlook.artifacts import files
from secondlook.artifacts.manifest import EVALUATED_SPLITS, SEEN_SPLITS
from secondlook.config.params import Params
from secondlook.evaluation.comparison_artifacts import Comparison, Verdict, load_verdicts
from secondlook.evaluation.metrics import Labels, Numbers, Probabilities
from stages import compare, evaluate
from tests.support.datasets import (
    make_dataset_card,
    make_duplicate_counts,
    make_near_duplicate_counts,
)
from tests.support.results import make_run_json

IMAGES = {"train": 2000, "validation": 400, "test": 952}
POSITIVES = 91 / 952  # of the images: those of the class that is asked for
# Of some methods: in what alone they differ from the first.
TWINS: dict[int, dict[str, object]] = {
    1: {"class_weight": "balanced"},
    2: {"early_stopping": {"monitor": "validation/loss", "patience": 3}},
    3: {"model": "pretrained", "backbone": {"name": "mobilenet_v2", "sha256": "0" * 64}},
}
# Of each run: losses that settle.
HISTORY = [{"epoch": i, **{f"{split}/loss": 0.3 for split in SEEN_SPLITS}} for i in (1, 2, 3)]
# What a rule says where it claims a difference; the others claim none.
CLAIMS = {
    "best": r"is better (?!than always)|is the best",
    "disagree": r"",
    "no_better_than_lazy": r"worse than",
    "one_seed": r"",
    "pretraining": r"improved|made .* worse",
    "stopping": r"better|worse",
    "weakest_class": r"",
    "weighting": r"^Weighting",
}


@dataclass(frozen=True)
class Setting:
    """Studies of so many methods with so many seeds each; the last may have more skill by `lead`.

    skill: what the logit of the true class gains; luck: its standard deviation over seeds; bias:
    what the logit of the first, commoner class gains where there are two; shared: of the errors'
    variance, what all runs have in common, as where images are hard for all.
    """

    methods: int
    classes: int = 2
    seeds: int = 1
    skill: float = 2.0
    bias: float = 2.0
    luck: float = 0.1
    lead: float = 0.0
    shared: float = 0.0

    @property
    def positive(self) -> str | None:
        """Return the class that is asked for, where there are two."""
        return "yes" if self.classes == 2 else None

    @property
    def names(self) -> list[str]:
        """Return the names of the classes."""
        return ["no", "yes"] if self.classes == 2 else [f"c{k}" for k in range(self.classes)]

    def draw_labels(self, count: int) -> Labels:
        """Return so many labels: two classes, of which one is rare, or many that are alike."""
        if self.classes == 2:
            return (np.arange(count) < round(count * POSITIVES)).astype(np.int64)
        return np.arange(count, dtype=np.int64) % self.classes

    def draw_probabilities(
        self,
        rng: np.random.Generator,
        labels: Labels,
        skill: float,
        hardness: Numbers | None = None,
    ) -> Probabilities:
        """Return what a run of that skill answers; `hardness` is what images do to all runs."""
        logits = (1 - self.shared) ** 0.5 * rng.normal(size=(len(labels), self.classes))
        logits += 0.0 if hardness is None else self.shared**0.5 * hardness
        logits[np.arange(len(labels)), labels] += skill
        logits[:, 0] += self.bias if self.classes == 2 else 0.0
        odds = np.exp(logits)
        found: Probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return found


def list_run_parameters(setting: Setting) -> Iterator[dict[str, object]]:
    """Yield the parameters of each method: dropout differs, and one is as TWINS says, each."""
    for i in range(setting.methods):
        twin = TWINS.get(i, {})
        yield {"dropout": 0.0 if twin else round(i / 100, 2)} | twin


def simulate_study(
    setting: Setting, params: Params, rng: np.random.Generator
) -> tuple[Comparison, list[Verdict]]:
    """Write one study into the current folder; return what was compared, and what was said."""
    labels = {split: setting.draw_labels(count) for split, count in IMAGES.items()}
    _write_preprocessed(setting, labels)
    hardness = {s: rng.normal(size=(len(labels[s]), setting.classes)) for s in EVALUATED_SPLITS}
    runs = {
        f"run-{i}-{k}": changes | {"seed": k}
        for i, changes in enumerate(list_run_parameters(setting))
        for k in range(setting.seeds)
    }
    report = params.report.model_copy(update={"reference": next(iter(runs))})
    sides = params.preprocess.model_copy(update={"height": 32, "width": 32, "channels": 3})
    asked = params.model_copy(update={"runs": runs, "report": report, "preprocess": sides})
    best = setting.methods - 1
    for name in runs:
        lead = setting.lead if name.startswith(f"run-{best}-") else 0.0
        skill = setting.skill + lead + rng.normal() * setting.luck * (setting.seeds > 1)
        with files.create_output("train", name) as folder:
            told = {
                s: setting.draw_probabilities(rng, labels[s], skill, hardness[s])
                for s in EVALUATED_SPLITS
            }
            np.savez(folder / "predictions.npz", allow_pickle=False, **told)
            files.write_csv(folder / "history.csv", HISTORY[0], HISTORY)
            outcome = make_run_json(name, asked.run(name).model_dump(), epochs=3, kept_epoch=3)
            files.write_json(folder / "run.json", outcome)
        evaluate.run(asked, name)
    compare.run(asked)
    path = files.stage_folder("compare") / "comparison.json"
    return Comparison.model_validate(files.read_json(path)), load_verdicts()


def find_claims(verdicts: list[Verdict]) -> list[str]:
    """Return the rules that say of runs, or classes, that one is better than another."""
    return [
        found.rule
        for found in verdicts
        if found.rule in CLAIMS and re.search(CLAIMS[found.rule], found.text)
    ]


def _write_preprocessed(setting: Setting, labels: dict[str, Labels]) -> None:
    counts = {
        split: dict(zip(setting.names, np.bincount(found).tolist(), strict=True))
        for split, found in labels.items()
    }
    clean = {
        "copies": make_duplicate_counts(0),
        "alike": make_near_duplicate_counts(0, 0, 0, 0),
    }
    facts = make_dataset_card(setting.names, counts, setting.positive, **clean)
    rows = [
        {"id": f"{split}#{i}", "label": setting.names[k], "split": split, "digest": "0" * 64}
        for split, found in labels.items()
        for i, k in enumerate(found)
    ]
    with files.create_output("preprocess") as folder:
        for split, found in labels.items():
            np.save(folder / f"{split}.labels.npy", found)
        files.write_json(folder / "facts.json", facts.model_dump())
        files.write_csv(folder / "images.csv", rows[0], rows)
