"""One epoch over a folder of JPEG photographs at 120 x 120 x 3, against Keras's two loaders.

Ours decodes once, in `preprocess`, told apart here, and reads arrays in every epoch;
`ImageDataGenerator.flow_from_directory` and `image_dataset_from_directory` decode in every epoch,
as their documentation shows them. The same network, one process each, and an epoch before that is
not counted. No target.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import (
    FreshProcess,
    Measurement,
    compute_ratio,
    measure_in_turn,
    time_action,
)
from benchmarks.photographs import (
    CHANNELS,
    PHOTOGRAPHS_FOLDER,
    SIDE,
    build_photograph_project,
    enter_quietly,
)
from secondlook.artifacts import dataset_card
from secondlook.config.params import load_params
from stages import preprocess

TIMES = 5
COUNT = 700
TRAIN = PHOTOGRAPHS_FOLDER / "train"


def measure(folder: Path) -> list[Measurement]:
    """Let each feed train in a process of its own, in turn."""
    # The other splits may not be empty, and are not used.
    project = build_photograph_project(
        folder / "project", {"train": COUNT, "validation": 2, "test": 2}
    )
    with FreshProcess() as first, FreshProcess() as second, FreshProcess() as third:
        processes = dict(zip(FEEDS, (first, second, third), strict=True))
        made, *epochs = measure_in_turn(
            TIMES,
            lambda: time_preprocess(project),
            *(
                partial(process.call, time_epoch, feed, project)
                for feed, process in processes.items()
            ),
        )
    return make_measurements(made, dict(zip(FEEDS, epochs, strict=True)))


def make_measurements(made: list[float], epochs: dict[str, list[float]]) -> list[Measurement]:
    """Return the times of preprocess, once, and of an epoch of each feed, and their ratios."""
    ours, *others = epochs
    return [
        Measurement(f"preprocess {COUNT:,} photographs, once", made, "s"),
        *(Measurement(f"an epoch of {feed}", values, "s") for feed, values in epochs.items()),
        *(compute_ratio(f"{ours} : {feed}", epochs[ours], epochs[feed]) for feed in others),
    ]


def time_preprocess(project: Path) -> float:
    """Return the seconds that the stage takes, in this process."""
    with enter_quietly(project):
        return time_action(lambda: preprocess.run(load_params()))


def time_epoch(feed: str, project: Path) -> float:
    """Return the seconds of an epoch that is not the first in this process."""
    with enter_quietly(project):
        model, images = prepare_network(feed)
        return time_action(lambda: model.fit(**images, shuffle=False, verbose=0))


@cache
def prepare_network(feed: str) -> Any:  # noqa: ANN401 - Keras has no types
    """Return a network that has trained one epoch, and what `fit` is given of its images."""
    from secondlook.training.model import build_model

    images = FEEDS[feed]()
    model = build_model(load_params().train, (SIDE, SIDE, CHANNELS), 2)
    model.fit(**images, shuffle=False, verbose=0)
    return model, images


def make_our_batches() -> dict[str, object]:
    """Return our batches, with deterministic operations as in `train`."""
    import tensorflow as tf

    from secondlook.training.trainer import build_batches

    tf.config.experimental.enable_op_determinism()
    batches = build_batches(load_params().train, dataset_card.load_dataset_card().classes, None)
    return {"x": batches.build_dataset(), "steps_per_epoch": len(batches)}


def make_generator() -> dict[str, object]:
    """Return the generator of most tutorials of the last decade."""
    import tensorflow as tf

    made = tf.keras.preprocessing.image.ImageDataGenerator().flow_from_directory(
        TRAIN,
        target_size=(SIDE, SIDE),
        batch_size=load_params().train.batch_size,
        class_mode="sparse",
    )
    return {"x": made}


def make_tf_dataset() -> dict[str, object]:
    """Return the loader that has followed it."""
    import keras

    made = keras.utils.image_dataset_from_directory(
        TRAIN, image_size=(SIDE, SIDE), batch_size=load_params().train.batch_size
    )
    return {"x": made}


FEEDS = {
    "ours": make_our_batches,
    "flow_from_directory": make_generator,
    "image_dataset_from_directory": make_tf_dataset,
}
