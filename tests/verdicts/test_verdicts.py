"""Verdicts: the weightiest things the rules say, and never more than are read."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import DataError
from secondlook.evaluation import comparison_artifacts
from secondlook.verdicts import probabilities, verdicts
from tests.support.datasets import make_duplicate_counts, make_near_duplicate_counts
from tests.support.results import (
    make_calibration,
    make_case,
    make_overfitting,
    make_result,
    replace_test_details,
)


def test_the_weightiest_come_first_and_no_more_than_ten() -> None:
    """A case in which nearly every rule has something to say."""
    blind = make_result("blind", accuracy=0.9, lazy_accuracy=0.9, recall=0.1, precision=0.9, f1=0.3)
    blind = replace_test_details(blind, calibration=make_calibration(0.99, 0.9))
    weighted = make_result("weighted", class_weight="balanced", accuracy=0.91, f1=0.8, log_loss=0.9)
    weighted = weighted.model_copy(
        update={"fitting": make_overfitting(kind="overfitting", turned=2, rise=0.4)}
    )
    twin = make_result("twin", early_stopping={"patience": 1}, recall=0.1, f1=0.3, precision=0.9)
    twin = twin.model_copy(
        update={"fitting": make_overfitting(kind="underfitting", fall=1.0, saved=3)}
    )
    copies, alike = make_duplicate_counts(9, 9, 9), make_near_duplicate_counts(9, 9, 9, 9)
    found = verdicts.select_verdicts(make_case(blind, weighted, twin, copies=copies, alike=alike))
    weights = [verdict.weight for verdict in found]
    assert len(found) == verdicts.MAX_VERDICTS == 10
    assert weights == sorted(weights, reverse=True)
    assert found[0].rule == "leak"
    assert len({verdict.rule for verdict in found}) >= 8


def test_where_nothing_is_known_little_is_said() -> None:
    """One good run alone, on clean data, is calibrated and beats lazy: no sentence fills a gap."""
    good = make_result("good", accuracy=0.99, lazy_accuracy=0.9, recall=0.95)
    found = verdicts.select_verdicts(make_case(good))
    assert [verdict.rule for verdict in found] == ["calibrated", "gain_over_lazy"]


def test_what_contradicts_another_verdict_gives_way() -> None:
    """Nobody is taken at the word of probabilities that another sentence calls the worse ones."""
    accurate = make_result("accurate", accuracy=0.96, log_loss=0.3, f1=0.9)
    careful = make_result("careful", accuracy=0.9, log_loss=0.1, f1=0.8, epochs=20)
    case = make_case(accurate, careful)
    assert [verdict.runs for verdict in probabilities.judge_calibrated(case)] == [["accurate"]]
    told = {verdict.rule: verdict.runs for verdict in verdicts.list_verdicts(case)}
    assert told["disagree"] == ["accurate", "careful"]
    assert "calibrated" not in told


def test_weights_are_shares() -> None:
    """So that a page may draw them."""
    poor = make_result("poor", accuracy=0.5, lazy_accuracy=0.9, recall=0.0)
    assert all(0 < verdict.weight < 1 for verdict in verdicts.select_verdicts(make_case(poor)))


def test_what_was_written_is_read_again(project: Path) -> None:
    """As the report and the terminal do; where there is nothing, it says what makes it."""
    assert project == Path.cwd()
    with pytest.raises(DataError, match=r"verdicts\.json: no such file; run `dvc repro`"):
        comparison_artifacts.load_verdicts()
    found = verdicts.select_verdicts(
        make_case(make_result("good", accuracy=0.99, lazy_accuracy=0.9))
    )
    with files.create_output("compare") as folder:
        files.write_json(folder / "verdicts.json", [verdict.model_dump() for verdict in found])
    assert comparison_artifacts.load_verdicts() == found
