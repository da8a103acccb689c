"""A network, and all that it takes to answer about pictures as they come from anywhere."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core import files, model
from stages.core.data import images
from stages.core.data.images import Seen
from stages.core.errors import DataError
from stages.core.inside import occlusion
from stages.core.inside.occlusion import Saliency
from stages.core.outputs.facts import Facts
from stages.core.outputs.findings import OperatingPoint
from stages.core.outputs.records import read_from
from stages.core.parallel import in_order
from stages.core.serving.answer import Answer, Refused
from stages.core.serving.given import Reader
from stages.core.serving.parts import Invert, Parts
from stages.core.typical.typical import Typical

AT_ONCE = 8  # pictures that one core decodes before it hands them over


class View(NamedTuple):
    """What the network is given of a picture, whether that is inverted, and the picture again."""

    seen: Seen
    inverted: bool
    picture: Reader


class Served:
    """A network that answers about pictures: the same bits as in the pipeline."""

    def __init__(self, parts: Parts) -> None:
        self.name = parts.name
        with read_from(parts.facts) as path:
            self.facts = Facts.of(files.read_json(path))
        with read_from(parts.operating) as path:
            found = files.read_json(path)
        self.point = OperatingPoint.model_validate(found) if found else None
        self.typical = Typical.read(parts.network, self.facts)
        self.network = model.load(parts.network)

    def answers(
        self, pictures: Iterable[Reader], invert: Invert = "never"
    ) -> Iterator[Answer | Refused]:
        """Yield what is said of each picture, in order, with few of them in memory at a time.

        invert: whether dark becomes light before the network looks; auto: where that makes the
        picture more like those of training.
        """
        views = in_order(lambda picture: self._viewed(picture, invert), pictures, AT_ONCE)
        while batch := list(islice(views, model.PREDICTION_BATCH)):
            yield from self._answered(batch)

    def _viewed(self, picture: Reader, invert: Invert) -> View | Refused:
        try:
            content = picture()
            seen = images.see(content, self.facts.preparation, inverted=invert == "always")
            if invert == "auto":
                other = images.see(content, self.facts.preparation, inverted=True)
                if self.typical.prefers(other.pixels, seen.pixels):
                    return View(other, inverted=True, picture=picture)
        except DataError as error:
            return Refused(str(error))
        return View(seen, invert == "always", picture)

    def _answered(self, batch: list[View | Refused]) -> Iterator[Answer | Refused]:
        views = [view for view in batch if isinstance(view, View)]
        given = iter(self._asked(views))
        for view in batch:
            yield view if isinstance(view, Refused) else next(given)

    def _asked(self, views: list[View]) -> Iterator[Answer]:
        if not views:
            return
        seen = [view.seen for view in views]
        (told,) = model.ask(self.network, np.stack([one.pixels for one in seen]))
        likenesses = self.typical.likenesses(seen, told.embeddings)
        for view, probabilities, like in zip(views, told.probabilities, likenesses, strict=True):
            name = self.decided(probabilities)
            other = self._other(view) if like.unlike else None
            warnings = self.typical.told(like, view.seen.pixels, probabilities, other)
            yield Answer(
                name, self.facts.classes, probabilities, view.seen, view.inverted, like, warnings
            )

    def _other(self, view: View) -> NDArray[np.uint8] | None:
        """Return a picture in bars with light and dark changed, but for the bars; else None."""
        spec = self.facts.preparation
        if spec.resize != "pad":
            return None
        return images.see(view.picture(), spec, inverted=not view.inverted).pixels

    def decided(self, probabilities: NDArray[np.float32]) -> str:
        """Return the class that is answered: as the operating point says, else the most probable.

        The operating point is that of `evaluate`, chosen on validation.
        """
        classes, point = self.facts.classes, self.point
        if point is None or point.rule == "default" or point.threshold is None:
            return classes[int(probabilities.argmax())]
        yes = classes.index(point.name)
        return classes[yes if probabilities[yes] >= point.threshold else 1 - yes]

    def saliency(self, answer: Answer) -> Saliency:
        """Return what an answer rests on, by occlusion: the network is asked some 170 times."""
        cover = occlusion.background(self.facts.pixels)
        index = answer.classes.index(answer.name)
        return occlusion.saliency(
            partial(model.predict, self.network), answer.seen.pixels, index, cover
        )
