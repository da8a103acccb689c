"""What make does besides calling dvc, pytest and the like."""

import shutil
from pathlib import Path

from tests.support.project import ROOT, run_command


def test_without_git_dvc_is_told_so(tmp_path: Path) -> None:
    """A downloaded archive runs: dvc, which would refuse, works without a repository."""
    folder = tmp_path / "downloaded"
    (folder / ".dvc").mkdir(parents=True)
    quiet = "[core]\n    analytics = false\n    check_update = false\n"  # as in this project
    (folder / ".dvc/config").write_text(quiet)
    shutil.copy(ROOT / "Makefile", folder)
    assert "is not a git repository" in run_command(folder, "dvc", "status", fails=True)
    told = run_command(folder, "make", "scm")
    assert told.startswith("No git repository here: what is tracked cannot be reproduced")
    assert "no data or pipelines" in run_command(folder, "dvc", "status")


def test_in_a_repository_nothing_is_set(tmp_path: Path) -> None:
    """Also where it belongs to somebody else, so that git refuses."""
    folder = tmp_path / "cloned"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    run_command(folder, "git", "init", "--quiet")
    assert run_command(folder, "make", "scm") == ""
    assert run_command(folder, "make", "scm", GIT_TEST_ASSUME_DIFFERENT_OWNER="1") == ""
