"""Sweeps on the page: the best and by how much it flatters, losses by parameter, what mattered.

Everything here is of validation: trials have no numbers of test. A trial that diverged, or whose
number is far beyond those of the others, stands at the edge of a figure, as a triangle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from secondlook.evaluation.formatting import (
    NO_BREAK,
    choose_verb,
    format_count,
    format_metric_name,
    format_p_value,
    format_percent,
    format_points,
    format_whole_percent,
    join_names,
)
from secondlook.evaluation.selection import LOWER_IS_BETTER
from secondlook.evaluation.sweep_results import (
    ParameterEffect,
    SelectionExcess,
    SweepResult,
    TrialResult,
)
from secondlook.report.theme import Line, Panel, Style, Values

PANEL_SIZE = (3.4, 2.1)  # inches, of one panel
TRIAL, BEST = Style(0), Style(1)
SHOWN_TRIALS = 5
CERTAIN = 0.05  # a parameter mattered where chance explains as much more seldom
FAR = 4.0  # an axis ends so many times further from the best than the middle of the trials is
JITTER = 0.3  # of the distance of two choices: trials of the same choice stand side by side
GOLDEN = 0.618  # steps of it, less whole ones, are spread evenly
LETTERS = 32  # of a value in a table, and of all choices below a panel


@dataclass(frozen=True)
class EffectRow:
    """What is said of one parameter; x positions 0..100 of its share and the interval's ends."""

    name: str
    share: str
    reach: tuple[float, float, float] | None
    words: str


@dataclass(frozen=True)
class SweepView:
    """One sweep on the page: sentences, figures, and the best trials with their points."""

    name: str
    told: Sequence[str]
    figures: Sequence[Markup]
    effects: Sequence[EffectRow]
    best: Sequence[TrialResult]
    names: Sequence[str]
    by_tpe: bool

    def format_point(self, trial: TrialResult) -> list[str]:
        """Return the values of a trial's point as the table shows them, parameter by parameter."""
        return [format_value(trial.point.get(name), LETTERS) for name in self.names]


def build_sweep_context(sweeps: Sequence[SweepResult], digest: str) -> dict[str, object]:
    """Return what the template of the page shows of sweeps; digest: that of the page's data."""
    return {"sweeps": [_build_view(i, each, digest) for i, each in enumerate(sweeps)]}


def _build_view(index: int, sweep: SweepResult, digest: str) -> SweepView:
    ranked, shares = _rank_trials(sweep), {each.name: each.share.value for each in sweep.effects}
    names = sorted(sweep.search, key=lambda name: -(shares.get(name) or 0.0))
    panels = [_build_parameter_panel(sweep, name) for name in names if ranked]
    if ranked:
        panels.append(_build_progress_panel(sweep))
    return SweepView(
        name=sweep.name,
        told=list(describe_sweep(sweep, digest)),
        figures=[_render_panel(f"sweep-{index}-{i}", panel) for i, panel in enumerate(panels)],
        effects=sorted(map(build_effect_row, sweep.effects), key=lambda row: names.index(row.name)),
        best=ranked[:SHOWN_TRIALS],
        names=names,
        by_tpe=sweep.method == "tpe",
    )


def _rank_trials(sweep: SweepResult) -> list[TrialResult]:
    """Return the trials that came to a number, best first, of equals the first."""
    sign = 1 if sweep.metric == LOWER_IS_BETTER else -1
    found = [(sign * value, i) for i, value in enumerate(list_values(sweep)) if value is not None]
    return [sweep.trials[i] for _, i in sorted(found)]


def _name_metric(metric: str) -> str:
    return format_metric_name(metric).replace("f1", "F1")


def list_values(sweep: SweepResult) -> Values:
    """Return what each trial is judged by; None where it diverged."""
    return [None if trial.diverged else trial.metrics.get(sweep.metric) for trial in sweep.trials]


def describe_sweep(sweep: SweepResult, digest: str) -> Iterator[str]:
    """Yield what came of a sweep, and how far its numbers can be believed, in sentences."""
    diverged = [trial.name for trial in sweep.trials if trial.diverged]
    told = f"{format_count(len(sweep.trials), 'trial')} of `{sweep.of}`"
    told += f" ({sweep.method}), judged by {_name_metric(sweep.metric)} on validation."
    if diverged:
        verb = choose_verb(diverged, "counts", "count")
        told += f" {len(diverged)} diverged, and {verb} as the worst: {join_names(diverged)}."
    yield told
    if sweep.data != digest:
        yield (
            "It was run on other data than this page is about: "
            f"`secondlook sweep {sweep.name}` runs it on these."
        )
    if sweep.best is None:
        yield "No trial came to a number, so there is no best one: search elsewhere."
    elif len(sweep.trials) == 1 or not sweep.excess:
        yield f"`{sweep.best}` is the best on validation ({sweep.images:,} images)."
    else:
        yield _describe_excess(sweep)


def _describe_excess(sweep: SweepResult) -> str:
    listed = [_describe_number(each) for each in sweep.excess if each.value is not None]
    return (
        f"Best of {len(sweep.trials)} on validation ({sweep.images:,} images): `{sweep.best}`. "
        f"Whoever is the best of many is so by luck too, which other images do not repeat: its "
        f"{join_names(listed)}. Numbers on test are not, for no trial was asked about test images."
    )


