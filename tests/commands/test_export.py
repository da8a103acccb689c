"""A network exported for other runtimes answers there as the run did, or is not kept."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.config.errors import ExportError
from secondlook.config.training import AugmentParams
from secondlook.serving.export_card import check_answers, load_exported_run
from secondlook.serving.export_format import FORMATS, OpenedExport
from stages import evaluate, train
from tests.commands.test_cli import DOOR, POWERLESS
from tests.support.commands import refuse_secondlook, run_secondlook
from tests.support.project import ROOT, enter_project
from tests.support.training import SILENT, write_noise_images, write_small_run_params

pytestmark = pytest.mark.slow
Change = Callable[[Any], Any]
# ONNX needs packages that nothing else here does.
INSTALLED = [name for name, each in FORMATS.items() if all(map(find_spec, each.packages))]
# What works in training only: an export in which it is on answers by chance.
AUGMENT: dict[str, Any] = dict.fromkeys(AugmentParams.model_fields, 0.2) | {"flip": True}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project whose only run, with augmentation and dropout, is trained and evaluated."""
    with enter_project(tmp_path_factory.mktemp("trained")) as folder:
        write_noise_images(folder)
        params = write_small_run_params(1, augment=AUGMENT, dropout=0.3)
        train.run(params, "small", SILENT)
        evaluate.run(params, "small")
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a copy of it to be changed, and enter it."""
    folder = Path(shutil.copytree(trained, tmp_path / "project"))
    with chdir(folder):
        yield folder


def export(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run `secondlook export` in the current folder."""
    run_secondlook(monkeypatch, "export", *arguments)


