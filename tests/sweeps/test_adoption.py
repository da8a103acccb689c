"""The best trial as runs of params.yaml: no other line changes, whatever the file looks like."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from secondlook.config.errors import ParamsError
from secondlook.config.params import load_params
from secondlook.config.sweeps import Point
from secondlook.evaluation.sweep_results import SweepResult, TrialResult
from secondlook.sweeps.adoption import add_runs, make_entries
from tests.support.project import edit_params

AUGMENT = {"rotation": 0.2, "shift": 0.1, "zoom": 0.1, "flip": False}
ENTRY: dict[str, Any] = {
    "class_weight": "balanced",
    "learning_rate": 0.00021,
    "optimizer": {"adamw": {"weight_decay": 0.00001}},
    "augment": AUGMENT,
    "seed": 2,
}


def make_result(point: Point, best: str | None = "rates-01") -> SweepResult:
    """Return a sweep of one trial."""
    run = load_params().run("augmented").model_dump()
    trial = TrialResult(
        name="rates-01",
        point=point,
        parameters=run | {"learning_rate": 0.002, "augment": AUGMENT},
        key="k",
        epochs=3,
        kept_epoch=3,
        metrics={"log_loss": 0.3},
    )
    told: dict[str, Any] = {
        "name": "rates",
        "of": "augmented",
        "method": "random",
        "metric": "log_loss",
    }
    told |= {"seed": 1, "search": {}, "data": "d", "images": 9, "trials": [trial], "best": best}
    return SweepResult.model_validate(told | {"effects": [], "excess": []})


@pytest.mark.usefixtures("project")
def test_the_best_becomes_three_runs_with_seeds_of_their_own() -> None:
    """What the run says that was varied, the point on top, sections inside of it whole."""
    params = load_params()
    made = make_entries(params, make_result({"learning_rate": 0.002, "augment.rotation": 0.2}))
    expected = params.runs["augmented"] | {"learning_rate": 0.002, "augment": AUGMENT}
    assert made == {f"rates-seed-{seed}": expected | {"seed": seed} for seed in (2, 3, 4)}
    add_runs(made, "best")
    assert load_params().run("rates-seed-3").learning_rate == 0.002


@pytest.mark.usefixtures("project")
def test_where_none_came_to_a_number_nothing_is_adopted() -> None:
    """It is told."""
    with pytest.raises(ParamsError, match="no trial came to a number"):
        make_entries(load_params(), make_result({}, best=None))


def test_no_other_line_changes(project: Path) -> None:
    """The new lines stand after the last run; comments and blanks are what they were."""
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    assert add_runs({"rates-seed-2": ENTRY}, "best of 24") == ["rates-seed-2"]
    after = path.read_text(encoding="utf-8").splitlines()
    place = after.index("  # best of 24")
    assert after[place - 1] == "    model: dense"
    new = after[place : place + len(after) - len(before)]
    assert new[:3] == ["  # best of 24", "  rates-seed-2:", "    class_weight: balanced"]
    assert after == [*before[:place], *new, *before[place:]]
    assert load_params().runs["rates-seed-2"] == ENTRY


RUNS = {
    "last": "runs:\n  unweighted: {}\n",
    "no final newline": "runs:\n  unweighted:\n    epochs: 3",
    "a comment below": "runs:\n  unweighted: {}  # so\n  # and so\n\n# end\n",
    "deeper": "runs:\n      unweighted:\n          epochs: 3\n",
    "long text": "runs:\n  unweighted:\n    class_weight: {8: 2,\n      not 8: 1}\n",
    "an alias": "runs:\n  unweighted: &one\n    epochs: 3\n  twin: *one\n",
    "merged": "runs:\n  unweighted: &one {epochs: 3}\n  twin:\n    <<: *one\n    seed: 5\n",
}


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
def test_however_the_runs_are_written(project: Path, runs: str) -> None:
    """Entries are added to what stands there, which means the same as before."""
    path = project / "params.yaml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("runs:\n"), text.index("evaluate:\n")
    path.write_text(f"{text[:start]}{text[end:]}\n{runs}", encoding="utf-8")
    before = load_params().runs
    add_runs({"rates-seed-2": ENTRY}, "best")
    assert load_params().runs == before | {"rates-seed-2": ENTRY}
    assert all(line in path.read_text(encoding="utf-8").splitlines() for line in runs.splitlines())


def test_two_sweeps_are_adopted_one_after_the_other(project: Path) -> None:
    """What their runs share is written whole: dvc refuses an anchor that is there twice."""
    for name in ("rates", "again"):
        entries = {f"{name}-seed-{seed}": ENTRY | {"seed": seed} for seed in (2, 3, 4)}
        add_runs(entries, "best")
    text = (project / "params.yaml").read_text(encoding="utf-8")
    assert "&id" not in text
    assert len(YAML(typ="safe").load(text)["runs"]) == len(load_params().runs) == 12


def test_lines_end_as_the_others_do(project: Path) -> None:
    """A file from Windows stays one, whose other lines are the same bytes."""
    path = project / "params.yaml"
    before = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(before)
    add_runs({"rates-seed-2": ENTRY}, "best")
    after = path.read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > before.count(b"\n")
    assert set(before.splitlines(keepends=True)) <= set(after.splitlines(keepends=True))
    assert load_params().runs["rates-seed-2"] == ENTRY


def test_what_is_there_already_is_left_alone(project: Path) -> None:
    """Adopted twice changes nothing; another run of that name is not overwritten."""
    add_runs({"rates-seed-2": ENTRY}, "best")
    text = (project / "params.yaml").read_text(encoding="utf-8")
    assert add_runs({"rates-seed-2": ENTRY}, "best") == []
    with pytest.raises(ParamsError, match="found other parameters than those of the best trial"):
        add_runs({"rates-seed-2": ENTRY | {"seed": 9}}, "best")
    assert (project / "params.yaml").read_text(encoding="utf-8") == text


def test_a_form_that_has_no_lines_is_told_with_what_to_put_in(project: Path) -> None:
    """Runs in braces stay as they are; the lines to put in are printed."""
    edit_params(project, {"runs": {"unweighted": {}}})
    path = project / "params.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    runs = told.pop("runs")
    path.write_text(f"{yaml.safe_dump(told)}runs: {runs}\n", encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    with pytest.raises(ParamsError, match="put in by hand:\nruns:\n  rates-seed-2:\n"):
        add_runs({"rates-seed-2": ENTRY}, "best")
    assert path.read_text(encoding="utf-8") == text
