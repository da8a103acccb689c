"""The runs side by side, the lazy baseline among them."""

from pathlib import Path

import pytest

from stages.core.outputs import study
from stages.core.outputs.results import Scalars
from stages.core.page import leaderboard
from stages.core.page.leaderboard import Row
from stages.core.params import load
from tests.report_builder import build


def scalars(**numbers: float | None) -> Scalars:
    """Return scalars that are a half, but for those given."""
    return Scalars(**(dict.fromkeys(Scalars.model_fields, 0.5) | numbers))


def row(name: str, **numbers: float | None) -> Row:
    """Return a row with the same numbers on both splits."""
    both = scalars(**numbers)
    return Row(name, None, {"validation": both, "test": both}, {})


@pytest.fixture
def rows(project: Path) -> list[Row]:
    """Give the leaderboard of three runs, of which the last is the most skilled."""
    build(skills={"unweighted": 1.0, "weighted": 2.0, "overfit": 4.0})
    assert project == Path.cwd()
    return leaderboard.rows(study.read(load()))


def test_the_best_on_validation_comes_first(rows: list[Row]) -> None:
    """Runs come by their F1 on validation, the lazy baseline, which has none, last."""
    scores = [found.value("validation/f1") or 0.0 for found in rows]
    assert scores == sorted(scores, reverse=True)
    assert [found.name for found in rows][::3] == ["overfit", 'always "not 8"']


def test_the_lazy_baseline_has_no_look(rows: list[Row]) -> None:
    """It is drawn nowhere; every run keeps the look of its place in params.yaml."""
    looks = {found.name: found.look.index for found in rows if found.look}
    assert looks == {"unweighted": 0, "weighted": 1, "overfit": 2}
    assert rows[-1].value("test/recall") == 0
    assert rows[-1].value("test/precision") is None


def test_best_is_lowest_for_the_loss_alone() -> None:
    """Undefined numbers do not compete, and a column without any number has no best."""
    both = [row("a", log_loss=0.1, recall=0.2), row("b", log_loss=0.3, recall=None)]
    assert leaderboard.best(both, "test/log_loss") == 0.1
    assert leaderboard.best(both, "test/accuracy") == 0.5
    assert leaderboard.best(both, "test/recall") == 0.2
    assert leaderboard.best(both[1:], "test/recall") is None


def test_records_hold_every_number(rows: list[Row]) -> None:
    """A record has the columns of leaderboard.csv: the run and ten numbers of each split."""
    (record,) = leaderboard.records(rows[:1])
    assert list(record) == leaderboard.FIELDS
    assert len(leaderboard.FIELDS) == 1 + 2 * 10
    assert record["test/f1"] == rows[0].value("test/f1")
