"""The trials that dvc is told of."""

from pathlib import Path

import pytest
import yaml

from secondlook.config.params import Params, load_params
from secondlook.config.sweeps import POINTS_FILE, load_trial_params
from secondlook.scheduling.dvc_lock import arrange_lock_entries, load_lock_entries
from secondlook.sweeps.trials import make_training, name_trial, write_points
from tests.support.project import edit_params

SWEEP = {"of": "weighted", "search": {"epochs": [1, 2]}, "trials": 2, "method": "grid", "seed": 1}


@pytest.fixture
def params(project: Path) -> Params:
    """Give the parameters of a project with two sweeps, and enter it."""
    edit_params(project, {"sweeps": {"rates": SWEEP, "rates-of": SWEEP}})
    POINTS_FILE.parent.mkdir(parents=True)
    POINTS_FILE.write_text("trials: {}\n", encoding="utf-8")
    return load_params()


def write_trials(params: Params, sweep: str, *epochs: int, ended: bool = True) -> list[str]:
    """Write trials that differ in their epochs."""
    made = [make_training(params, sweep, {"epochs": number}) for number in epochs]
    named = {name_trial(sweep, place): train for place, train in enumerate(made, start=1)}
    return write_points(params, sweep, named, ended=ended)


def test_sweeps_keep_their_trials_beside_each_other(params: Params) -> None:
    """Also where the name of one begins with that of another; those of one that is gone go."""
    write_trials(params, "rates-of", 7)
    write_trials(params, "rates", 1, 2)
    assert write_trials(params, "rates", 3) == ["rates-01", "rates-of-01"]
    assert load_trial_params("rates-01").epochs == 3
    assert load_trial_params("rates-of-01").epochs == 7
    fewer = params.model_copy(update={"sweeps": {"rates": params.sweeps["rates"]}})
    assert write_trials(fewer, "rates", 3) == ["rates-01"]


def test_which_sweep_ended_last_changes_no_byte(params: Params) -> None:
    """Trials stand in the order of params.yaml, and by their numbers."""
    write_trials(params, "rates", 1, 2)
    write_trials(params, "rates-of", 1)
    before = POINTS_FILE.read_bytes()
    write_trials(params, "rates", 1, 2)
    assert POINTS_FILE.read_bytes() == before


def test_while_a_sweep_goes_on_its_later_trials_stay(params: Params) -> None:
    """It comes to them again, and a kill meanwhile loses nothing."""
    write_trials(params, "rates", 1, 2)
    assert write_trials(params, "rates", 5, ended=False) == ["rates-01", "rates-02"]
    assert load_trial_params("rates-02").epochs == 2


def test_what_is_written_already_is_not_written_again(params: Params) -> None:
    """DVC and git see a file that was not touched."""
    write_trials(params, "rates", 1, 2)
    before = POINTS_FILE.stat().st_mtime_ns
    write_trials(params, "rates", 1, 2)
    assert POINTS_FILE.stat().st_mtime_ns == before
    assert "rates-01:\n    model: cnn" in POINTS_FILE.read_text(encoding="utf-8")


def test_the_lock_file_holds_the_trials_there_are(tmp_path: Path) -> None:
    """In their order, whichever ended first; where none is left, there is no lock file."""
    lock = tmp_path / "dvc.lock"
    stages = {f"trial@rates-0{number}": {"cmd": "x"} for number in (1, 3, 2)}
    lock.write_text(
        yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False), encoding="utf-8"
    )
    before = load_lock_entries(lock)
    wanted = ["trial@rates-02", "trial@rates-03", "trial@rates-04"]
    arrange_lock_entries(wanted, lock)
    assert load_lock_entries(lock) == {name: before[name] for name in wanted[:2]}
    assert list(load_lock_entries(lock)) == wanted[:2]
    arrange_lock_entries([], lock)
    assert not lock.exists()
