"""Training images/s on a pretrained network, against a bare Keras loop; and what the cache saves.

MobileNetV2 at 96 x 96, both phases: the head alone, and all blocks. The bare loop is that of
Keras's guide to transfer learning (https://keras.io/guides/transfer_learning): the network called
as one layer, arrays in memory. Both run with deterministic operations and in steady state. Target:
at least 0.9 of it. The cache is measured by five epochs of a head, with the pass that fills it.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn
from benchmarks.training_speed import make_batches, measure_images_per_second
from secondlook.config.params import load_params
from secondlook.config.training import BackboneParams, FineTuneParams, TrainParams

if TYPE_CHECKING:
    import keras

    from secondlook.training.optimization import Batches

TIMES = 5
SHAPE, COUNT, CLASSES, EPOCHS = (96, 96, 3), 512, 2, 5
ALL_BLOCKS = FineTuneParams(epochs=1, learning_rate=1e-4, blocks="all")


def measure(folder: Path) -> list[Measurement]:
    """Measure both phases, then the cache."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    batches, train = make_batches(folder, SHAPE, COUNT), _make_params()
    return [
        *_measure_phase("the head alone", batches, train, tuned=False),
        *_measure_phase("all blocks", batches, train, tuned=True),
        *_measure_cache(batches, train),
    ]


def _make_params() -> TrainParams:
    backbone = BackboneParams(name="mobilenet_v2", sha256="0" * 64)
    told = {"model": "pretrained", "backbone": backbone, "dense_units": []}
    return load_params().run("unweighted").model_copy(update=told)


def _measure_phase(
    name: str, batches: "Batches", train: TrainParams, *, tuned: bool
) -> list[Measurement]:
    from secondlook.training.backbone import unfreeze_blocks
    from secondlook.training.model import build_model, compile_model

    ours, bare = build_model(train, SHAPE, CLASSES), _build_bare_network(tuned=tuned)
    if tuned:
        unfreeze_blocks(ours, ALL_BLOCKS)
        compile_model(ours, train, len(batches))
    plain = (np.array(batches.images), batches.labels)
    first, second = measure_in_turn(
        TIMES,
        lambda: measure_images_per_second(ours, batches.build_dataset(), len(batches), COUNT),
        lambda: _measure_bare_loop(bare, *plain),
    )
    return [
        Measurement(f"{name}: ours", first, "images/s", digits=0),
        Measurement(f"{name}: bare Keras", second, "images/s", digits=0),
        compute_ratio(f"{name}: ours : bare", first, second, at_least=0.9),
    ]


def _build_bare_network(*, tuned: bool) -> "keras.Model":
    """Return the network of the guide; fine-tuned, its BatchNormalization stays frozen likewise."""
    import keras
    from keras import applications, layers

    base = applications.MobileNetV2(include_top=False, weights=None, input_shape=SHAPE)
    for layer in base.layers:
        layer.trainable = tuned and not isinstance(layer, layers.BatchNormalization)
    image = keras.Input(SHAPE)
    pooled = layers.GlobalAveragePooling2D()(base(layers.Rescaling(1 / 127.5, -1.0)(image)))
    network = keras.Model(image, layers.Dense(CLASSES, activation="softmax")(pooled))
    network.compile("adam", loss="sparse_categorical_crossentropy", jit_compile=False)
    return network


def _measure_bare_loop(network: "keras.Model", images: object, labels: object) -> float:
    """Return the speed of the second epoch of two."""
    import tensorflow as tf

    size = load_params().train.batch_size
    feed = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(COUNT, seed=1).batch(size)
    return measure_images_per_second(network, feed.prefetch(2).repeat(), len(feed), COUNT)


def _measure_cache(batches: "Batches", train: TrainParams) -> list[Measurement]:
    """Take turns between a head that learns from images, and one that does from features."""
    from secondlook.training.backbone import CachedHead
    from secondlook.training.model import build_model

    model = build_model(train, SHAPE, CLASSES)

    def learn_from_images() -> float:
        begun = time.perf_counter()
        model.fit(batches.build_dataset(), steps_per_epoch=len(batches), epochs=EPOCHS, verbose=0)
        return time.perf_counter() - begun

    def learn_from_features() -> float:
        begun = time.perf_counter()
        head = CachedHead(model, train, batches, {})
        head.network.fit(
            head.data.build_dataset(), steps_per_epoch=len(batches), epochs=EPOCHS, verbose=0
        )
        return time.perf_counter() - begun

    learn_from_images()  # traces
    cached, each_time = measure_in_turn(TIMES, learn_from_features, learn_from_images)
    return [
        Measurement(f"{EPOCHS} epochs of a head from images", each_time, "s", digits=2),
        Measurement(f"{EPOCHS} epochs of a head from features", cached, "s", digits=2),
        compute_ratio("from features : from images", cached, each_time, at_most=0.6),
    ]
