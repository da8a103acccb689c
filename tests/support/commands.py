"""Commands in the process of a test, as a user types them."""

import sys

import pytest

from secondlook.commands.cli import main


def run_secondlook(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run `secondlook` with these arguments in the current folder."""
    monkeypatch.setattr(sys, "argv", ["secondlook", *arguments])
    main()


def refuse_secondlook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Run one that fails, and return the one line that is all it says."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        run_secondlook(monkeypatch, *arguments)
    said = capsys.readouterr()
    assert (left.value.code, said.out, said.err.count("\n")) == (1, "", 1)
    return said.err
