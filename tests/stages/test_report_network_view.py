"""The part of the report on what is inside the networks."""

import pytest

from secondlook.artifacts import files
from secondlook.config.params import load_params
from stages import report
from tests.support import networks
from tests.support.project import enter_project
from tests.support.report import ReportPage, write_evaluated_runs

RUNS = {"first": 1.0, "second": 2.0, "third": 2.0, "dense": 1.5}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give the page of four runs, of which the second left nothing of its inside."""
    folder = tmp_path_factory.mktemp("inside")
    with enter_project(folder):
        write_evaluated_runs(skills=RUNS)
        networks.write_layer_files("first", networks.make_layer_report(30))
        networks.write_layer_files("third", networks.make_layer_report(30))
        networks.write_layer_files("dense", networks.make_layer_report(0))
        report.run(load_params())
    return ReportPage(folder / "data" / "report")


def test_a_convolutional_and_a_dense_network_stand_side_by_side(page: ReportPage) -> None:
    """The first of each kind has its table and its chart."""
    tables = [a["aria-label"] for a in page.find_all("div") if "Layers" in str(a.get("aria-label"))]
    assert tables == ["Layers of first", "Layers of dense"]
    charts = [
        a["aria-label"] for a in page.find_all("svg") if "read off" in str(a.get("aria-label"))
    ]
    assert len(charts) == 2
    assert {"id": "inside"} in page.find_all("section")


def test_only_what_is_beyond_chance_is_said(page: ReportPage) -> None:
    """The network whose probes gain has its sentence, the other one none."""
    told = [words for words in page.words if "a linear classifier tells" in words]
    assert len(told) == 1
    assert told[0].startswith("In first, ")


def test_maps_are_there_and_can_be_heard(page: ReportPage) -> None:
    """Each grid is a picture with words for those who do not see it."""
    texts = [str(image["alt"]) for image in page.find_all("img")]
    assert (
        "first, convolution_1: the first 64 of 70 maps of 26 x 26; black is 0, white 1.5" in texts
    )
    assert "dense, dense_1: 40 values; black is 0, white 0" in texts


def test_each_run_with_an_example_has_a_picture_for_mlflow(page: ReportPage) -> None:
    """The picture of the maps stands beside those of the curves."""
    drawn = {path.parent.name for path in page.folder.glob("runs/*/inside.png")}
    assert drawn == {"first", "third", "dense"}


def test_the_pictures_are_the_same_bytes_every_time(
    page: ReportPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn again from the same numbers, nothing changes."""
    monkeypatch.chdir(page.folder.parents[1])
    before = files.hash_files(*sorted(page.folder.glob("runs/*/inside.png")))
    report.run(load_params())
    assert files.hash_files(*sorted(page.folder.glob("runs/*/inside.png"))) == before
