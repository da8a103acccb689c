"""The champion over time: what was in service after each retraining, and how good it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.artifacts.retraining_history import RetrainingRecord, count_earlier_trials
from secondlook.report.theme import Style

CHART_METRICS = {"recall": "recall", "precision": "precision", "accuracy": "accuracy"}
MAX_RETRAININGS = 30  # retrainings that the page shows
CHART_LEFT, CHART_RIGHT, CHART_TOP, CHART_BOTTOM = (
    30.0,
    480.0,
    20.0,
    160.0,
)  # of the chart, in units of its viewBox


@dataclass(frozen=True)
class MetricHistory:
    """One metric over the retrainings that tell it: places on the chart, from left to right."""

    name: str
    style: Style
    dots: list[tuple[float, float]]

    @property
    def path(self) -> str:
        """Return the line through the dots as SVG draws it."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self.dots)


@dataclass(frozen=True)
class ChampionHistory:
    """The last retrainings, the oldest first, how many there were in all, and lines of a chart.

    earlier: how many challengers the last test images had judged before.
    """

    rows: list[RetrainingRecord]
    total: int
    lines: list[MetricHistory]
    earlier: int


def build_champion_context(listed: Sequence[RetrainingRecord]) -> dict[str, object]:
    """Return what the template of the page shows of the history."""
    return {"service": build_champion_history(listed)}


def build_champion_history(listed: Sequence[RetrainingRecord]) -> ChampionHistory | None:
    """Return what the page shows of the history, None where there is none."""
    rows = list(listed[-MAX_RETRAININGS:])
    lines = [_build_metric_history(rows, name, Style(i)) for i, name in enumerate(CHART_METRICS)]
    drawn = [each for each in lines if each.dots]
    earlier = round(count_earlier_trials(listed))
    return ChampionHistory(rows, len(listed), drawn, earlier) if rows else None


def _build_metric_history(
    rows: Sequence[RetrainingRecord], metric: str, look: Style
) -> MetricHistory:
    """Return a metric (0..1) over the retrainings, evenly spaced."""
    step = (CHART_RIGHT - CHART_LEFT) / max(1, len(rows) - 1)
    values = [(i, row.metrics.get(metric)) for i, row in enumerate(rows)]
    dots = [
        (CHART_LEFT + step * i, CHART_BOTTOM - (CHART_BOTTOM - CHART_TOP) * v)
        for i, v in values
        if v is not None
    ]
    return MetricHistory(CHART_METRICS[metric], look, dots)
