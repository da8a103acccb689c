"""A network, and all that it takes to answer about pictures as they come from anywhere."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import read_dataset_card
from secondlook.artifacts.parallel import map_in_order
from secondlook.artifacts.schema import check_artifact
from secondlook.config.errors import DataError
from secondlook.data import decoding
from secondlook.data.decoding import DecodedImage
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.serving import occlusion
from secondlook.serving.inputs import ImageReader, InvertMode, ModelFiles
from secondlook.serving.occlusion import Saliency
from secondlook.serving.ood_detector import OodDetector
from secondlook.serving.output import Prediction, Rejected
from secondlook.training import model

DECODE_BATCH = 8  # pictures that one core decodes before it hands them over


class _NetworkInput(NamedTuple):
    """What the network is given of a picture, whether that is inverted, and the picture again."""

    seen: DecodedImage
    inverted: bool
    picture: ImageReader


class Predictor:
    """A network that answers about pictures: the same bits as in the pipeline."""

    def __init__(self, parts: ModelFiles) -> None:
        self.name = parts.name
        self.facts = read_dataset_card(parts.facts)
        with check_artifact(parts.operating) as path:
            found = files.read_json(path)
        self.point = OperatingPoint.model_validate(found) if found else None
        self.ood_detector = OodDetector.read(parts.network, self.facts)
        self.network = model.load_model(parts.network)

    def predict(
        self, pictures: Iterable[ImageReader], invert: InvertMode = "never"
    ) -> Iterator[Prediction | Rejected]:
        """Yield what is said of each picture, in order, with few of them in memory at a time.

        invert: whether dark becomes light before the network looks; auto: where that makes the
        picture more like those of training.
        """
        views = map_in_order(lambda picture: self._prepare(picture, invert), pictures, DECODE_BATCH)
        while batch := list(islice(views, model.PREDICTION_BATCH)):
            yield from self._predict_batch(batch)

    def _prepare(self, picture: ImageReader, invert: InvertMode) -> _NetworkInput | Rejected:
        try:
            content = picture()
            seen = decoding.decode_image(
                content, self.facts.preparation, inverted=invert == "always"
            )
            if invert == "auto":
                other = decoding.decode_image(content, self.facts.preparation, inverted=True)
                if self.ood_detector.prefers(other.pixels, seen.pixels):
                    return _NetworkInput(other, inverted=True, picture=picture)
        except DataError as error:
            return Rejected(str(error))
        return _NetworkInput(seen, invert == "always", picture)

    def _predict_batch(
        self, batch: list[_NetworkInput | Rejected]
    ) -> Iterator[Prediction | Rejected]:
        views = [view for view in batch if isinstance(view, _NetworkInput)]
        given = iter(self._predict_inputs(views))
        for view in batch:
            yield view if isinstance(view, Rejected) else next(given)

    def _predict_inputs(self, views: list[_NetworkInput]) -> Iterator[Prediction]:
        if not views:
            return
        seen = [view.seen for view in views]
        (told,) = model.predict_batches(self.network, np.stack([one.pixels for one in seen]))
        likenesses = self.ood_detector.score(seen, told.embeddings)
        for view, probabilities, like in zip(views, told.probabilities, likenesses, strict=True):
            name = self.decide_class(probabilities)
            other = self._invert_padded(view) if like.is_unlike else None
            warnings = self.ood_detector.explain(like, view.seen.pixels, probabilities, other)
            yield Prediction(
                name, self.facts.classes, probabilities, view.seen, view.inverted, like, warnings
            )

    def _invert_padded(self, view: _NetworkInput) -> NDArray[np.uint8] | None:
        """Return a picture in bars with light and dark changed, but for the bars; else None."""
        spec = self.facts.preparation
        if spec.resize != "pad":
            return None
        return decoding.decode_image(view.picture(), spec, inverted=not view.inverted).pixels

    def decide_class(self, probabilities: NDArray[np.float32]) -> str:
        """Return the class that is answered: as the operating point says, else the most probable.

        The operating point is that of `evaluate`, chosen on validation.
        """
        classes, point = self.facts.classes, self.point
        if point is None or point.rule == "default" or point.threshold is None:
            return classes[int(probabilities.argmax())]
        yes = classes.index(point.name)
        return classes[yes if probabilities[yes] >= point.threshold else 1 - yes]

    def compute_saliency(self, answer: Prediction) -> Saliency:
        """Return what an answer rests on, by occlusion: the network is asked some 170 times."""
        cover = occlusion.choose_cover_level(self.facts.pixels)
        index = answer.classes.index(answer.name)
        return occlusion.compute_saliency(
            partial(model.predict_probabilities, self.network), answer.seen.pixels, index, cover
        )
