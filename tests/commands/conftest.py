"""Fixtures that tests of several commands share."""

from pathlib import Path

import pytest

from tests.retraining_builder import with_champion


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project whose first model is in service; tests change copies of it."""
    return with_champion(tmp_path_factory.mktemp("retrain") / "project")