def refuse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Run an export that fails, and return its one line."""
    return refuse_secondlook(monkeypatch, capsys, "export", *arguments)


def read_files(folder: Path) -> dict[Path, bytes]:
    """Return what is in a folder, at any depth."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_answers() -> Any:  # noqa: ANN401 - numpy gives whatever was written
    """Return what the run answered on test."""
    with np.load("data/train/small/predictions.npz") as found:
        return found["test"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("wanted", INSTALLED)
def test_an_export_answers_as_the_run_did(
    wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Opened anew in its own runtime: one image, many, twice; and it says what that takes."""
    export(monkeypatch, "--run", "small", "--format", wanted)
    said, folder = capsys.readouterr(), Path(f"exports/small-{wanted}")
    assert said.err == ""
    assert said.out.startswith(f"{folder / FORMATS[wanted].file} gives 30 of 30 test images the ")
    assert {path.name for path in folder.iterdir()} == {FORMATS[wanted].file, "export.json"}
    card = json.loads((folder / "export.json").read_text())
    images, answers = np.load("data/preprocess/test-00000.npy"), read_answers()
    opened = FORMATS[wanted].open(folder)
    for part in (images[:1], images, images):
        assert opened.ask(part) == pytest.approx(answers[: len(part)], abs=1e-6)
    assert (opened.input_name, opened.output_name) == (
        card["input"]["name"],
        card["output"]["name"],
    )
    assert card["input"]["shape"] == [None, *images.shape[1:]]
    assert card["check"]["images"] == len(images)
    assert card["check"]["largest_difference"] <= 1e-6
    assert str(Path.cwd()).encode() not in b"".join(read_files(folder).values())


@pytest.mark.usefixtures("project")
def test_the_card_says_what_a_user_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes in order, where yes begins, how pictures become pixels, and of what run it is."""
    path = Path("data/evaluate/small/operating.json")
    point = json.loads(path.read_text()) | {"rule": "recall", "threshold": 0.25}
    path.write_text(json.dumps(point))
    export(monkeypatch, "--to", "here")  # the best run, as a SavedModel
    card, run = (
        json.loads(Path(name).read_text())
        for name in ("here/export.json", "data/train/small/run.json")
    )
    assert (card["run"], card["format"], card["file"]) == ("small", "saved_model", "saved_model")
    assert card["output"]["classes"] == ["left", "right"]
    assert card["decision"] == {"positive": "right", "rule": "recall", "threshold": 0.25}
    assert card["input"]["type"] == "uint8"
    assert card["input"]["preparation"]["resize"] == "stretch"
    assert {name: card[name] for name in ("key", "weights_digest", "data")} == {
        name: run[name] for name in ("key", "weights_digest", "data")
    }
    assert set(card["versions"]) == {"keras", "tensorflow"}


def test_an_export_that_answers_otherwise_is_not_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one probability of one image; the older export stays as it is."""
    export(monkeypatch, "--to", "here")
    capsys.readouterr()
    before = read_files(project / "here")
    answers = read_answers()
    answers[3] += (0.002, -0.002)
    np.savez("data/train/small/predictions.npz", test=answers)
    assert refuse(monkeypatch, capsys, "--to", "here").startswith(
        "secondlook: small as saved_model: found another class than the run gave for 0 of 30 test "
        "images and probabilities up to 0.002 apart, expected the same classes and at most 0.001; "
    )
    assert read_files(project / "here") == before
    assert not list(project.glob(".*partial"))


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda answers: answers[:, ::-1], "for 30 of 30 test images"),
        (lambda answers: np.full_like(answers, np.nan), "up to nan apart"),
    ],
)
@pytest.mark.usefixtures("project")
def test_other_classes_and_no_numbers_are_no_agreement(give: Change, said: str) -> None:
    """Whatever an export answers: here what the run did, which is then changed."""
    answers = read_answers()
    np.savez("data/train/small/predictions.npz", test=give(answers))
    trained = load_exported_run("small", Path("data/train/small"))
    opened = OpenedExport("image", "answer", lambda images: np.resize(answers, (len(images), 2)))
    with pytest.raises(ExportError, match=said):
        check_answers(opened, trained, "small as it is")


def test_only_an_export_is_replaced(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What else lies there, or cannot be written, is told in one line and left alone."""
    (project / "own").mkdir()
    (project / "own/thesis.txt").write_text("years")
    (project / "file").write_text("")
    for name, said in {
        "own": "own: holds thesis.txt, so it is no export to be replaced; name another folder",
        "data": "so it is no export to be replaced",
        "/": "so it is no export to be replaced",
        "file": "file: not a directory; name another folder with --to",
        "file/below": "file/below: file exists; name another folder with --to",
        "x" * 300: ": file name too long; name another folder with --to",
    }.items():
        assert said in refuse(monkeypatch, capsys, "--to", name)
    assert (project / "own/thesis.txt").read_text() == "years"


def test_what_a_kill_left_is_cleared(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older export of another format is replaced whole; nothing half-written stays beside it."""
    (project / ".here.new.partial/saved_model").mkdir(parents=True)
    (project / "here").mkdir()
    for name in ("export.json", "model.onnx"):
        (project / "here" / name).write_text("old")
    export(monkeypatch, "--format", "tflite", "--to", "here")
    assert {path.name for path in (project / "here").iterdir()} == {"export.json", "model.tflite"}
    assert not list(project.glob(".*partial"))


def test_a_precision_that_a_format_does_not_hold_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the format that does, before anything is written."""
    path = project / "data/train/small/run.json"
    path.write_text(path.read_text().replace('"float32"', '"mixed_bfloat16"'))
    assert refuse(monkeypatch, capsys, "--format", "tflite") == (
        "secondlook: --format tflite: small was trained with precision mixed_bfloat16, which it "
        "does not hold; take --format saved_model, or train in float32\n"
    )
    assert not (project / "exports").exists()


@pytest.mark.parametrize(
    "missing", [["tf2onnx", "onnxruntime"], ["onnx", "tf2onnx", "onnxruntime"]]
)
def test_a_missing_package_is_told_at_once(missing: list[str], project: Path) -> None:
    """With how to install it, before TensorFlow is imported."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        "sys.argv = ['secondlook', 'export', '--format', 'onnx']\n"
        "from secondlook.commands.cli import main\n"
        "try: main()\n"
        "finally: print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "set()\n")
    assert done.stderr.startswith("secondlook: --format onnx: found no ")
    assert all(f"no {name}" in done.stderr for name in missing)
    assert done.stderr.endswith("python -m pip install -e '.[onnx]'\n")
    assert done.stderr.count("\n") == 1


def test_a_checkout_that_may_not_be_written_is_told(project: Path) -> None:
    """In one line, before TensorFlow is imported."""
    project.chmod(0o555)
    done = subprocess.run(
        [*(POWERLESS if os.getuid() == 0 else []), *DOOR, "export"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    project.chmod(0o755)
    assert done.returncode == 1
    assert "Permission denied; make the folder writable and run again" in done.stderr
    assert done.stderr.count("\n") == 1
