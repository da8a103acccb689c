"""The layers of a network as a table: how many values, and what can be read off them."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.layer_artifact import LayerReport, LayerSummary, ProbeChange
from secondlook.evaluation.metrics import Labels, compute_mcnemar, compute_wilson_interval
from secondlook.training import linear_probe
from secondlook.training.batches import ImageSubset, draw_fixed_sample
from secondlook.training.layer_outputs import LayerDescription, LayeredNetwork, LayerValues

MAX_IMAGES = 2000  # at most


class _ZeroCounter:
    """Outputs passed on batch by batch, while the zeros among them are counted."""

    def __init__(self, batches: Iterable[LayerValues]) -> None:
        self.batches, self.zeros, self.total = batches, 0, 0

    def __iter__(self) -> Iterator[LayerValues]:
        for batch in self.batches:
            self.zeros += int((batch == 0).sum())
            self.total += batch.size
            yield batch


def measure_layers(
    network: LayeredNetwork, images: NDArray[np.uint8], labels: Labels
) -> LayerReport:
    """Return what every layer keeps of images (N, H, W, C) of classes (N,), at most IMAGES.

    The images should be ones that training has not seen, and validation images are: early
    stopping aside. Probes are trained and judged on different ones of them, by cross-validation.
    """
    from threadpoolctl import threadpool_limits

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


class _LayerProber:
    """Reads layer after layer, and holds each against the image, which comes first."""

    def __init__(self, network: LayeredNetwork, images: ImageSubset, truth: Labels) -> None:
        self.network, self.images, self.truth = network, images, truth
        self.folds = linear_probe.split_folds(truth)
        self.pictures: linear_probe.LayerFeatures | None = None  # the image's own features
        self.right: NDArray[np.bool_] | None = None  # where the image's own probe is
        self.last: LayerSummary | None = None

    def measure_layer(self, part: LayerDescription) -> LayerSummary:
        """Return what is to be said of one layer."""
        if part.same and self.last:
            told = {"name": part.name, "kind": part.kind, "shape": list(part.shape)}
            self.last = self.last.model_copy(update=told)
        else:
            self.last = self._measure(part)
        return self.last

    def compute_accuracy(self) -> float:
        """Return the share of the images that the network itself gets right."""
        answers = self.network.compute_outputs(self.network.descriptions[-1].name, self.images)
        return float((np.concatenate(list(answers)).argmax(axis=1) == self.truth).mean())

    def _measure(self, part: LayerDescription) -> LayerSummary:
        values = math.prod(part.shape)
        counted = _ZeroCounter(self.network.compute_outputs(part.name, self.images))
        features = linear_probe.collect_features(counted, values)
        return LayerSummary(
            name=part.name,
            kind=part.kind,
            shape=list(part.shape),
            values=values,
            kept=values / math.prod(self.network.descriptions[0].shape),
            zeros=counted.zeros / counted.total,
            **self._probe(features),
        )

    def _probe(self, features: linear_probe.LayerFeatures) -> dict[str, object]:
        if self.folds is None or not np.isfinite(features).all():
            return {"recovered": None, "probe": None, "change": None}
        features = linear_probe.rotate_features(features)
        right = linear_probe.predict_classes(features, self.truth, self.folds) == self.truth
        if self.right is None or self.pictures is None:
            self.right, self.pictures = right, features
        back = linear_probe.compute_recovered_variance(features, self.pictures, self.folds)
        return {
            "recovered": round(back, 4),
            "probe": compute_wilson_interval(int(right.sum()), len(right)),
            "change": ProbeChange.from_mcnemar(compute_mcnemar(right, self.right)),
        }