def _describe_number(found: SelectionExcess) -> str:
    """Return a number of the best trial, and by about how much it is too good."""
    loss = found.metric == LOWER_IS_BETTER
    shown = f"{found.value:.3f}" if loss else format_percent(found.value)
    excess, low, high = found.excess.floats
    if np.isnan(excess):
        return f"{_name_metric(found.metric)} is {shown}"
    excess = max(excess, 0.0)
    size = f"{excess:.3f}" if loss else format_points(excess)
    between = " to ".join(f"{end:.3f}" if loss else f"{100 * end:.1f}" for end in (low, high))
    words = f"{_name_metric(found.metric)} of {shown} is too good by about {size}"
    if np.isnan(low):
        return words
    return f"{words} (95{NO_BREAK}%: {between})"


def build_effect_row(found: ParameterEffect) -> EffectRow:
    """Return what is said of a parameter: how much of the trials' order goes with it."""
    value, low, high = found.share.floats
    if np.isnan(value) or found.p is None:
        return EffectRow(found.name, "", None, "cannot be told: too few trials, or one value")
    ends = f"{format_whole_percent(low)} to {format_whole_percent(high)}"
    words = "mattered" if found.p < CERTAIN else "chance explains as much"
    share = f"{format_whole_percent(value)} ({ends})"
    reach = (100 * low, 100 * value, 100 * high)
    return EffectRow(found.name, share, reach, f"{words}, p {format_p_value(found.p)}")


def format_value(value: object, longest: int) -> str:
    """Return a value of a parameter in so many letters: null, a number, or what a mapping holds."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {format_value(each, longest)}" for key, each in value.items())
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "none"}[value]
    else:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= longest else f"{text[: max(longest, 2) - 1]}…"


def _build_progress_panel(sweep: SweepResult) -> Panel:
    """Return the trials in their order, and the best so far."""
    values, better = list_values(sweep), np.fmin if sweep.metric == LOWER_IS_BETTER else np.fmax
    so_far = better.accumulate(np.array(values, dtype=np.float64))
    numbers = np.arange(1, len(values) + 1)
    # Level until the trial that is better: a step at each.
    line = Line(BEST, np.repeat(numbers, 2)[1:].tolist(), np.repeat(so_far, 2)[:-1].tolist())
    limits, title = (0.5, len(values) + 0.5), "The best so far, trial by trial"
    return _add_trials(sweep, numbers.tolist(), Panel(title, [line], "", "", limits, (0, 1)))


def _build_parameter_panel(sweep: SweepResult, name: str) -> Panel:
    """Return the trials by their value of one parameter that was searched."""
    asked, given = sweep.search[name], [trial.point[name] for trial in sweep.trials]
    if isinstance(asked, Mapping):
        low, high, log = asked["low"], asked["high"], bool(asked.get("log"))
        room = (high / low) ** 0.04 if log else 0.04 * (high - low)
        limits = (low / room, high * room) if log else (low - room, high + room)
        ticks = list(_list_log_ticks(low, high)) if log else []
        panel = Panel(name, [], "", "", limits, (0, 1), ticks=ticks, log=log)
        return _add_trials(sweep, given, panel)
    places = [
        asked.index(value) + JITTER * ((i * GOLDEN) % 1 - 0.5) for i, value in enumerate(given)
    ]
    ticks = [(k, format_value(value, LETTERS // len(asked))) for k, value in enumerate(asked)]
    panel = Panel(name, [], "", "", (-0.5, len(asked) - 0.5), (0, 1), ticks=ticks)
    return _add_trials(sweep, places, panel)


def _list_log_ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Yield powers of ten within a range; where these are fewer than two, others as well."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for factors in ((1,), (1, 2, 5)):
        found = [f * 10.0**k for k in exponents for f in factors if low <= f * 10.0**k <= high]
        if len(found) > 1:
            break
    return ((tick, f"{tick:.4g}") for tick in found or [low, high])


def _add_trials(sweep: SweepResult, x: Values, panel: Panel) -> Panel:
    """Return a panel with all trials at x (T,), the best one marked, and axes that hold them."""
    values = list_values(sweep)
    near, far = _find_ends(sweep)
    edge = far + 0.06 * (far - near)
    inside = [v is not None and (v - far) * (far - near) <= 0 for v in values]
    dots = [v if fits else None for v, fits in zip(values, inside, strict=True)]
    beyond = [None if fits else edge for fits in inside]
    lines = [Line(TRIAL, x, dots, dots="o"), Line(TRIAL, x, beyond, dots="^")]
    best = next(i for i, trial in enumerate(sweep.trials) if trial.name == sweep.best)
    lines.append(Line(BEST, [], [], mark=(x[best], values[best])))
    low, high = sorted((near - 0.08 * (far - near), far + 0.12 * (far - near)))
    lines = [*panel.lines, *lines]
    return replace(panel, lines=lines, y_label=_name_metric(sweep.metric), y_limits=(low, high))


def _find_ends(sweep: SweepResult) -> tuple[float, float]:
    """Return the best value, and the worst one that an axis holds so that the others are seen."""
    values = np.array([value for value in list_values(sweep) if value is not None])
    sign = 1 if sweep.metric == LOWER_IS_BETTER else -1
    near = sign * (sign * values).min()
    worst, middle = sign * (sign * values).max(), float(np.median(values))
    limit = near + FAR * (middle - near) if middle != near else worst
    far = sign * min(sign * worst, sign * limit)
    return float(near), float(far) if far != near else float(near + sign * max(abs(near), 1) / 10)


def _render_panel(name: str, panel: Panel) -> Markup:
    """Return a panel as an element of the page, `name` unique in it."""
    from secondlook.report import figures

    words = f"{panel.title}: {panel.y_label} of each trial"
    drawing = figures.render_svg(figures.draw_panels([panel], *PANEL_SIZE), name, words)
    return Markup(drawing)  # noqa: S704 - matplotlib escapes all text in it
