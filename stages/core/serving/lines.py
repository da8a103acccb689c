"""Answers as people and programs read them in a terminal."""

import json
import textwrap

from stages.core.serving.answer import Answer, Refused

NAME, WIDE = 32, 96  # characters: of a picture's name, of a line of a warning


def chance(probability: float) -> str:
    """Return a probability (0..1) in percent, with as many digits as tell it from certainty."""
    for digits in range(1, 6):
        text = f"{100 * probability:.{digits}f}"
        if not text.startswith("100"):
            return f"{text} %"
    return "over 99.99999 %"


def plain(name: str, said: Answer | Refused, top: int) -> str:
    """Return the lines of one picture: its answer, the classes that come next, the warnings."""
    if isinstance(said, Refused):
        return f"{shortened(name):{NAME}}  not answered: {said.reason}"
    first = f"{said.name}  {chance(said.probability)}"
    others = [pair for pair in said.top(top) if pair[0] != said.name][: top - 1]
    next_best = "".join(f"   {other} {chance(share)}" for other, share in others)
    inverted = "   (inverted)" if said.inverted else ""
    return "\n".join(
        [
            f"{shortened(name):{NAME}}  {first}{inverted}{next_best}",
            *(_indented(warning.text) for warning in said.warnings),
        ]
    )


def shortened(name: str) -> str:
    """Return a long name by its end, which tells files apart."""
    return name if len(name) <= NAME else f"…{name[-NAME + 1 :]}"


def _indented(text: str) -> str:
    return textwrap.fill(text, WIDE, initial_indent="    ! ", subsequent_indent="      ")


def as_json(name: str, said: Answer | Refused, top: int) -> str:
    """Return one line of JSON; a picture that cannot be read has a reason and no answer."""
    if isinstance(said, Refused):
        return json.dumps({"picture": name, "answer": None, "reason": said.reason})
    told = {
        "picture": name,
        "answer": said.name,
        "probability": said.probability,
        "probabilities": dict(said.top(top)),
        "inverted": said.inverted,
        "warnings": [{"kind": each.kind, "text": each.text} for each in said.warnings],
    }
    return json.dumps(told, ensure_ascii=False)
