"""The champion over time: what was in service after each retraining, and how good it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.outputs.retrainings import Retraining
from stages.core.page.palette import Look

METRICS = {"recall": "recall", "precision": "precision", "accuracy": "accuracy"}
LAST = 30  # retrainings that the page shows
LEFT, RIGHT, TOP, BOTTOM = 30.0, 480.0, 20.0, 160.0  # of the chart, in units of its viewBox


@dataclass(frozen=True)
class Line:
    """One metric over the retrainings that tell it: places on the chart, from left to right."""

    name: str
    look: Look
    dots: list[tuple[float, float]]

    @property
    def path(self) -> str:
        """Return the line through the dots as SVG draws it."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self.dots)


@dataclass(frozen=True)
class Service:
    """The last retrainings, the oldest first, how many there were in all, and lines of a chart."""

    rows: list[Retraining]
    total: int
    lines: list[Line]


def context(listed: Sequence[Retraining]) -> dict[str, object]:
    """Return what the template of the page shows of the history."""
    return {"service": shown(listed)}


def shown(listed: Sequence[Retraining]) -> Service | None:
    """Return what the page shows of the history, None where there is none."""
    rows = list(listed[-LAST:])
    lines = [line(rows, name, Look(i)) for i, name in enumerate(METRICS)]
    drawn = [each for each in lines if each.dots]
    return Service(rows, len(listed), drawn) if rows else None


def line(rows: Sequence[Retraining], metric: str, look: Look) -> Line:
    """Return a metric (0..1) over the retrainings, evenly spaced."""
    step = (RIGHT - LEFT) / max(1, len(rows) - 1)
    values = [(i, row.metrics.get(metric)) for i, row in enumerate(rows)]
    dots = [(LEFT + step * i, BOTTOM - (BOTTOM - TOP) * v) for i, v in values if v is not None]
    return Line(METRICS[metric], look, dots)
