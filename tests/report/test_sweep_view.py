"""What the page says and draws of sweeps."""

from typing import Any

import numpy as np
import pytest

from secondlook.artifacts.schema import Interval
from secondlook.evaluation.sweep_results import ParameterEffect, SweepResult
from secondlook.report import sweep_view
from secondlook.report.sweep_view import SweepView
from tests.support.sweeps import SEARCH, make_sweep_result

DATA = "0" * 64


@pytest.fixture(scope="module")
def rates() -> SweepResult:
    """Give a sweep of 24 trials, two of which diverged."""
    return make_sweep_result()


def build_view(sweep: SweepResult, data: str = DATA) -> SweepView:
    """Return the one sweep of a page."""
    context: Any = sweep_view.build_sweep_context([sweep], data)
    [view] = context["sweeps"]
    assert isinstance(view, SweepView)
    return view


def test_no_sweep_nothing() -> None:
    """A project without sweeps has no section of them."""
    assert sweep_view.build_sweep_context([], DATA) == {"sweeps": []}


def test_the_best_and_how_much_it_flatters(rates: SweepResult) -> None:
    """Its numbers, the excess with its interval, and why test has none."""
    first, second = sweep_view.describe_sweep(rates, DATA)
    assert first.startswith("24 trials of `weighted` (tpe), judged by log loss on validation.")
    gone = [trial.name for trial in rates.trials if trial.diverged]
    assert first.endswith(f"2 diverged, and count as the worst: {gone[0]} and {gone[1]}.")
    found = {each.metric: each for each in rates.excess}
    accuracy = found["accuracy"]
    assert accuracy.value is not None
    assert accuracy.excess.value is not None
    assert second.startswith(f"Best of 24 on validation (157 images): `{rates.best}`.")
    assert f"log loss of {found['log_loss'].value:.3f} is too good by about " in second
    points = 100 * accuracy.excess.value
    assert f"is too good by about {points:.1f} points (95\N{NO-BREAK SPACE}%: " in second
    assert second.endswith("no trial was asked about test images.")


def test_other_data_and_no_number_are_said(rates: SweepResult) -> None:
    """A sweep of other images, and one that came to nothing, are not taken for more."""
    told = list(sweep_view.describe_sweep(rates, "f" * 64))
    assert "It was run on other data" in told[1]
    failed = make_sweep_result(3, diverged=3)
    assert failed.best is None
    told = list(sweep_view.describe_sweep(failed, DATA))
    assert told[-1].startswith("No trial came to a number")
    view = build_view(failed)
    assert not view.figures
    assert not view.best
    assert all(row.reach is None for row in view.effects)


def test_a_single_trial_was_not_chosen() -> None:
    """Nothing is said of luck where there was no choice."""
    alone = make_sweep_result(1, diverged=0)
    told = list(sweep_view.describe_sweep(alone, DATA))
    assert told[-1] == "`rates-01` is the best on validation (157 images)."
    assert len(build_view(alone).figures) == len(SEARCH) + 1


@pytest.mark.parametrize("metric", ["log_loss", "f1"])
def test_the_best_trials_in_their_order(metric: str) -> None:
    """Five at most, the best first, whichever way the metric goes; none that diverged."""
    sweep = make_sweep_result(metric=metric)
    view = build_view(sweep)
    values = [trial.metrics[metric] or 0.0 for trial in view.best]
    assert values == sorted(values, reverse=metric == "f1")
    assert view.best[0].name == sweep.best
    assert len(values) == sweep_view.SHOWN_TRIALS
    assert not any(trial.diverged for trial in view.best)
    point = dict(zip(view.names, view.format_point(view.best[0]), strict=True))
    assert point["learning_rate"] == f"{view.best[0].point['learning_rate']:.4g}"


def test_what_explains_most_comes_first(rates: SweepResult) -> None:
    """In figures and in the table; and what chance explains is called so."""
    view = build_view(rates)
    assert view.names[0] == view.effects[0].name == "learning_rate"
    assert view.effects[0].words == "mattered, p < 0.001"
    assert 'aria-label="learning_rate: log loss of each trial"' in view.figures[0]
    assert view.effects[-1].words.startswith("chance explains as much, p = ")
    assert "The best so far" in view.figures[-1]


def test_of_too_few_trials_nothing_is_said() -> None:
    """A share that is not defined has no dot."""
    nothing = Interval.from_floats(np.nan, np.nan, np.nan)
    row = sweep_view.build_effect_row(ParameterEffect(name="l2", share=nothing, p=None))
    assert row.reach is None
    assert row.words.startswith("cannot be told")


def test_each_trial_is_drawn_once(rates: SweepResult) -> None:
    """A dot each, a triangle for what diverged or is far beyond, and the best once more."""
    figure = build_view(rates).figures[0]
    beyond = make_sweep_result(diverged=0, seed=5)
    assert figure.count("<use") >= len(rates.trials) + 1
    assert build_view(beyond).figures[0].count("<use") >= len(beyond.trials) + 1


def test_names_are_escaped() -> None:
    """What a sweep or a choice is called does nothing on the page."""
    nasty = "<script>$x$</script>"
    sweep = make_sweep_result(8, name=nasty)
    choices = {**SEARCH, "dropout": [0.0, 0.25, 0.5, nasty]}
    view = build_view(sweep.model_copy(update={"search": choices}))
    assert all("<script>" not in figure for figure in view.figures)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (0.00012345678, "0.0001235"),
        (64, "64"),
        ({"rotation": 0.05, "zoom": None}, "rotation 0.05, zoom none"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_values_are_short(value: object, text: str) -> None:
    """Numbers have four digits, mappings say what they hold, and nothing is longer than room."""
    assert sweep_view.format_value(value, 40) == text


@pytest.mark.parametrize(("low", "high"), [(1e-4, 1e-1), (0.002, 0.05), (0.3, 0.4), (2, 7)])
def test_a_logarithmic_range_has_ticks(low: float, high: float) -> None:
    """Within the range, two at least, whatever its width."""
    search = {"learning_rate": {"low": low, "high": high, "log": True}}
    sweep = make_sweep_result(6, diverged=0)
    rng = np.random.default_rng(0)
    trials = [
        t.model_copy(update={"point": {"learning_rate": float(rng.uniform(low, high))}})
        for t in sweep.trials
    ]
    changed = {"search": search, "trials": trials, "effects": []}
    [figure, _] = build_view(sweep.model_copy(update=changed)).figures
    assert figure.count("xtick") >= 2
