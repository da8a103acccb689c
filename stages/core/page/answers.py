"""Answers about pictures, ready to be shown: each beside what the network sees of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.inside.occlusion import Saliency
from stages.core.outputs.facts import Facts
from stages.core.page import gallery, heat, levels, palette, prose
from stages.core.page.gallery import Picture
from stages.core.page.original import original
from stages.core.serving.answer import Answer
from stages.core.serving.given import Given
from stages.core.serving.lines import chance
from stages.core.serving.tally import Tally

SHOWN = 200  # pictures on a page
WIDTH, HEIGHT = 240.0, 60.0  # of the drawing of levels


@dataclass(frozen=True)
class Card:
    """One picture on the page; where it could not be read, `reason` says why and the rest is None.

    heat: where the answer comes from, drawn over the picture, and in words; levels: a path of SVG;
    top: class, share of the longest bar (0..1) and probability in words.
    """

    name: str
    answer: Answer | None = None
    reason: str = ""
    given: Picture | None = None
    seen: Picture | None = None
    heat: Picture | None = None
    rests: str = ""
    levels: str = ""
    top: Sequence[tuple[str, float, str]] = ()


def card(given: Given, said: Answer, found: Saliency, top: int) -> Card:
    """Return what is shown of one picture, and what its answer rests on; it is read again."""
    return Card(
        given.name,
        said,
        given=original(given.read()),
        seen=gallery.picture(said.seen.pixels, gallery.ENLARGED),
        heat=heat.drawn(said.seen.pixels, found),
        rests=heat.told(found, said.name),
        levels=levels.outline(levels.of_picture(said.seen.pixels), WIDTH, HEIGHT),
        top=[(name, share, chance(share)) for name, share in said.top(top)],
    )


def context(facts: Facts, network: str, cards: Sequence[Card], tally: Tally) -> dict[str, object]:
    """Return everything that predict.html.j2 names."""
    return {
        "facts": facts,
        "network": network,
        "cards": cards,
        "left_out": tally.pictures - len(cards),
        "lines": tally.lines,
        "chance": chance,
        "coded": prose.coded,
        "trained": levels.outline(levels.shares(facts.pixels.histogram), WIDTH, HEIGHT),
        "width": WIDTH,
        "height": HEIGHT,
        **palette.style(),
    }
