"""What `predict` says of what it is given: good pictures, bad ones, and too few of anything."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.datasets import encode_image
from tests.support.mirror import find_runs_by_tag, make_client
from tests.support.project import CommandResult, run_command, run_predict

pytestmark = pytest.mark.slow

# Of ../shared/data/awkward: what cannot be read, and how the reason begins.
UNREADABLE = {
    "bomb.gif": "more than 89478485 pixels, perhaps a decompression bomb",
    "broken.png": "not a picture",
    "html_page.jpg": "not a picture: a web page (HTML)",
    "plain.heif": "not a picture",
    "png_dos.png": "damaged",
    "truncated.jpg": "damaged",
    "truncated.png": "damaged",
    "zero_bytes.jpg": "empty file",
}


def read_answers(done: CommandResult) -> dict[str, dict[str, Any]]:
    """Return the lines of JSON by the name of the picture."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(line["picture"]).name: line for line in lines}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give a folder with one good picture."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 12), np.uint8)
    (tmp_path / "good.png").write_bytes(encode_image(Image.fromarray(noise)))
    return tmp_path


def test_awkward_files_are_each_answered_or_refused(
    finished_project: Path, shared_data: Path
) -> None:
    """Real broken files get a reason in one line; the others, of every format, an answer."""
    done = run_predict(finished_project, str(shared_data / "awkward"), "--json")
    answers = read_answers(done)
    refused = {name: each["reason"] for name, each in answers.items() if each["answer"] is None}
    assert done.returncode == 1
    assert len(answers) > 30
    assert refused.keys() - {"multipage_rgb.tif"} == UNREADABLE.keys()
    for name, reason in UNREADABLE.items():
        assert refused[name].startswith(reason)
    assert all("\n" not in reason for reason in refused.values())
    assert f"{len(answers) - len(refused)} of {len(answers)} pictures answered" in done.stderr


def test_all_some_and_none(finished_project: Path, own: Path) -> None:
    """The exit status is 0 when all were answered, 1 when some were not, 2 when none was."""
    good, gone = str(own / "good.png"), str(own / "gone.png")
    assert [
        run_predict(finished_project, *given).returncode for given in ([good], [gone, good], [gone])
    ] == [*(0, 1, 2)]


def test_names_are_relative_to_where_the_user_is(finished_project: Path, own: Path) -> None:
    """From a folder below the project, pictures and the page are named from there."""
    below = finished_project / "data"
    name = Path(*[".."] * len(below.relative_to("/").parts), own.relative_to("/"), "good.png")
    done = run_predict(below, str(name), "--report", str(own / "page.html"))
    assert done.returncode == 0, done.stderr
    assert "what the network sees" in (own / "page.html").read_text()


def test_standard_input_and_mlflow(finished_project: Path, own: Path) -> None:
    """A picture on standard input, asked of a run of MLflow, is answered as its file is here."""
    picture = (own / "good.png").read_bytes()
    (tracked,) = (
        run
        for run in find_runs_by_tag(make_client(finished_project)).values()
        if run.info.run_name == "weighted"
    )
    here = read_answers(
        run_predict(finished_project, str(own / "good.png"), "--json", "--run", "weighted")
    )
    there = read_answers(
        run_predict(finished_project, "-", "--json", "--model", tracked.info.run_id, given=picture)
    )
    assert there["standard input"]["probabilities"] == here["good.png"]["probabilities"]
    assert sum(here["good.png"]["probabilities"].values()) == pytest.approx(1)


def test_the_best_run_answers_where_nobody_says_which(finished_project: Path, own: Path) -> None:
    """It is that with the lowest log loss on validation, and it is named."""
    scores = {
        name: json.loads((finished_project / f"data/evaluate/{name}/metrics.json").read_text())
        for name in ("unweighted", "weighted")
    }
    best = min(scores, key=lambda name: float(scores[name]["validation"]["log_loss"]))
    assert f"asking {best}, " in run_predict(finished_project, str(own / "good.png")).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run", "waited"], "params.yaml: runs: no run 'waited'; expected unweighted"),
        (["--report", "nowhere/page.html"], "nowhere: no such folder"),
        (["--report", "."], "is a folder; name a file in it"),
        (["--run", "weighted", "--model", "x"], "--model: not allowed with --run"),
        (["--model", "0" * 32], f"no run with the id {'0' * 32}"),
        (["--model", "models:/digits@gone"], "MLflow at mlflow.db: "),
        (["--top", "0"], "Invalid value for '--top': 0 is not in the range x>=1."),
    ],
)
def test_a_mistake_is_one_line(
    finished_project: Path, own: Path, arguments: list[str], said: str
) -> None:
    """What cannot be done is told, with the exit status of nothing answered."""
    done = run_predict(finished_project, str(own / "good.png"), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_operating_point_answers(project_copy: Path, own: Path) -> None:
    """Where recall is asked for, a yes begins at its threshold, not at one half."""
    path = project_copy / "data/evaluate/weighted/operating.json"
    point = json.loads(path.read_text())
    path.chmod(0o644)  # outputs are write-protected
    picture = str(own / "good.png")
    for threshold, answer in ((0.0, "8"), (1.01, "not 8")):
        path.write_text(json.dumps(point | {"rule": "recall", "threshold": threshold}))
        done = run_predict(project_copy, picture, "--json", "--run", "weighted", "--top", "1")
        said = read_answers(done)["good.png"]
        assert said["answer"] == answer
        assert said["probabilities"] == {answer: said["probability"]}


def test_the_champion_answers_where_there_is_one(project_copy: Path, own: Path) -> None:
    """What was promoted is asked, from MLflow, unless a run is named."""
    good = str(own / "good.png")
    run_command(project_copy, "python", "-m", "stages", "promote", "unweighted")
    done = run_predict(project_copy, good, "--json")
    assert "asking models:/digits-8-or-not@champion, from MLflow" in done.stderr
    named = run_predict(project_copy, good, "--json", "--run", "unweighted")
    assert read_answers(done)["good.png"] == read_answers(named)["good.png"]
