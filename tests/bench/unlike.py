"""What share of pictures is warned of: pictures like those of training, and pictures unlike them.

Four networks are trained: on letters, clothes (Fashion-MNIST), digits, and photographs in colour.
Each is asked about test images of its own data, where every warning is a false alarm (nominally at
most 5 %), about these inverted, about those of the other data sets, as they are and inverted, about
twelve letters drawn by others, and about noise. All go through what `predict` sees and says.
Needs the shared data sets; docs/unlike.md says what it found. Target: at most 5 % false alarms.
"""

import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from stages.core import files, model
from stages.core.data import images, sources
from stages.core.data.images import Seen
from stages.core.data.items import Content
from stages.core.outputs import facts
from stages.core.outputs.manifest import Rows
from stages.core.params import load
from stages.core.typical.features import Features
from stages.core.typical.likeness import Likeness
from stages.core.typical.typical import Typical
from tests.bench.lines import Line
from tests.bench.projects import inside
from tests.conftest import SHARED
from tests.pipeline_builder import build, run

if TYPE_CHECKING:
    import keras

RUN, NOMINAL = "asked", 0.05
ASKED, NOISE = 1000, 500
OWN = SHARED / "own_letters"
Network = dict[str, Any]
NETWORKS: dict[str, Network] = {
    "letters": {
        "data": {"source": "folder", "path": "data/letters_folders", "positive": None},
        "preprocess": {"background": "white"},
        "runs": {RUN: {"epochs": 30}},
    },
    "clothes": {
        "data": {"source": "idx", "path": str(SHARED / "fashion-mnist"), "positive": None},
        "runs": {RUN: {"epochs": 3, "batch_size": 128}},
    },
    "digits": {"data": {"positive": None}, "runs": {RUN: {"epochs": 30}}},
    "photographs": {
        "data": {"source": "folder", "path": "data/clothing_small_5", "positive": None},
        "preprocess": {"height": 64, "width": 64, "channels": 3},
        "runs": {RUN: {"epochs": 10}},
    },
}
SHOWN = [name not in {"aspect", "size"} for name in Features._fields]
COMMON = {"report": {"reference": RUN}, "track": {"live_after": 10**6}}


class Asked(NamedTuple):
    """Pictures as they are given, and whether they are looked at with light and dark changed."""

    contents: list[Content]
    inverted: bool = False


class Found(NamedTuple):
    """How like training pictures are, and which of them `--invert auto` would invert."""

    likenesses: list[Likeness]
    inverted: list[bool]


def measure(folder: Path) -> list[Line]:
    """Train the networks, and ask each about the pictures of all."""
    projects = {name: trained(folder / name, changes) for name, changes in NETWORKS.items()}
    tests = {name: Asked(list(contents(project))) for name, project in projects.items()}
    asked = tests | {
        f"{name}, inverted": Asked(test.contents, inverted=True) for name, test in tests.items()
    }
    asked["drawn letters"] = Asked(drawn())
    return [
        line(f"{name}, asked about {about}", found, about == name)
        for name, project in projects.items()
        for about, found in told(project, asked).items()
    ]


def trained(folder: Path, changes: Network) -> Path:
    """Return a project whose one run is trained."""
    build(folder, changes | COMMON)
    path = changes["data"].get("path")
    if path and (archive := SHARED / f"{Path(path).name}.tar").exists():
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "data", filter="data")
    for stage in (("split",), ("preprocess",), ("train", RUN)):
        run(folder, "python", "-m", "stages", *stage)
    return folder


def contents(project: Path) -> Iterator[Content]:
    """Yield some of the test images, as the source gives them."""
    with inside(project):
        source = sources.source(load().data)
        listed = Rows(files.folder("preprocess") / "images.csv")
        rows = [row for row in listed if row.split == "test"]
        for row in rows[:: -(-len(rows) // ASKED)]:
            yield source.content(row.id)


def drawn() -> list[Content]:
    """Return the letters that others drew."""
    return [path.read_bytes() for path in sorted(OWN.glob("*.*g"))]


def noise(side: int) -> list[Content]:
    """Return pictures of pixels that have nothing to do with each other."""
    return list(np.random.default_rng(0).integers(0, 256, (NOISE, side, side), np.uint8))


def told(project: Path, asked: dict[str, Asked]) -> dict[str, Found]:
    """Return what the network of a project finds out about the pictures."""
    with inside(project):
        run_folder, known = files.folder("train", RUN), facts.read()
        typical, network = Typical.read(run_folder, known), model.load(run_folder)
        see = partial(images.see, spec=known.preparation)
        all_asked = asked | {"noise": Asked(noise(known.shape[0]))}
        seen = {
            name: [see(one, inverted=some.inverted) for one in some.contents]
            for name, some in all_asked.items()
        }
        return {name: found(typical, network, some) for name, some in seen.items()}


def found(typical: Typical, network: "keras.Model", seen: list[Seen]) -> Found:
    """Return how like training each picture is, and whether it would be inverted."""
    likenesses: list[Likeness] = []
    for answers in model.ask(network, np.stack([one.pixels for one in seen])):
        some = seen[len(likenesses) :][: len(answers.embeddings)]
        likenesses += typical.likenesses(some, answers.embeddings)
    return Found(likenesses, [typical.inverted(one.pixels) for one in seen])


def line(what: str, found: Found, own: bool) -> Line:
    """Return the share that is warned of and its 95 % interval, and the shares by what it is by.

    That is what the network is shown, all but the size and shape of the file, and the network;
    and the share that `--invert auto` would invert.
    """
    table = np.stack([one.off for one in found.likenesses])[:, SHOWN]
    shown, far = (np.abs(table) > 1).any(axis=1), [one.far for one in found.likenesses]
    unlike, total = sum(one.unlike for one in found.likenesses), len(table)
    interval = binomtest(unlike, total).proportion_ci(method="wilson")
    what += f" ({total:,}; by picture {shown.mean():.3f}, by network {np.mean(far):.3f}, "
    what += f"to invert {np.mean(found.inverted):.3f})"
    values = [interval.low, unlike / total, interval.high]
    return Line(what, values, "", at_most=NOMINAL if own else None, digits=3)
