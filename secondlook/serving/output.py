"""What is said of an image, as people and programs read it, and the summary of many.

Of each image that is a Prediction or, where it cannot be read, Rejected with the reason.
"""

import json
import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.data.decoding import DecodedImage
from secondlook.evaluation.formatting import format_probability
from secondlook.serving.ood_causes import OodScore, OodWarning
from secondlook.serving.ood_detector import DriftMonitor


@dataclass(frozen=True)
class Prediction:
    """The class that is answered, and what that rests on.

    probabilities: float32 (K,), sum 1, of `classes`; seen: what the network was given, and
    whether that is the picture inverted; likeness: how like training it is; warnings: why the
    answer may not be trusted, the strongest first.
    """

    name: str
    classes: list[str]
    probabilities: NDArray[np.float32]
    seen: DecodedImage
    inverted: bool
    likeness: OodScore
    warnings: list[OodWarning]

    @property
    def probability(self) -> float:
        """Return the probability of the class that is answered, 0..1.

        With an operating point it can be below one half.
        """
        return float(self.probabilities[self.classes.index(self.name)])

    def list_top(self, count: int) -> list[tuple[str, float]]:
        """Return the most probable classes and their probabilities, the first of equals first.

        The class that is answered is among them, as the last where it is less probable: with an
        operating point it need not be the first.
        """
        order = np.argsort(-self.probabilities, kind="stable").tolist()
        chosen, answer = order[:count], self.classes.index(self.name)
        if answer not in chosen:
            chosen[-1] = answer
        return [(self.classes[place], float(self.probabilities[place])) for place in chosen]


@dataclass(frozen=True)
class Rejected:
    """A picture that cannot be read, and why."""

    reason: str


NAME_WIDTH, LINE_WIDTH = 32, 96  # characters: of a picture's name, of a line of a warning


def format_text(name: str, said: Prediction | Rejected, top: int) -> str:
    """Return the lines of one picture: its answer, the classes that come next, the warnings."""
    if isinstance(said, Rejected):
        return f"{_shorten_name(name):{NAME_WIDTH}}  not answered: {said.reason}"
    first = f"{said.name}  {format_probability(said.probability)}"
    others = [pair for pair in said.list_top(top) if pair[0] != said.name][: top - 1]
    next_best = "".join(f"   {other} {format_probability(share)}" for other, share in others)
    inverted = "   (inverted)" if said.inverted else ""
    return "\n".join(
        [
            f"{_shorten_name(name):{NAME_WIDTH}}  {first}{inverted}{next_best}",
            *(_indent_warning(warning.text) for warning in said.warnings),
        ]
    )


def _shorten_name(name: str) -> str:
    """Return a long name by its end, which tells files apart."""
    return name if len(name) <= NAME_WIDTH else f"…{name[-NAME_WIDTH + 1 :]}"


def _indent_warning(text: str) -> str:
    return textwrap.fill(text, LINE_WIDTH, initial_indent="    ! ", subsequent_indent="      ")


def format_json(name: str, said: Prediction | Rejected, top: int) -> str:
    """Return one line of JSON; a picture that cannot be read has a reason and no answer."""
    if isinstance(said, Rejected):
        return json.dumps({"picture": name, "answer": None, "reason": said.reason})
    told = {
        "picture": name,
        "answer": said.name,
        "probability": said.probability,
        "probabilities": dict(said.list_top(top)),
        "inverted": said.inverted,
        "warnings": [{"kind": each.kind, "text": each.text} for each in said.warnings],
    }
    return json.dumps(told, ensure_ascii=False)


@dataclass
class PredictionSummary:
    """Counts, picture by picture."""

    shift: DriftMonitor
    answered: int = 0
    warned: int = 0
    refused: int = 0

    def add(self, said: Prediction | Rejected) -> None:
        """Count one picture."""
        if isinstance(said, Rejected):
            self.refused += 1
            return
        self.answered += 1
        self.warned += bool(said.warnings)
        self.shift.add(said.likeness)

    @property
    def status(self) -> int:
        """Return the exit status: 0 for all answered, 1 for some, 2 for none."""
        return 0 if not self.refused else 1 if self.answered else 2

    @property
    def pictures(self) -> int:
        """Return how many there were."""
        return self.answered + self.refused

    @property
    def lines(self) -> list[str]:
        """Return what a person reads at the end."""
        told = f"{self.answered} of {self.pictures} pictures answered"
        if self.warned:
            told += f", {self.warned} of them with warnings"
        return [told, *self.shift.lines]
