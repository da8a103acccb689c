"""The layers of a network as a table: how many values, and what can be read off them."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from stages.core.dataset import Sample, fixed_sample
from stages.core.inside import probe
from stages.core.inside.layers import Network, Outputs, Part
from stages.core.outputs.findings import Interval
from stages.core.outputs.layers import Change, Layer, Layers
from stages.core.statistics.metrics import Labels
from stages.core.statistics.proportions import mcnemar, proportion

IMAGES = 2000  # at most


class Counted:
    """Outputs passed on batch by batch, while the zeros among them are counted."""

    def __init__(self, batches: Iterable[Outputs]) -> None:
        self.batches, self.zeros, self.total = batches, 0, 0

    def __iter__(self) -> Iterator[Outputs]:
        for batch in self.batches:
            self.zeros += int((batch == 0).sum())
            self.total += batch.size
            yield batch


def measured(network: Network, images: NDArray[np.uint8], labels: Labels) -> Layers:
    """Return what every layer keeps of images (N, H, W, C) of classes (N,), at most IMAGES.

    The images should be ones that training has not seen, and validation images are: early
    stopping aside. Probes are trained and judged on different ones of them, by cross-validation.
    """
    from threadpoolctl import threadpool_limits

    places = fixed_sample(len(labels), IMAGES)
    reader = Reader(network, Sample(images, places), labels[places])
    # One thread for linear algebra: the same digits however many cores, and quicker where others
    # work beside it. The network itself keeps all.
    with threadpool_limits(1, user_api="blas"):
        found = [reader.layer(part) for part in network.parts]
    return Layers(
        images=len(places),
        lazy=float(np.bincount(reader.truth).max() / len(places)),
        accuracy=reader.accuracy(),
        layers=found,
    )


class Reader:
    """Reads layer after layer, and holds each against the image, which comes first."""

    def __init__(self, network: Network, images: Sample, truth: Labels) -> None:
        self.network, self.images, self.truth = network, images, truth
        self.folds = probe.folds(truth)
        self.pictures: probe.Features | None = None  # the image's own features
        self.right: NDArray[np.bool_] | None = None  # where the image's own probe is
        self.last: Layer | None = None

    def layer(self, part: Part) -> Layer:
        """Return what is to be said of one layer."""
        if part.same and self.last:
            told = {"name": part.name, "kind": part.kind, "shape": list(part.shape)}
            self.last = self.last.model_copy(update=told)
        else:
            self.last = self._read(part)
        return self.last

    def accuracy(self) -> float:
        """Return the share of the images that the network itself gets right."""
        answers = self.network.outputs(self.network.parts[-1].name, self.images)
        return float((np.concatenate(list(answers)).argmax(axis=1) == self.truth).mean())

    def _read(self, part: Part) -> Layer:
        values = math.prod(part.shape)
        counted = Counted(self.network.outputs(part.name, self.images))
        features = probe.gathered(counted, values)
        return Layer(
            name=part.name,
            kind=part.kind,
            shape=list(part.shape),
            values=values,
            kept=values / math.prod(self.network.parts[0].shape),
            zeros=counted.zeros / counted.total,
            **self._probed(features),
        )

    def _probed(self, features: probe.Features) -> dict[str, object]:
        if self.folds is None or not np.isfinite(features).all():
            return {"recovered": None, "probe": None, "change": None}
        features = probe.rotated(features)
        right = probe.predicted(features, self.truth, self.folds) == self.truth
        if self.right is None or self.pictures is None:
            self.right, self.pictures = right, features
        back = probe.recovered(features, self.pictures, self.folds)
        return {
            "recovered": round(back, 4),
            "probe": Interval.model_validate(proportion(int(right.sum()), len(right))),
            "change": Change.of(mcnemar(right, self.right)),
        }
