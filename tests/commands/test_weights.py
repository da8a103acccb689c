"""Weights of pretrained networks, from files: checked, tracked, told as params.yaml has them."""

import subprocess
from pathlib import Path

import h5py
import pytest
import yaml

from secondlook.artifacts.files import hash_file
from secondlook.config.training import BackboneParams
from tests.commands.test_cli import DOOR
from tests.support.project import ROOT, enter_project, make_environment, run_command
from tests.support.weights import NAME, TARGET, get_weights, refuse_weights

pytestmark = pytest.mark.slow
SHARED_DIGEST = "64aee3c5d87442bec2e05a0ca04025724dec797c0cd6066e7f979b96cad6021e"


def test_both_forms_become_the_same_file(
    weights_project: Path,
    weights_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However it is called; DVC and git know it, what is printed fits params.yaml."""
    get_weights(monkeypatch, NAME, "--from", str(weights_files["keras"]))
    said, digest = capsys.readouterr().out, hash_file(TARGET)
    assert f"{TARGET}: written (4.2 MB, sha256 {digest})\n" in said
    assert f"`git add {TARGET}.dvc data/weights/.gitignore` and `dvc push`" in said
    told = yaml.safe_load(said[said.index("  pretrained:") :])["pretrained"]
    assert told["model"] == "pretrained"
    assert BackboneParams.model_validate(told["backbone"]).sha256 == digest
    assert run_command(weights_project, "git", "check-ignore", str(TARGET)).strip() == str(TARGET)
    assert run_command(
        weights_project, "git", "status", "--porcelain", "-uall", "data"
    ).splitlines() == [
        "?? data/weights/.gitignore",
        f"?? {TARGET}.dvc",
    ]
    for form in weights_files.values():
        get_weights(monkeypatch, NAME, "--from", str(form))
        assert f"{TARGET}: there already (" in capsys.readouterr().out
    get_weights(monkeypatch, NAME)
    said = capsys.readouterr().out
    assert f"{TARGET}: there already (" in said
    assert "--replace lets those that Keras downloads take its place." in said
    assert hash_file(TARGET) == digest


def test_others_are_replaced_when_asked(
    weights_project: Path,
    weights_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both digests are said; DVC then has the new one, and keeps the old one in its cache."""
    TARGET.parent.mkdir(parents=True)
    TARGET.write_bytes(b"others")
    run_command(weights_project, "dvc", "add", str(TARGET))
    old = hash_file(TARGET)
    arguments = [NAME, "--from", str(weights_files["legacy"])]
    line = refuse_weights(monkeypatch, capsys, *arguments)
    assert f"{TARGET}: found other weights there (sha256 {old}) than those of " in line
    assert TARGET.read_bytes() == b"others"
    get_weights(monkeypatch, *arguments, "--replace")
    assert "written in the place of others" in capsys.readouterr().out
    assert hash_file(TARGET) in line
    assert (
        run_command(weights_project, "dvc", "status", f"{TARGET}.dvc").strip()
        == "Data and pipelines are up to date."
    )
    cached = [path for path in Path(".dvc/cache/files").rglob("*") if path.is_file()]
    assert {hash_file(path) for path in cached} == {old, hash_file(TARGET)}


def test_without_git_and_without_dvc(
    tmp_path: Path,
    weights_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where DVC does not track it, the file is there and the line says why; then without git."""
    with enter_project(tmp_path):
        line = refuse_weights(monkeypatch, capsys, NAME, "--from", str(weights_files["keras"]))
        assert f"{TARGET}: lies there, but DVC does not track it: you are not inside" in line
        assert h5py.is_hdf5(TARGET)
        run_command(tmp_path, "dvc", "init", "--no-scm", "--quiet")
        get_weights(monkeypatch, NAME, "--from", str(weights_files["keras"]))
        said = capsys.readouterr().out
    assert "there already (" in said
    assert f"`git add {TARGET}.dvc` and `dvc push`" in said


def test_real_weights_are_the_same_bytes_in_another_process(
    weights_project: Path, shared_data: Path
) -> None:
    """Those of MobileNetV2, through the door, in a process that built nothing before."""
    file = shared_data / "weights/mobilenet_v2.weights.h5"
    done = subprocess.run(
        [*DOOR, "weights", "mobilenet_v2", "--from", str(file)],
        env=make_environment(weights_project, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"(9.4 MB, sha256 {SHARED_DIGEST})" in done.stdout
