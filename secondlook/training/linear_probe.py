"""What can be read off each layer: its class, and the picture itself, by linear models alone.

A linear probe (Alain & Bengio 2016, "Understanding intermediate layers using linear classifier
probes") is a linear classifier trained on the outputs of one layer of a finished network. Here it
is ridge regression, which sees features through their inner products only: n images in p
dimensions are rotated into at most n, exactly, and the cost is that of n.
"""

import math
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.image_shards import Images
from secondlook.artifacts.layer_artifact import LayerReport, LayerSummary, ProbeChange
from secondlook.artifacts.manifest import ImageSubset, draw_fixed_sample
from secondlook.artifacts.schema import IndexArray
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
# Features of an image that are kept at once: so many layers share a pass through the network.
FEATURES_A_PASS = 2 * MAX_FEATURES


def measure_layers(network: "LayeredNetwork", images: Images, labels: Labels) -> LayerReport:
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
        found = list(reader.measure_layers())
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
        self.last: LayerSummary

    def measure_layers(self) -> Iterator[LayerSummary]:
        """Yield what is to be said of each layer, in order."""
        for group in group_layers(self.network.descriptions):
            collected = self._collect({part.name for part in group if not part.same})
            for part in group:
                if part.name in collected:
                    self.last = self._measure(part, *collected.pop(part.name))
                told = {"name": part.name, "kind": part.kind, "shape": list(part.shape)}
                yield self.last.model_copy(update=told)

    def compute_accuracy(self) -> float:
        """Return the share of the images that the network itself gets right."""
        answer = self.network.descriptions[-1].name
        made = self.network.compute_outputs([answer], self.images)
        answers = np.concatenate([batch[answer] for batch in made])
        return float((answers.argmax(axis=1) == self.truth).mean())

    def _collect(self, names: Collection[str]) -> dict[str, tuple[LayerFeatures, int]]:
        """Return the features of layers by their names, and how many of their values are zero."""
        rows: dict[str, list[LayerFeatures]] = {name: [] for name in names}
        zeros = dict.fromkeys(names, 0)
        for made in self.network.compute_outputs(names, self.images):
            for name, batch in made.items():
                rows[name].append(compute_features(batch))
                zeros[name] += int((batch == 0).sum())
        return {name: (np.concatenate(rows.pop(name)), zeros[name]) for name in names}

    def _measure(
        self, part: "LayerDescription", features: LayerFeatures, zeros: int
    ) -> LayerSummary:
        values = math.prod(part.shape)
        return LayerSummary(
            name=part.name,
            kind=part.kind,
            shape=list(part.shape),
            values=values,
            kept=values / math.prod(self.network.descriptions[0].shape),
            zeros=zeros / (len(self.truth) * values),
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


def group_layers(parts: "Iterable[LayerDescription]") -> "Iterator[list[LayerDescription]]":
    """Yield the layers of each pass, in order: FEATURES_A_PASS features of an image at most."""
    group: list[LayerDescription] = []
    kept = 0
    for part in parts:
        more = 0 if part.same else min(math.prod(part.shape), MAX_FEATURES)
        if group and more and kept + more > FEATURES_A_PASS:
            yield group
            group, kept = [], 0
        group.append(part)
        kept += more
    yield group


def compute_features(outputs: LayerFeatures) -> LayerFeatures:
    """Return the outputs (n, ...) of a layer as features (n, min(values, MAX_FEATURES)).

    Beyond MAX_FEATURES they are projected at random, which keeps inner products (Li, Hastie and
    Church 2006, "Very Sparse Random Projections").
    """
    rows = outputs.reshape(len(outputs), -1)
    if rows.shape[1] > MAX_FEATURES:
        rows = _fit_random_projection(rows.shape[1]).transform(rows)
    return np.asarray(rows, np.float32)


@lru_cache(maxsize=2)  # two of a pass may need one
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
