"""One picture inside one network, ready to be shown."""

from stages.core.data.items import Content
from stages.core.inside.occlusion import Saliency
from stages.core.outputs.facts import Facts
from stages.core.page import gallery, heat, inside, palette, prose
from stages.core.page.inside import Shown
from stages.core.page.original import original
from stages.core.serving.answer import Answer
from stages.core.serving.lines import chance

CLASSES = 10  # bars of the answer


def context(  # noqa: PLR0913 - each is one thing that the page shows
    facts: Facts,
    name: str,
    content: Content,
    *,
    answer: Answer,
    saliency: Saliency,
    runs: list[Shown],
) -> dict[str, object]:
    """Return everything that inspect.html.j2 names; the first of `runs` is the one asked."""
    return {
        "facts": facts,
        "name": name,
        "answer": answer,
        "given": original(content),
        "seen": gallery.picture(answer.seen.pixels, gallery.ENLARGED),
        "heat": heat.drawn(answer.seen.pixels, saliency),
        "heat_told": heat.told(saliency, answer.name),
        "heat_legend": heat.legend(saliency),
        "bars": [(label, share, chance(share)) for label, share in answer.top(CLASSES)],
        "chance": chance,
        "coded": prose.coded,
        "whole": prose.whole,
        **inside.context(runs),
        **palette.style(),
    }
