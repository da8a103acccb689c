"""One epoch over a folder of JPEG photographs at 120 x 120 x 3, against Keras's two loaders.

Ours decodes once, in `preprocess`, told apart here, and reads arrays in every epoch;
`ImageDataGenerator.flow_from_directory` and `image_dataset_from_directory` decode in every epoch,
as their documentation shows them. The same network, one process each, and an epoch before that is
not counted. No target.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

from stages import preprocess
from stages.core.outputs import facts
from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.projects import CHANNELS, PHOTOGRAPHS, SIDE, inside, with_photographs
from tests.bench.turns import Apart, in_turn, seconds

TIMES = 5
COUNT = 700
TRAIN = PHOTOGRAPHS / "train"


def measure(folder: Path) -> list[Line]:
    """Let each feed train in a process of its own, in turn."""
    # The other splits may not be empty, and are not used.
    project = with_photographs(folder / "project", {"train": COUNT, "validation": 2, "test": 2})
    with Apart() as first, Apart() as second, Apart() as third:
        processes = dict(zip(FEEDS, (first, second, third), strict=True))
        made, *epochs = in_turn(
            TIMES,
            lambda: preprocessed(project),
            *(partial(process.call, trained, feed, project) for feed, process in processes.items()),
        )
    return lines(made, dict(zip(FEEDS, epochs, strict=True)))


def lines(made: list[float], epochs: dict[str, list[float]]) -> list[Line]:
    """Return the times of preprocess, once, and of an epoch of each feed, and their ratios."""
    ours, *others = epochs
    return [
        Line(f"preprocess {COUNT:,} photographs, once", made, "s"),
        *(Line(f"an epoch of {feed}", values, "s") for feed, values in epochs.items()),
        *(ratio(f"{ours} : {feed}", epochs[ours], epochs[feed]) for feed in others),
    ]


def preprocessed(project: Path) -> float:
    """Return the seconds that the stage takes, in this process."""
    with inside(project):
        return seconds(lambda: preprocess.run(load()))


def trained(feed: str, project: Path) -> float:
    """Return the seconds of an epoch that is not the first in this process."""
    with inside(project):
        model, images = ready(feed)
        return seconds(lambda: model.fit(images, shuffle=False, verbose=0))


@cache
def ready(feed: str) -> Any:  # noqa: ANN401 - Keras has no types
    """Return a network that has trained one epoch, and what it is fed."""
    from stages.core.model import build

    images = FEEDS[feed]()
    model = build(load().train, (SIDE, SIDE, CHANNELS), 2)
    model.fit(images, shuffle=False, verbose=0)
    return model, images


def our_batches() -> object:
    """Return our batches, with deterministic operations as in `train`."""
    import tensorflow as tf

    from stages.train import batches

    tf.config.experimental.enable_op_determinism()
    return batches(load().train, facts.read().classes, None)


def generator() -> object:
    """Return the generator of most tutorials of the last decade."""
    import tensorflow as tf

    return tf.keras.preprocessing.image.ImageDataGenerator().flow_from_directory(
        TRAIN, target_size=(SIDE, SIDE), batch_size=load().train.batch_size, class_mode="sparse"
    )


def tf_data() -> object:
    """Return the loader that has followed it."""
    import keras

    return keras.utils.image_dataset_from_directory(
        TRAIN, image_size=(SIDE, SIDE), batch_size=load().train.batch_size
    )


FEEDS = {
    "ours": our_batches,
    "flow_from_directory": generator,
    "image_dataset_from_directory": tf_data,
}
