"""Images of noise that train in a moment, and one small run on them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.config.params import Params, load_params
from secondlook.training.environment import list_training_code
from tests.support.datasets import make_dataset_card
from tests.support.project import edit_params

LogEpoch = Callable[[int, object], None]
SILENT: LogEpoch = lambda _epoch, _numbers: None  # noqa: E731 - a constant reads better here
SMALL_RUN: dict[str, Any] = {"filters": [4], "dense_units": [8], "epochs": 3, "batch_size": 16}


def make_small_run_params(**changes: Any) -> Params:  # noqa: ANN401 - whatever a run may change
    """Return the project's parameters with one small run called `small`."""
    return load_params().model_copy(update={"runs": {"small": SMALL_RUN | changes}})


def write_small_run_params(seconds: float, **changes: Any) -> Params:  # noqa: ANN401 - likewise
    """Write that into params.yaml, with states of the training `seconds` apart, and read it."""
    changes = {
        "runs": {"small": SMALL_RUN | changes},
        "report": {"reference": "small"},
        "train": {"checkpoint_seconds": seconds},
    }
    edit_params(Path(), changes)
    return load_params()


def write_noise_images(project: Path, shape: tuple[int, int, int] = (12, 12, 1)) -> Path:
    """Fill a project with images of noise, brighter on one side for the class `right`."""
    folder = files.stage_folder("preprocess")
    folder.mkdir(parents=True)
    counts = {}
    for seed, (split, size) in enumerate({"train": 90, "validation": 40, "test": 30}.items()):
        labels, images = _draw_noise(size, shape, seed)
        np.save(folder / f"{split}-00000.npy", images)
        np.save(folder / f"{split}.labels.npy", labels)
        counts[split] = {"left": int((labels == 0).sum()), "right": int((labels == 1).sum())}
    files.write_json(
        folder / "facts.json", make_noise_card(["left", "right"], counts, shape).model_dump()
    )
    for code in list_training_code():
        (project / code).parent.mkdir(parents=True, exist_ok=True)
        (project / code).write_text("", encoding="utf-8")
    return project


def make_noise_card(
    classes: list[str],
    counts: dict[str, dict[str, int]],
    shape: tuple[int, int, int] = (12, 12, 1),
) -> DatasetCard:
    """Return the facts of invented data, the last class being the positive one."""
    told = {"shape": list(shape), "digest": "d" * 64}
    return make_dataset_card(classes, counts, classes[-1], **told)


def _draw_noise(size: int, shape: tuple[int, int, int], seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    labels = (np.arange(size) % 3 == 0).astype(np.int64)
    images = random.integers(0, 160, (size, *shape)).astype(np.uint8)
    images[labels == 1, :, shape[1] // 2 :] += 60
    return labels, images


def read_history() -> list[dict[str, float]]:
    """Return the curves of the run `small`."""
    with (files.stage_folder("train", "small") / "history.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def read_outputs() -> dict[str, bytes]:
    """Return every output of the run `small`."""
    return {path.name: path.read_bytes() for path in files.stage_folder("train", "small").iterdir()}


def write_backbone(seed: int = 3) -> dict[str, str]:
    """Write random weights of the smallest backbone; return what a run says of them."""
    import keras

    from secondlook.training.backbone import build_backbone
    from secondlook.training.pretrained_weights import get_weights_path

    name = "mobilenet_v3_small"
    path = get_weights_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    build_backbone("mobilenet_v3_small").save_weights(path)
    return {"name": name, "sha256": files.hash_file(path)}


def shorten_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the smallest backbone have three blocks of its eleven: its graph is made in a second."""
    from keras import applications

    monkeypatch.setattr(applications, "MobileNetV3Small", build_short_network)


def build_short_network(**told: Any) -> Any:  # noqa: ANN401 - Keras has no types
    """Return MobileNetV3Small with three of its blocks; `told` is what Keras's own is told."""
    from keras.src.applications import mobilenet_v3

    block = mobilenet_v3._inverted_res_block  # noqa: SLF001 - the real one, but fewer

    def build_blocks(made: Any, *_: object) -> Any:  # noqa: ANN401 - likewise
        made = block(made, 1, 16, 3, 2, 0.25, mobilenet_v3.relu, 0)
        for number in (1, 2):
            made = block(made, 2, 16, 3, 1, None, mobilenet_v3.hard_swish, number)
        return made

    return mobilenet_v3.MobileNetV3(build_blocks, 64, **told)
