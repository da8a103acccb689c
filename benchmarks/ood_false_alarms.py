"""What share of pictures is warned of: pictures like those of training, and pictures unlike them.

Four networks are trained: on letters, clothes (Fashion-MNIST), digits, and photographs in colour.
Each is asked about test images of its own data, where every warning is a false alarm (nominally at
most 5 %), about these inverted, about those of the other data sets, as they are and inverted, about
twelve letters drawn by others, and about noise. All go through what `predict` sees and says.
Needs the shared data sets; docs/unlike.md says what it found. Target: at most 5 % false alarms.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from benchmarks.measuring import Measurement
from benchmarks.photographs import enter_quietly
from secondlook.artifacts import dataset_card, files
from secondlook.artifacts.manifest import ManifestRows
from secondlook.config.params import load_params
from secondlook.data import decoding, sources
from secondlook.data.decoding import DecodedImage
from secondlook.data.image_features import ImageFeatures
from secondlook.data.splitting import ImageContent
from secondlook.serving.ood_causes import OodScore
from secondlook.serving.ood_detector import OodDetector
from secondlook.training import model
from tests.support.project import SHARED_DATA, build_project, run_command, unpack_tar

if TYPE_CHECKING:
    import keras

RUN, NOMINAL = "asked", 0.05
PICTURES_ASKED, NOISE = 1000, 500
DRAWN_LETTERS = SHARED_DATA / "own_letters"
NetworkParams = dict[str, Any]
NETWORKS: dict[str, NetworkParams] = {
    "letters": {
        "data": {"source": "folder", "path": "data/letters_folders", "positive": None},
        "preprocess": {"background": "white"},
        "runs": {RUN: {"epochs": 30}},
    },
    "clothes": {
        "data": {"source": "idx", "path": str(SHARED_DATA / "fashion-mnist"), "positive": None},
        "runs": {RUN: {"epochs": 3, "batch_size": 128}},
    },
    "digits": {"data": {"positive": None}, "runs": {RUN: {"epochs": 30}}},
    "photographs": {
        "data": {"source": "folder", "path": "data/clothing_small_5", "positive": None},
        "preprocess": {"height": 64, "width": 64, "channels": 3},
        "runs": {RUN: {"epochs": 10}},
    },
}
VISIBLE_FEATURES = [name not in {"aspect", "size"} for name in ImageFeatures._fields]
COMMON_PARAMS = {"report": {"reference": RUN}, "track": {"live_after": 10**6}}


class Query(NamedTuple):
    """Pictures as they are given, and whether they are looked at with light and dark changed."""

    contents: list[ImageContent]
    inverted: bool = False


class OodFindings(NamedTuple):
    """How like training pictures are, and which of them `--invert auto` would invert."""

    likenesses: list[OodScore]
    inverted: list[bool]


def measure(folder: Path) -> list[Measurement]:
    """Train the networks, and ask each about the pictures of all."""
    projects = {name: train_network(folder / name, changes) for name, changes in NETWORKS.items()}
    tests = {name: Query(list(read_test_pictures(project))) for name, project in projects.items()}
    asked = tests | {
        f"{name}, inverted": Query(test.contents, inverted=True) for name, test in tests.items()
    }
    asked["drawn letters"] = Query(read_drawn_letters())
    return [
        make_measurement(f"{name}, asked about {about}", found, about == name)
        for name, project in projects.items()
        for about, found in ask_network(project, asked).items()
    ]


def train_network(folder: Path, changes: NetworkParams) -> Path:
    """Return a project whose one run is trained."""
    build_project(folder, changes | COMMON_PARAMS)
    path = changes["data"].get("path")
    if path and (archive := SHARED_DATA / f"{Path(path).name}.tar").exists():
        unpack_tar(archive, folder / "data")
    for stage in (("split",), ("preprocess",), ("train", RUN)):
        run_command(folder, "python", "-m", "stages", *stage)
    return folder


def read_test_pictures(project: Path) -> Iterator[ImageContent]:
    """Yield some of the test images, as the source gives them."""
    with enter_quietly(project):
        source = sources.open_source(load_params().data)
        listed = ManifestRows(files.stage_folder("preprocess") / "images.csv")
        rows = [row for row in listed if row.split == "test"]
        for row in rows[:: -(-len(rows) // PICTURES_ASKED)]:
            yield source.content(row.id)


def read_drawn_letters() -> list[ImageContent]:
    """Return the letters that others drew."""
    return [path.read_bytes() for path in sorted(DRAWN_LETTERS.glob("*.*g"))]


def draw_noise(side: int) -> list[ImageContent]:
    """Return pictures of pixels that have nothing to do with each other."""
    return list(np.random.default_rng(0).integers(0, 256, (NOISE, side, side), np.uint8))


def ask_network(project: Path, asked: dict[str, Query]) -> dict[str, OodFindings]:
    """Return what the network of a project finds out about the pictures."""
    with enter_quietly(project):
        run_folder, known = files.stage_folder("train", RUN), dataset_card.load_dataset_card()
        typical, network = OodDetector.read(run_folder, known), model.load_model(run_folder)
        see = partial(decoding.decode_image, spec=known.preparation)
        all_asked = asked | {"noise": Query(draw_noise(known.shape[0]))}
        seen = {
            name: [see(one, inverted=some.inverted) for one in some.contents]
            for name, some in all_asked.items()
        }
        return {name: judge_pictures(typical, network, some) for name, some in seen.items()}


def judge_pictures(
    typical: OodDetector, network: "keras.Model", seen: list[DecodedImage]
) -> OodFindings:
    """Return how like training each picture is, and whether it would be inverted."""
    likenesses: list[OodScore] = []
    for answers in model.predict_batches(network, np.stack([one.pixels for one in seen])):
        some = seen[len(likenesses) :][: len(answers.embeddings)]
        likenesses += typical.score(some, answers.embeddings)
    return OodFindings(likenesses, [typical.is_inverted(one.pixels) for one in seen])


def make_measurement(what: str, found: OodFindings, own: bool) -> Measurement:
    """Return the share that is warned of and its 95 % interval, and the shares by what it is by.

    That is what the network is shown, all but the size and shape of the file, and the network;
    and the share that `--invert auto` would invert.
    """
    table = np.stack([one.off for one in found.likenesses])[:, VISIBLE_FEATURES]
    shown, far = (np.abs(table) > 1).any(axis=1), [one.is_far for one in found.likenesses]
    unlike, total = sum(one.is_unlike for one in found.likenesses), len(table)
    interval = binomtest(unlike, total).proportion_ci(method="wilson")
    what += f" ({total:,}; by picture {shown.mean():.3f}, by network {np.mean(far):.3f}, "
    what += f"to invert {np.mean(found.inverted):.3f})"
    values = [interval.low, unlike / total, interval.high]
    return Measurement(what, values, "", at_most=NOMINAL if own else None, digits=3)
