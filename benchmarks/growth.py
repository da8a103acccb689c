"""A hundred pictures more than a hundred thousand: what `dvc repro preprocess` and a push take.

In class folders, where new pictures come at ten places of each split, and in a list, where they
come at its end; in shards such that there are 64, and in smaller ones. Of each, the second time is
told as a share of the first: seconds of both stages, with DVC, which looks at each picture's file,
and of the push to a folder; bytes that are new on the disk, but pictures; and bytes pushed. Beside
it what would be pushed with one file a split, which is new as a whole.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.many_images import write_pictures
from benchmarks.measuring import Measurement, time_action
from tests.support.project import build_project, edit_params, run_command

COUNT, MORE, SIDE = 100_000, 100, 96
PICTURES = Path("data/pictures")
IMAGE_BYTES = SIDE * SIDE * 3
COMMANDS = {
    "split": ("repro", "--single-item", "split"),
    "preprocess": ("repro", "--single-item", "preprocess"),
    "push": ("push", "split", "preprocess"),
}
USUAL_FILLING = 0.65  # of a shard, see `cut_shards`
LAYOUTS: dict[str, tuple[str, int]] = {
    "list, 64 shards": ("csv", 64),
    "class folders, 64 shards": ("folder", 64),
    "class folders, 2,000 shards": ("folder", 2000),
}


def measure(folder: Path) -> list[Measurement]:
    """Make each layout from the same pictures, add some, and make it again."""
    pictures = folder / "pictures"
    write_pictures(pictures, 0, COUNT, SIDE)
    return [
        line
        for number, (name, (source, shards)) in enumerate(LAYOUTS.items())
        for line in _measure_layout(folder / str(number), pictures, name, (source, shards))
    ]


def _measure_layout(
    folder: Path, pictures: Path, name: str, layout: tuple[str, int]
) -> list[Measurement]:
    source, shards = layout
    project = build_project(folder / "project")
    shutil.copytree(pictures, project / PICTURES, copy_function=_link)
    keys: dict[str, Any] = {"height": SIDE, "width": SIDE, "channels": 3}
    keys["shard_bytes"] = int(COUNT * IMAGE_BYTES / shards / USUAL_FILLING)
    data = {"source": source, "path": str(PICTURES), "positive": None}
    edit_params(project, {"data": data, "preprocess": keys})
    remote = folder / "remote"
    run_command(project, "dvc", "remote", "add", "--default", "store", str(remote))
    first = _take_turn(project, remote)
    write_pictures(project / PICTURES, COUNT, MORE, SIDE)
    second = _take_turn(project, remote)
    made = list((project / "data/preprocess").glob("*-*.npy"))
    whole = sum(path.stat().st_size for path in made)
    shutil.rmtree(folder)
    return [
        Measurement(f"{name}: there are", [len(made)], "shards", digits=0),
        Measurement(
            f"{name}: written of {first['written'] / 2**20:,.0f} MB",
            [100 * second["written"] / first["written"]],
            "%",
            at_most=3,
        ),
        Measurement(
            f"{name}: pushed of {first['pushed'] / 2**20:,.0f} MB",
            [100 * second["pushed"] / first["pushed"]],
            "%",
            at_most=3,
        ),
        Measurement(f"{name}: pushed with whole files", [100 * whole / first["pushed"]], "%"),
        *(
            Measurement(
                f"{name}: {what} of {first[what]:,.1f} s", [100 * second[what] / first[what]], "%"
            )
            for what in COMMANDS
        ),
    ]


def _link(source: str, target: str) -> None:
    """Give a picture a second name; the list is copied, as it grows."""
    if source.endswith(".csv"):
        shutil.copyfile(source, target)
    else:
        Path(target).hardlink_to(source)


def _take_turn(project: Path, remote: Path) -> dict[str, float]:
    """Run the pipeline up to the arrays and push them; return seconds, and bytes that are new."""
    before = _list_files(project), _list_files(remote)
    seconds = {
        what: time_action(partial(run_command, project, "dvc", *command))
        for what, command in COMMANDS.items()
    }
    after = _list_files(project), _list_files(remote)
    written, pushed = (
        float(sum(size for inode, size in new.items() if inode not in old))
        for old, new in zip(before, after, strict=True)
    )
    return {"written": written, "pushed": pushed, **seconds}


def _list_files(folder: Path) -> dict[int, int]:
    """Return the size of every file but pictures, by its place on the disk: links count once."""
    found = (path for path in folder.rglob("*") if PICTURES.name not in path.parts)
    return {path.stat().st_ino: path.stat().st_size for path in found if path.is_file()}
