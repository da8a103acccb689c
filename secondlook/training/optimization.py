"""How a network is optimised: which batches it sees, what is minimised, and how it steps.

Sources: docs/training.md.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from secondlook.artifacts.image_shards import ImageShards
from secondlook.config.training import AdamWParams, FocalParams, TrainParams

# Images, labels, which are shares of classes (n, K) where images are mixed, and weights.
Batch = tuple[NDArray[Any], NDArray[np.int64] | NDArray[np.float32], NDArray[np.float32]]
BATCHES_AHEAD = 2  # that are read while one is learned from
BATCHES_ANNOUNCED = 8  # that the system is asked to read from the disk before
ANNOUNCED_FROM = 2**30  # bytes of images; of fewer, all are in memory after the first epoch
WINDOW_BLOCKS = 16  # that a window is made of


class Batches:
    """Every image once an epoch, in an order that only the seed and the epoch decide.

    images: uint8 (N, H, W, C), usually a memory map, of which only a batch at a time is read, or
    features of them, float32 (N, D); labels: int64 (N,); class_weights: float32 (K,), the weight
    of an image by its class. mixup: set it to the alpha of the Beta distribution by
    which each image of a batch is mixed with another (Zhang and others, 2018, "mixup: Beyond
    Empirical Risk Minimization"); 0 mixes none. window: set it to how many images are shuffled
    among each other, None for all: see `draw_order`.
    A batch is (images, labels, weights); the last one of an epoch may be smaller. Its length is
    how many batches an epoch has.
    """

    def __init__(
        self,
        images: NDArray[Any] | ImageShards,
        labels: NDArray[np.int64],
        class_weights: NDArray[np.float32],
        batch_size: int,
        seed: int,
    ) -> None:
        self.images, self.labels, self.class_weights = images, labels, class_weights
        self.batch_size, self.seed, self.mixup = batch_size, seed, 0.0
        self.window: int | None = None

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def read_epoch(self, epoch: int, done: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, but for the first `done`; the first epoch is 1."""
        rest = self.draw_order(epoch)[done * self.batch_size :]
        announce = self._build_announcer(rest)
        for index, start in enumerate(range(0, len(rest), self.batch_size), start=done + 1):
            announce(start)
            # Sorted, so that a memory map is read forwards; within a batch the order is all the
            # same.
            yield self._read_batch(np.sort(rest[start : start + self.batch_size]), epoch, index)

    def draw_order(self, epoch: int) -> NDArray[np.int64]:
        """Return the places (N,) of the images in the order of an epoch.

        All are shuffled, or with a window so many at a time, of blocks from anywhere: a disk
        reads blocks quickly, and single small images slowly.
        """
        # A generator of its own per epoch: the order does not depend on how we got there.
        random, count = np.random.default_rng([self.seed, epoch]), len(self.labels)
        if self.window is None or self.window >= count:
            return random.permutation(count)
        many = min(count, math.ceil(count * WINDOW_BLOCKS / self.window))
        blocks = np.array_split(np.arange(count), many)
        order = np.concatenate([blocks[place] for place in random.permutation(len(blocks))])
        for start in range(0, count, self.window):
            random.shuffle(order[start : start + self.window])
        return order

    def _build_announcer(self, order: NDArray[np.int64]) -> Callable[[int], None]:
        """Return what tells the system, before a batch, which images the next ones are.

        It changes no batch, but how long each is waited for where images do not fit into memory.
        """
        images = self.images
        if not isinstance(images, ImageShards) or math.prod(images.shape) < ANNOUNCED_FROM:
            return lambda _start: None
        step = self.window or self.batch_size
        distance = self.window or self.batch_size * BATCHES_ANNOUNCED
        told = 0

        def announce(start: int) -> None:
            nonlocal told
            while told < len(order) and told <= start + distance:
                images.read_ahead(np.sort(order[told : told + step]))
                told += step

        return announce

    def _read_batch(self, chosen: NDArray[np.int64], epoch: int, index: int) -> Batch:
        """Return the images at these places, as the batch `index` (from 1) of an epoch."""
        images, labels = self.images[chosen], self.labels[chosen]
        weights = self.class_weights[labels]
        if not self.mixup:
            return images, labels, weights
        # Drawn for this very batch: a training that resumes mixes as one that was never stopped.
        random = np.random.default_rng([self.seed, epoch, index])
        shares = np.eye(len(self.class_weights), dtype=np.float32)[labels] * weights[:, None]
        return _mix(images, shares, random.beta(self.mixup, self.mixup, len(labels)), random)

    def build_dataset(self, begun: int = 0, done: int = 0) -> tf.data.Dataset:
        """Return the batches of all epochs after so many: `fit` takes len(self) of them an epoch.

        Of the first of these, `done` are left out.

        One iterator for all epochs, and a thread of its own that reads ahead. Keras would read a
        `keras.utils.PyDataset` by the threads that train: these wait for each other then, and an
        epoch of a small network takes twice the time.
        """

        def read() -> Iterator[Batch]:
            yield from self.read_epoch(begun + 1, done)
            for epoch in itertools.count(begun + 2):
                yield from self.read_epoch(epoch)

        signature = tuple(
            tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in next(read())
        )
        options = tf.data.Options()
        options.threading.private_threadpool_size = 1
        options.autotune.enabled = False
        batches = tf.data.Dataset.from_generator(read, output_signature=signature)
        return batches.prefetch(BATCHES_AHEAD).with_options(options)


def _mix(
    images: NDArray[Any],
    labels: NDArray[np.float32],
    kept: NDArray[np.float64],
    random: np.random.Generator,
) -> Batch:
    """Return images (n, ...) and labels (n, K), as their classes weigh, each mixed with another.

    kept: the share (n,) that stays of each. Labels are shares of classes, and weights such that
    the objective, linear in them, is the mean of those of both images.
    """
    other, own = random.permutation(len(labels)), kept.astype(np.float32)[:, None]
    levels = own.reshape(-1, *[1] * (images.ndim - 1))
    mixed = np.rint(levels * images + (1 - levels) * images[other]).astype(images.dtype)
    both = own * labels + (1 - own) * labels[other]
    weights = both.sum(axis=1)
    return mixed, both / weights[:, None], weights


# Decay is for kernels, as l2 is: an offset or a scale that is pulled to 0 gains nothing.
NEVER_DECAYED = ["bias", "beta", "gamma"]  # in names of variables


# Labels (batch,) and probabilities (batch, K) -> the loss of each image (batch,), unweighted.
Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


def build_loss(train: TrainParams) -> str | Loss:
    """Return what is minimised; Keras has it for one-hot labels alone where it is not the usual.

    Labels are smoothed by s: 1 - s + s / K for the true class, s / K for each other. Of mixed
    images they come as shares of classes (batch, K).
    """
    smoothing, loss = train.label_smoothing, train.loss
    mixed = train.augment is not None and train.augment.mixup > 0
    if not smoothing and not mixed and loss == "cross_entropy":
        return "sparse_categorical_crossentropy"

    def compute_loss(
        labels: keras.KerasTensor, probabilities: keras.KerasTensor
    ) -> keras.KerasTensor:
        if mixed:
            told = keras.ops.cast(labels, probabilities.dtype)
        else:
            whole = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")
            told = keras.ops.one_hot(whole, probabilities.shape[-1], dtype=probabilities.dtype)
        if isinstance(loss, FocalParams):
            return keras.losses.categorical_focal_crossentropy(
                told,
                probabilities,
                alpha=1.0,  # for every class: how they weigh is class_weight's
                gamma=loss.focal.gamma,
                label_smoothing=smoothing,
            )
        return keras.losses.categorical_crossentropy(told, probabilities, label_smoothing=smoothing)

    return compute_loss


def build_optimizer(train: TrainParams, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer that a run asks for; `steps` is how many an epoch has."""
    rate = _build_learning_rate(train, steps)
    if isinstance(train.optimizer, AdamWParams):
        decaying = keras.optimizers.AdamW(rate, weight_decay=train.optimizer.adamw.weight_decay)
        decaying.exclude_from_weight_decay(var_names=NEVER_DECAYED)
        return decaying
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[train.optimizer](rate)


def _build_learning_rate(
    train: TrainParams, steps: int
) -> float | keras.optimizers.schedules.CosineDecay:
    """Return the learning rate, or how it goes with the steps made.

    The optimizer counts these and keeps the count with its variables: who resumes goes on there.
    Early stopping does not move the end, which lies after the epochs allowed.
    """
    rate, schedule = train.learning_rate, train.learning_rate_schedule
    if schedule is None:
        return rate
    warmup = schedule.cosine.warmup
    falling = (train.epochs - warmup) * steps
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, falling)
    return keras.optimizers.schedules.CosineDecay(
        0.0, falling, warmup_target=rate, warmup_steps=warmup * steps
    )
