"""Which points a sweep tries: always the same, none that a run may not have, none twice."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.config.errors import ParamsError
from secondlook.config.sweeps import Point, SweepParams
from secondlook.config.yaml_schema import validate_section
from secondlook.sweeps.search import propose_round

RATE = {"low": 0.0001, "high": 0.01, "log": True}
SEARCH: dict[str, Any] = {
    "learning_rate": RATE,
    "epochs": {"low": 2, "high": 9},
    "augment": [None, {"rotation": 0.1, "shift": 0.0, "zoom": 0.0, "flip": False}],
}


def make_sweep(**changes: Any) -> SweepParams:  # noqa: ANN401 - whatever a sweep may have
    """Return a sweep by TPE."""
    told = {"of": "weighted", "search": SEARCH, "trials": 24, "method": "tpe", "seed": 1}
    return validate_section(SweepParams, told | changes)


def accept(_point: Point) -> None:
    """Refuse nothing."""


def measure(point: Point) -> float:
    """Return a loss that is lowest at a rate of 0.001, and none above 0.008."""
    rate = point["learning_rate"]
    return math.inf if rate > 0.008 else abs(math.log(rate / 0.001))


def list_rounds(sweep: SweepParams) -> list[list[Point]]:
    """Return all rounds of a sweep."""
    rounds: list[list[Point]] = []
    tried: list[tuple[Point, float]] = []
    while points := propose_round(sweep, accept, tried):
        rounds.append(points)
        tried += [(point, measure(point)) for point in points]
    return rounds


@pytest.mark.parametrize("method", ["random", "tpe"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), trials=st.integers(1, 30), size=st.integers(1, 7))
def test_the_same_sweep_proposes_the_same_points(
    method: str, seed: int, trials: int, size: int
) -> None:
    """So many, all different, all in their ranges, and again the same."""
    sweep = make_sweep(method=method, seed=seed, trials=trials, round=size)
    rounds = list_rounds(sweep)
    points = [point for each in rounds for point in each]
    assert list_rounds(sweep) == rounds
    assert len(points) == trials
    assert all(points.count(point) == 1 for point in points)
    assert all(0.0001 <= point["learning_rate"] <= 0.01 for point in points)
    assert {point["epochs"] for point in points} <= set(range(2, 10))
    assert all(point["augment"] in SEARCH["augment"] for point in points)
    assert [len(each) for each in rounds][:-1] == (
        [] if method == "random" else [size] * (len(rounds) - 1)
    )


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_more_trials_go_on_with_those_that_are_there(method: str) -> None:
    """A sweep of eight begins with the points of one of four."""
    [few] = list_rounds(make_sweep(method=method, trials=4))
    more = [point for each in list_rounds(make_sweep(method=method, trials=8)) for point in each]
    assert more[:4] == few


def test_other_last_digits_change_no_point() -> None:
    """Another processor's losses differ by 1e-9, and what is proposed is the same."""
    sweep = make_sweep()
    tried = [(point, measure(point)) for each in list_rounds(sweep)[:4] for point in each]
    moved = [(point, loss + 1e-9 * (-1) ** place) for place, (point, loss) in enumerate(tried)]
    assert propose_round(sweep, accept, tried) == propose_round(sweep, accept, moved)


def test_another_seed_is_another_search() -> None:
    """Also one that is as far away as a round is long, and the largest there is."""
    found = [
        [point for each in list_rounds(make_sweep(seed=seed, trials=12)) for point in each]
        for seed in (1, 5, 2**32 - 1)
    ]
    assert all(len(points) == 12 for points in found)
    assert not any(point in found[1] for point in found[0])


def test_trials_that_were_bad_are_learned_from() -> None:
    """Of points that come after ten, TPE has more near the lowest loss than chance has."""
    found = {
        method: sum(
            measure(point) < 1
            for seed in range(5)
            for each in list_rounds(make_sweep(method=method, trials=40, seed=seed))[-1:]
            for point in each[-4:]
        )
        for method in ("tpe", "random")
    }
    assert found["tpe"] > found["random"]


def test_all_that_diverged_end_nothing() -> None:
    """Where no trial came to a number, others are proposed all the same."""
    sweep = make_sweep()
    tried = [(point, math.inf) for each in list_rounds(sweep)[:3] for point in each]
    assert len(propose_round(sweep, accept, tried)) == 4


def test_a_grid_is_all_combinations_in_order() -> None:
    """Whole ranges and lists, the last name running fastest; what is there is not asked again."""
    sweep = make_sweep(
        method="grid", search={"epochs": {"low": 2, "high": 3}, "dropout": [0.0, 0.5]}
    )
    points = [{"epochs": e, "dropout": d} for e in (2, 3) for d in (0.0, 0.5)]
    assert propose_round(sweep, accept, []) == points
    assert propose_round(sweep, accept, [(points[0], 1.0)]) == points[1:]
    assert propose_round(sweep, accept, [(point, 1.0) for point in points]) == []


def test_a_grid_that_is_too_large_is_refused() -> None:
    """With how many points it may have."""
    sweep = make_sweep(method="grid", trials=3, search={"epochs": [1, 2], "dropout": [0.0, 0.5]})
    with pytest.raises(ParamsError, match="found 3 trials, too few for a grid of up to 4 points"):
        propose_round(sweep, accept, [])


def refuse_odd(point: Point) -> None:
    """Refuse odd numbers of epochs."""
    if point["epochs"] % 2:
        raise ParamsError("odd")


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_what_a_run_may_not_have_is_never_proposed(method: str) -> None:
    """Another point takes its place, as long as there is one."""
    sweep = make_sweep(method=method, search={"epochs": {"low": 2, "high": 9}})
    tried: list[tuple[Point, float]] = []
    while points := propose_round(sweep, refuse_odd, tried):
        tried += [(point, 1.0) for point in points]
    assert sorted(point["epochs"] for point, _ in tried) == [2, 4, 6, 8]


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_a_space_without_any_point_is_told(method: str) -> None:
    """With the reason why the last one was refused."""
    sweep = make_sweep(method=method, search={"epochs": [3, 5]})
    with pytest.raises(ParamsError, match="odd"):
        propose_round(sweep, refuse_odd, [])
