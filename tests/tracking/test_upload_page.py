"""A page that is kept with its run, beside what mirrors the files."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking.upload import attach_page
from stages import track
from tests.support.tracking import find_runs, list_artifacts, redraw_confusion


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Give a page."""
    path = tmp_path / "page.html"
    path.write_text("<p>inside</p>", encoding="utf-8")
    return path


def test_a_page_stays_with_its_run(tracking_project: Path, page: Path) -> None:
    """It goes to the run that was asked alone, once, and outlasts what `track` does to that."""
    track.run(load_params())
    for _ in range(2):
        attach_page(load_params(), "unweighted", page)
    redraw_confusion("unweighted")
    track.run(load_params())
    runs = find_runs()
    assert list_artifacts(runs["unweighted"], "inspect") == {"inspect/page.html"}
    assert list_artifacts(runs["early_stopped"], "inspect") == set()
    assert {"layers.json", "metrics.json"} <= list_artifacts(runs["unweighted"])
    assert len(list(tracking_project.glob("mlruns/**/page.html"))) == 1


@pytest.mark.usefixtures("tracking_project")
def test_a_run_that_is_not_there_is_told(page: Path) -> None:
    """Trained anew and not tracked since, it is another run, and none is made for the page."""
    track.run(load_params())
    path = files.stage_folder("train", "unweighted") / "run.json"
    files.write_json(path, files.read_json(path) | {"key": "another"})
    with pytest.raises(TrackingError, match="unweighted is not there; `secondlook track`"):
        attach_page(load_params(), "unweighted", page)
    assert len(find_runs()) == 2


def test_without_a_store_none_is_made(tracking_project: Path, page: Path) -> None:
    """The missing file is named, and stays missing."""
    (tracking_project / "mlflow.db").unlink()
    with pytest.raises(TrackingError, match=r"mlflow\.db: no such file; `secondlook track`"):
        attach_page(load_params(), "unweighted", page)
    assert not (tracking_project / "mlflow.db").exists()
