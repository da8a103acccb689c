"""Make a tracked run again, apart from the workspace, and say whether it is the same.

From MLflow: the commit, what was not committed, params.yaml and dvc.lock of the run. From git, DVC
or the disk: code and images. Everything happens in a temporary folder, with a DVC cache and an
MLflow store of its own; the workspace is read alone.
"""

import os
import shutil
from pathlib import Path

from stages.core import files
from stages.core.errors import SecondLookError
from stages.core.reproducing import paired, parameters, sameness, supply
from stages.core.reproducing.origin import SHORT, SOURCE, Origin
from stages.core.reproducing.paired import Images, Paired
from stages.core.reproducing.workshop import Workshop
from stages.core.reproducing.worktree import resolved, scratch, worktree
from stages.core.tracking import look_up

IDENTICAL, DIFFERENT = 0, 1  # exit statuses; 2, that it could not be made, is an error's


def run(wanted: str, against: str | None) -> int:
    """Make the run with this id or name again, print what came of it, return the exit status.

    With `against`, a revision, its parameters run on that code and today's images. Raises
    SecondLookError where it cannot be made.
    """
    with scratch() as folder:
        origin = Origin.of(look_up(wanted, _new(folder / "tracked")))
        show(origin.told)
        return rerun(origin, folder) if against is None else rival(origin, folder, against)


def rerun(origin: Origin, folder: Path) -> int:
    """Make the run again as it was, and compare byte by byte."""
    with worktree(_place(origin, folder, "then"), origin.commit, origin.difference) as project:
        shop = Workshop(project, folder, Path.cwd())
        strayed = restore(origin, shop)
        make(shop, f"evaluate@{origin.name}")
        found = sameness.compared(origin, shop, strayed)
    print(*found.lines(), sep="\n")
    return IDENTICAL if found.identical else DIFFERENT


def rival(origin: Origin, folder: Path, against: str) -> int:
    """Run the parameters of the run on other code and today's images, and compare by image."""
    commit = resolved(against)
    with worktree(_place(origin, folder, "now"), commit, None) as project:
        shop = Workshop(project, folder, Path.cwd())
        transplant(origin, shop)
        found = contrasted(origin, shop)
    show(f"against {against} ({commit[:SHORT]})")
    print(*found.lines(), sep="\n")
    return IDENTICAL if found.same_bytes else DIFFERENT


def contrasted(origin: Origin, shop: Workshop) -> Paired:
    """Train in the worktree, and compare what it answers with what the run answered."""
    make(shop, "preprocess")
    now = paired.images(shop.project)
    then = images_then(origin, shop.scratch, now)  # before training: they may be gone
    paired.check(then, now)
    make(shop, f"evaluate@{origin.name}")
    given = files.folder("train", origin.name, "predictions.npz")
    told = paired.answers(then, origin.folder / given.name)
    tells = paired.answers(now, shop.project / given)
    seed = parameters.read(shop.project)["compare"]["seed"]
    return paired.paired(then, now, (told, tells), seed)


def restore(origin: Origin, shop: Workshop) -> list[str]:
    """Bring parameters, images and dvc.lock of the run into its worktree.

    Returns, and says, what of code and data is not as dvc.lock recorded.
    """
    parameters.write(origin.params, shop.project)
    shutil.copy(origin.folder / SOURCE / "dvc.lock", shop.project)
    shop.prepare()
    source = supply.bring(shop, origin.path, origin.images)
    show(f"images: {origin.path} from {source}, as recorded ({origin.images['md5']})")
    strayed = supply.strayed(shop, f"evaluate@{origin.name}")
    for path in strayed:
        show(f"{path}: not what dvc.lock recorded; it changed between running and tracking")
    return strayed


def transplant(origin: Origin, shop: Workshop) -> None:
    """Bring the parameters of the run and the present images into another worktree."""
    present = parameters.read(shop.project)
    params = parameters.merged(origin.params, present, origin.name)
    parameters.write(params, shop.project)
    for key in parameters.dropped(origin.params, present):
        show(f"params.yaml: {key}: left out, that code does not know it")
    shop.prepare()
    path = os.path.normpath(params["data"]["path"])
    show(f"images: {path} from {supply.bring_present(shop, path)}, as they are")


def make(shop: Workshop, target: str) -> None:
    """Run the stages up to one; SecondLookError where one fails."""
    if shop.dvc("repro", target).returncode:
        raise SecondLookError(f"`dvc repro {target}` failed in the worktree: why stands above")


def images_then(origin: Origin, folder: Path, now: Images) -> Images:
    """Return the test images of the run; where today's are others, they are made again."""
    if now.facts.digest == files.read_json(origin.folder / "run.json")["data"]:
        return now
    show("the images are others now; making those of the run again, to tell which it answered")
    with worktree(_place(origin, folder, "then"), origin.commit, origin.difference) as project:
        shop = Workshop(project, folder, Path.cwd())
        restore(origin, shop)
        make(shop, "preprocess")
        return paired.images(project)


def show(line: str) -> None:
    """Print a line before the stages print theirs."""
    print(line, flush=True)


def _place(origin: Origin, folder: Path, name: str) -> Path:
    """Return where to put a worktree: so deep that a data.path above it stays in the folder."""
    return folder.joinpath(name, *["above"] * supply.levels(origin.path), "project")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
