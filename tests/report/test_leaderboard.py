"""The runs side by side, the lazy baseline among them."""

from pathlib import Path

import pytest

from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.comparison_artifacts import Method
from secondlook.evaluation.run_artifacts import Scalars
from secondlook.evaluation.seeds import Estimate
from secondlook.report import leaderboard
from secondlook.report.leaderboard import LeaderboardRow
from tests.support.report import write_evaluated_runs


def scalars(**numbers: float | None) -> Scalars:
    """Return scalars that are a half, but for those given."""
    return Scalars(**(dict.fromkeys(Scalars.model_fields, 0.5) | numbers))


def row(name: str, **numbers: float | None) -> LeaderboardRow:
    """Return a row with the same numbers on both splits."""
    both = scalars(**numbers)
    return LeaderboardRow(name, None, [name], {"validation": both, "test": both}, {})


@pytest.fixture
def rows(project: Path) -> list[LeaderboardRow]:
    """Give the leaderboard of three runs, of which the last is the most skilled."""
    write_evaluated_runs(skills={"unweighted": 1.0, "weighted": 2.0, "overfit": 4.0})
    assert project == Path.cwd()
    return leaderboard.build_leaderboard(run_artifacts.load_study(load_params()))


def test_the_best_on_validation_comes_first(rows: list[LeaderboardRow]) -> None:
    """Runs come by their F1 on validation, the lazy baseline, which has none, last."""
    scores = [found.get_value("validation/f1") or 0.0 for found in rows]
    assert scores == sorted(scores, reverse=True)
    assert [found.name for found in rows][::3] == ["overfit", 'always "not 8"']


def test_the_lazy_baseline_has_no_look(rows: list[LeaderboardRow]) -> None:
    """It is drawn nowhere; every run keeps the look of its place in params.yaml."""
    looks = {found.name: found.style.index for found in rows if found.style}
    assert looks == {"unweighted": 0, "weighted": 1, "overfit": 2}
    assert rows[-1].get_value("test/recall") == 0
    assert rows[-1].get_value("test/precision") is None


def test_best_is_lowest_for_the_loss_alone() -> None:
    """Undefined numbers do not compete, and a column without any number has no best."""
    both = [row("a", log_loss=0.1, recall=0.2), row("b", log_loss=0.3, recall=None)]
    assert leaderboard.find_best_value(both, "test/log_loss") == 0.1
    assert leaderboard.find_best_value(both, "test/accuracy") == 0.5
    assert leaderboard.find_best_value(both, "test/recall") == 0.2
    assert leaderboard.find_best_value(both[1:], "test/recall") is None


def test_records_hold_every_number(rows: list[LeaderboardRow]) -> None:
    """A record has the columns of leaderboard.csv: ten numbers of each split, and their spread."""
    (record,) = leaderboard.list_leaderboard_rows(rows[:1])
    assert list(record) == leaderboard.CSV_FIELDS
    assert len(leaderboard.CSV_FIELDS) == 2 + 2 * 2 * 10
    assert record["test/f1"] == rows[0].get_value("test/f1")
    assert (record["seeds"], record["test/f1/deviation"]) == (1, None)


def test_seeds_are_one_row_with_their_spread(project: Path) -> None:
    """Two seeds of a run stand once, under the first one's name, as the mean of both."""
    write_evaluated_runs(skills={"unweighted": 1.0, "weighted": 2.0, "overfit": 4.0})
    found = run_artifacts.load_study(load_params())
    one, two = (result.metrics["test"].accuracy for result in found.results[1:])
    mean = Estimate(value=0.7, low=0.6, high=0.8, deviation=0.05)
    estimates = {split: {"accuracy": mean} for split in ("validation", "test")}
    seeded = Method(name="weighted", runs=["weighted", "overfit"], estimates=estimates, gain={})
    rows = {row.name: row for row in leaderboard.build_leaderboard(found, [seeded])}
    assert project == Path.cwd()
    assert set(rows) == {"unweighted", "weighted", 'always "not 8"'}
    assert rows["weighted"].get_value("test/accuracy") == 0.7 not in (one, two)
    assert rows["weighted"].get_deviation("test/accuracy") == 0.05
    assert rows["unweighted"].get_deviation("test/accuracy") is None


@pytest.mark.parametrize(("count", "folded"), [(1, []), (10, []), (11, []), (13, [10, 11])])
def test_of_many_methods_the_best_and_the_reference_come_first(
    count: int, folded: list[int]
) -> None:
    """Ten methods, the reference and the lazy baseline; the others are folded away."""
    lazy = LeaderboardRow("lazy", None, (), row("any").scalars, {})
    rows = [*(row(f"trial-{i}") for i in range(count)), lazy]
    split = leaderboard.split_leaderboard(rows, f"trial-{count - 1}")
    assert [found.name for found in split.folded] == [f"trial-{i}" for i in folded]
    assert split.shown == [found for found in rows if found not in split.folded]


def test_a_small_study_stays_as_it_is(rows: list[LeaderboardRow]) -> None:
    """All runs are shown, in the order of params.yaml, each in its look."""
    found = run_artifacts.load_study(load_params())
    assert leaderboard.arrange_study(found) == (found, found)
    assert leaderboard.split_leaderboard(rows, "unweighted") == (rows, [])
