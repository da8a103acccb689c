"""What MLflow's UI is told."""

import json
from pathlib import Path

import pytest

from secondlook.report.leaderboard import RANKING_METRIC
from secondlook.report.theme import Style
from secondlook.tracking import run_spec
from secondlook.tracking.location import StoreLocation

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("uri", "database", "start"),
    [
        ("", ROOT / "mlflow.db", "http://127.0.0.1:5000/#/experiments/7/runs?"),
        ("http://me:secret@h:8/x/", None, "http://h:8/x/#/experiments/7/runs?"),
    ],
)
def test_the_link_leads_to_the_leaderboard(uri: str, database: Path | None, start: str) -> None:
    """For the project's own store it is where `make ui` listens, for a server the server."""
    link = run_spec.format_experiment_link(StoreLocation(ROOT, uri, database), "7")
    assert link == f"{start}workflowType=machine_learning&viewStateShareKey=leaderboard"


@pytest.mark.parametrize("uri", ["postgresql://h/x", "databricks"])
def test_a_database_has_no_page(uri: str) -> None:
    """Where no browser can look, no link is given."""
    assert run_spec.format_experiment_link(StoreLocation(ROOT, uri, None), "7") is None


def test_the_view_ranks_as_the_report_does() -> None:
    """MLflow's table and the report's agree on which run is best, and on its colour."""
    saved = json.loads(run_spec.EXPERIMENT_TAGS["mlflow.sharedViewState.leaderboard"])
    state = json.loads(saved["state"])
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`{RANKING_METRIC}`", False)
    assert run_spec.build_run_tags(3)["mlflow.runColor"] == Style(3).color
