"""What can be read off each layer: its class, and the picture itself, by linear models alone.

A linear probe (Alain & Bengio 2016, "Understanding intermediate layers using linear classifier
probes") is a linear classifier trained on the outputs of one layer of a finished network. Here it
is ridge regression, which sees features through their inner products only: n images in p
dimensions are rotated into at most n, exactly, and the cost is that of n.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.layer_artifact import LayerReport, LayerSummary, ProbeChange
from secondlook.artifacts.manifest import ImageSubset, draw_fixed_sample
from secondlook.artifacts.schema import ImageArray, IndexArray
from secondlook.evaluation.metrics import Labels, compute_mcnemar, compute_wilson_interval
from secondlook.training.environment import leave_out

if TYPE_CHECKING:
    from secondlook.training.layer_outputs import LayerDescription, LayeredNetwork

LayerFeatures = NDArray[np.float32]
Fold = tuple[IndexArray, IndexArray]
MAX_IMAGES = 2000  # that layers are measured by
FOLD_COUNT, SEED = 5, 1
# More values of an image than these are mixed down to as many, so that memory stays bounded.
MAX_FEATURES = 2**15
# Penalties where features are of length 1 on average, the same for every layer so that none is
# favoured. Of eight from 0.0001 to 10 these were within a point of the best for each layer of the
# networks tried (digits, letters): for classes, and for pictures, in which there is less noise.
CLASS_PENALTY, IMAGE_PENALTY = 0.1, 0.01
JITTER = 1e-5  # of a squared length: features that depend on each other are told apart by it
BLOCK = 2048  # values of each image at a time


def measure_layers(network: "LayeredNetwork", images: ImageArray, labels: Labels) -> LayerReport:
    """Return what every layer keeps of images (N, H, W, C) of classes (N,), at most MAX_IMAGES.

    The images should be ones that training has not seen, and validation images are: early
    stopping aside. Probes are trained and judged on different ones of them, by cross-validation.
    """
    from threadpoolctl import threadpool_limits

    _import_sklearn()
    places = draw_fixed_sample(len(labels), MAX_IMAGES)
    reader = _LayerProber(network, ImageSubset(images, places), labels[places])
    # One thread for linear algebra: the same digits however many cores, and quicker where others
    # work beside it. The network itself keeps all.
    with threadpool_limits(1, user_api="blas"):
        found = [reader.measure_layer(part) for part in network.descriptions]
    return LayerReport(
        images=len(places),
        lazy=float(np.bincount(reader.truth).max() / len(places)),
        accuracy=reader.compute_accuracy(),
        layers=found,
    )


def _import_sklearn() -> None:
    """Import what follows asks for, without pandas, which takes a quarter of the time.

    scikit-learn imports that for tables alone, and goes without it where there is none.
    """
    with leave_out(("pandas",)):
        import_module("sklearn.model_selection")
        import_module("sklearn.linear_model")


class _LayerProber:
    """Reads layer after layer, and holds each against the image, which comes first."""

    def __init__(self, network: "LayeredNetwork", images: ImageSubset, truth: Labels) -> None:
        self.network, self.images, self.truth = network, images, truth
        self.folds = split_folds(truth)
        self.pictures: LayerFeatures | None = None  # the image's own features
        self.right: NDArray[np.bool_] | None = None  # where the image's own probe is
        self.last: LayerSummary | None = None

    def measure_layer(self, part: "LayerDescription") -> LayerSummary:
        """Return what is to be said of one layer."""
        if self.last is None or not part.same:
            self.last = self._measure(part)
        told = {"name": part.name, "kind": part.kind, "shape": list(part.shape)}
        self.last = self.last.model_copy(update=told)
        return self.last

    def compute_accuracy(self) -> float:
        """Return the share of the images that the network itself gets right."""
        answers = self.network.compute_outputs(self.network.descriptions[-1].name, self.images)
        return float((np.concatenate(list(answers)).argmax(axis=1) == self.truth).mean())

    def _measure(self, part: "LayerDescription") -> LayerSummary:
        values, zeros = math.prod(part.shape), list[int]()
        outputs = self.network.compute_outputs(part.name, self.images)
        features = collect_features(_count_zeros(outputs, zeros), values)
        return LayerSummary(
            name=part.name,
            kind=part.kind,
            shape=list(part.shape),
            values=values,
            kept=values / math.prod(self.network.descriptions[0].shape),
            zeros=sum(zeros) / (len(self.truth) * values),
            **self._probe(features),
        )

    def _probe(self, features: LayerFeatures) -> dict[str, object]:
        if self.folds is None or not np.isfinite(features).all():
            return {"recovered": None, "probe": None, "change": None}
        features = rotate_features(features)
        right = predict_classes(features, self.truth, self.folds) == self.truth
        if self.right is None or self.pictures is None:
            self.right, self.pictures = right, features
        back = compute_recovered_variance(features, self.pictures, self.folds)
        return {
            "recovered": round(back, 4),
            "probe": compute_wilson_interval(int(right.sum()), len(right)),
            "change": ProbeChange.from_mcnemar(compute_mcnemar(right, self.right)),
        }


def _count_zeros(batches: Iterable[LayerFeatures], found: list[int]) -> Iterator[LayerFeatures]:
    """Pass outputs on batch by batch, and note how many of each are zero."""
    for batch in batches:
        found.append(int((batch == 0).sum()))
        yield batch


def collect_features(batches: Iterable[LayerFeatures], values: int) -> LayerFeatures:
    """Return the outputs (n, ...) of a layer as features (n, min(values, MAX_FEATURES)).

    Beyond MAX_FEATURES they are projected at random, which keeps inner products (Li, Hastie and
    Church 2006, "Very Sparse Random Projections").
    """
    rows = (batch.reshape(len(batch), -1) for batch in batches)
    if values > MAX_FEATURES:
        rows = (_fit_random_projection(values).transform(batch) for batch in rows)
    return np.concatenate([np.asarray(batch, np.float32) for batch in rows])


@lru_cache(maxsize=1)
def _fit_random_projection(values: int):  # type: ignore[no-untyped-def] # noqa: ANN202 - sklearn has no types
    from sklearn.random_projection import SparseRandomProjection

    mixer = SparseRandomProjection(MAX_FEATURES, density=4 / MAX_FEATURES, random_state=SEED)
    return mixer.fit(np.zeros((1, values), np.float32))


def rotate_features(features: LayerFeatures) -> LayerFeatures:
    """Return finite features (n, p) as (n, min(n, p)) with the same distances, but for one scale.

    The mean becomes 0 and the mean square 1. The rotation is by the Cholesky factor of the inner
    products of all pairs: rows of it have the same inner products.
    """
    from scipy.linalg import cholesky

    largest = float(np.abs(features).max()) or 1.0  # squares of very large numbers are none
    centred: LayerFeatures = features / np.float32(largest)
    centred -= centred.mean(axis=0)
    scale = float(np.sqrt(np.square(centred).sum(axis=1).mean())) or 1.0
    centred /= scale
    if centred.shape[1] <= len(centred):
        return centred
    return np.asarray(cholesky(_compute_inner_products(centred), lower=True), np.float32)


def _compute_inner_products(features: LayerFeatures) -> NDArray[np.float64]:
    """Return the inner products of all pairs of rows (n, p), a little more on the diagonal.

    In double precision: where features depend on each other, that of single is below zero.
    """
    products = JITTER * np.eye(len(features))
    for start in range(0, features.shape[1], BLOCK):
        block = features[:, start : start + BLOCK].astype(np.float64)
        products += block @ block.T
    return products


def split_folds(labels: Labels) -> list[Fold] | None:
    """Return FOLD_COUNT pairs of places to train on and to judge by, with all classes in each.

    None where there are too few images. The same images, the same folds, for every layer.
    """
    from sklearn.model_selection import StratifiedKFold

    if np.bincount(labels).max() < FOLD_COUNT:
        return None
    splitter = StratifiedKFold(FOLD_COUNT, shuffle=True, random_state=SEED)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # of classes too rare
        return list(splitter.split(np.zeros(len(labels)), labels))


def predict_classes(features: LayerFeatures, labels: Labels, judged: Sequence[Fold]) -> Labels:
    """Return the class (n,) that a probe trained on the other folds reads off each image."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import cross_val_predict

    found = cross_val_predict(RidgeClassifier(CLASS_PENALTY), features, labels, cv=judged)
    return np.asarray(found, np.int64)


def compute_recovered_variance(
    features: LayerFeatures, pictures: LayerFeatures, judged: Sequence[Fold]
) -> float:
    """Return the share (0..1) of the variance of pictures (n, d) that features (n, p) bring back.

    By ridge regression trained on the other folds: R squared over all pixels together. It is a
    lower bound of what is there: what a linear model cannot find may be in there all the same.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_predict

    back = cross_val_predict(Ridge(IMAGE_PENALTY), features, pictures, cv=judged)
    missed, whole = np.square(back - pictures).sum(), np.square(pictures).sum()
    return max(0.0, 1 - float(missed / whole)) if whole else 0.0
