"""Answer about pictures that the network has never seen, and say what speaks against trusting it.

Nothing of the project is changed. Pictures are read, asked about and told of one after the other:
ten thousand take no more memory than a hundred.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from stages.core import engine
from stages.core.errors import TrackingError
from stages.core.outputs.best import best_run, trained
from stages.core.page import document
from stages.core.page.answers import SHOWN, Card, card, context
from stages.core.params import Params
from stages.core.serving import given, lines
from stages.core.serving.answer import Answer, Refused
from stages.core.serving.given import Given
from stages.core.serving.parts import Invert, Parts
from stages.core.serving.tally import Tally

if TYPE_CHECKING:
    from stages.core.serving.served import Served

Told = tuple[Given, Answer | Refused]


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; names of pictures are relative to `here`."""

    pictures: list[str]
    here: Path
    run: str | None = None
    model: str | None = None
    invert: Invert = "never"
    top: int = 3
    as_json: bool = False
    report: Path | None = None


def run(params: Params, asked: Asked) -> int:
    """Print what is answered about each picture; return 0 for all, 1 for some, 2 for none.

    Raises SecondLookError where there is no such run or model, or nothing to write the page to.
    """
    if asked.report:
        document.check(asked.report)
    pictures = list(given.pictures(asked.pictures, asked.here))
    with parts_of(params, asked) as parts:
        tally = answered(parts, pictures, asked)
    print(*tally.lines, sep="\n", file=sys.stderr)
    return tally.status


@contextmanager
def parts_of(params: Params, asked: Asked) -> Iterator[Parts]:
    """Give where the network lies: in the workspace, or brought from MLflow for as long as needed.

    Where nobody says which, it is the champion if there is one, else the best run on validation.
    """
    from stages.core import tracking

    wanted = asked.model or (None if asked.run else champion(params))
    if wanted is None:
        name = asked.run or best_run(params)
        trained(params, name)
        print(f"asking {name}, trained in this workspace", file=sys.stderr)
        yield Parts.of_run(name)
        return
    print(f"asking {wanted}, from MLflow", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="second-look-") as folder:
        yield Parts.together(tracking.fetch_model(wanted, Path(folder)), wanted)


def champion(params: Params) -> str | None:
    """Return the model in service, if there is one; without its store the workspace has to do."""
    from stages.core import tracking

    try:
        return tracking.champion(params)
    except TrackingError as error:
        print(f"warning: {error}; asking a run of the workspace", file=sys.stderr)
        return None


def answered(parts: Parts, pictures: list[Given], asked: Asked) -> Tally:
    """Ask about each picture, print what is said as it comes, write the page; return the counts."""
    engine.start()
    from stages.core.serving.served import Served

    served = Served(parts)
    tally, cards = Tally(served.typical.shift()), list[Card]()
    answers = served.answers((picture.read for picture in pictures), asked.invert)
    shown = lines.as_json if asked.as_json else lines.plain
    for picture, said in with_progress(zip(pictures, answers, strict=True), len(pictures)):
        print(shown(picture.name, said, asked.top))
        tally.add(said)
        if asked.report and len(cards) < SHOWN:
            cards.append(drawn(served, picture, said, asked.top))
    if asked.report:
        page = context(served.facts, served.name, cards, tally)
        document.save(document.document("commands/predict.html.j2", page), asked.report)
    return tally


def drawn(served: "Served", picture: Given, said: Answer | Refused, top: int) -> Card:
    """Return what the page shows of a picture; of one that cannot be read, why."""
    if isinstance(said, Refused):
        return Card(picture.name, reason=said.reason)
    return card(picture, said, served.saliency(said), top)


def with_progress(told: Iterable[Told], total: int) -> Iterable[Told]:
    """Yield what is told; where that goes to a file, a terminal shows how far it is."""
    console = Console(stderr=True)
    hidden = sys.stdout.isatty() or not console.is_terminal
    return track(told, "predict", total, console=console, disable=hidden)
