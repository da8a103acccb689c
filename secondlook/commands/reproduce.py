"""Make a tracked run again, apart from the workspace, and say whether it is the same.

From MLflow: the commit, what was not committed, params.yaml and dvc.lock of the run. From git, DVC
or the disk: code and images. Everything happens in a temporary folder, with a DVC cache and an
MLflow store of its own; the workspace is read alone.
"""

import os
import shutil
from pathlib import Path

import click

from secondlook.artifacts import files
from secondlook.commands.command_group import RUN_HELP, ProjectCommand
from secondlook.config.errors import SecondLookError
from secondlook.reproduction import paired, source_data, verify
from secondlook.reproduction.origin import (
    SHORT_DIGEST,
    SOURCE_ARTIFACTS,
    Origin,
    list_unknown_params,
    merge_params,
    read_params,
    write_params,
)
from secondlook.reproduction.paired import PairedComparison, RunImages
from secondlook.reproduction.sandbox import (
    Sandbox,
    check_out_worktree,
    make_scratch_folder,
    resolve_revision,
)
from secondlook.tracking.lookup import look_up_run
from secondlook.training.pretrained_weights import get_weights_path

STATUSES = "Exit status: 0 for the very same bytes, 1 for others, 2 where it could not be made."
IDENTICAL, DIFFERENT = 0, 1  # exit statuses; 2, that it could not be made, is an error's


@click.command(cls=ProjectCommand, failure_status=2, help=f"{__doc__}\n\n{RUN_HELP}\n\n{STATUSES}")
@click.argument("wanted", metavar="RUN")
@click.option(
    "--against",
    metavar="REVISION",
    help="Run its parameters on this commit's code and today's images, and compare by image.",
)
def command(wanted: str, against: str | None) -> int:
    """Make a run again, whatever params.yaml says now: the run has its own."""
    return run(wanted, against)


def run(wanted: str, against: str | None) -> int:
    """Make the run with this id or name again, print what came of it, return the exit status.

    With `against`, a revision, its parameters run on that code and today's images. Raises
    SecondLookError where it cannot be made.
    """
    with make_scratch_folder() as folder:
        origin = Origin.load(look_up_run(wanted, _make_folder(folder / "tracked")))
        _print_line(origin.description)
        return (
            _rerun_as_recorded(origin, folder)
            if against is None
            else _rerun_against(origin, folder, against)
        )


def _rerun_as_recorded(origin: Origin, folder: Path) -> int:
    """Make the run again as it was, and compare byte by byte."""
    with check_out_worktree(
        _place_worktree(origin, folder, "then"), origin.commit, origin.difference
    ) as project:
        shop = Sandbox(project, folder, Path.cwd())
        strayed = _restore_inputs(origin, shop)
        _run_stages(shop, f"evaluate@{origin.name}")
        found = verify.verify_rerun(origin, shop, strayed)
    print(*found.format_lines(), sep="\n")
    return IDENTICAL if found.identical else DIFFERENT


def _rerun_against(origin: Origin, folder: Path, against: str) -> int:
    """Run the parameters of the run on other code and today's images, and compare by image."""
    commit = resolve_revision(against)
    with check_out_worktree(_place_worktree(origin, folder, "now"), commit, None) as project:
        shop = Sandbox(project, folder, Path.cwd())
        _transplant_params(origin, shop)
        found = _train_and_compare(origin, shop)
    _print_line(f"against {against} ({commit[:SHORT_DIGEST]})")
    print(*found.format_lines(), sep="\n")
    return IDENTICAL if found.same_bytes else DIFFERENT


def _train_and_compare(origin: Origin, shop: Sandbox) -> PairedComparison:
    """Train in the worktree, and compare what it answers with what the run answered."""
    _run_stages(shop, "preprocess")
    now = paired.load_run_images(shop.project)
    then = _find_recorded_images(origin, shop.scratch, now)  # before training: they may be gone
    paired.check_comparable(then, now)
    _run_stages(shop, f"evaluate@{origin.name}")
    given = files.stage_folder("train", origin.name, "predictions.npz")
    told = paired.load_run_predictions(then, origin.folder / given.name)
    tells = paired.load_run_predictions(now, shop.project / given)
    seed = read_params(shop.project)["compare"]["seed"]
    return paired.compare_on_shared_images(then, now, (told, tells), seed)


def _restore_inputs(origin: Origin, shop: Sandbox) -> list[str]:
    """Bring parameters, images and dvc.lock of the run into its worktree.

    Returns, and says, what of code and data is not as dvc.lock recorded.
    """
    write_params(origin.params, shop.project)
    shutil.copy(origin.folder / SOURCE_ARTIFACTS / "dvc.lock", shop.project)
    shop.prepare()
    source = source_data.bring_recorded_images(shop, origin.path, origin.images)
    _print_line(f"images: {origin.path} from {source}, as recorded ({origin.images['md5']})")
    _bring_weights(origin, shop)
    strayed = source_data.find_changed_deps(shop, f"evaluate@{origin.name}")
    for path in strayed:
        _print_line(f"{path}: not what dvc.lock recorded; it changed between running and tracking")
    return strayed


def _transplant_params(origin: Origin, shop: Sandbox) -> None:
    """Bring the parameters of the run and the present images into another worktree."""
    present = read_params(shop.project)
    params = merge_params(origin.params, present, origin.name)
    write_params(params, shop.project)
    for key in list_unknown_params(origin.params, present):
        _print_line(f"params.yaml: {key}: left out, that code does not know it")
    shop.prepare()
    path = os.path.normpath(params["data"]["path"])
    _print_line(f"images: {path} from {source_data.bring_present_images(shop, path)}, as they are")
    _bring_weights(origin, shop)


def _bring_weights(origin: Origin, shop: Sandbox) -> None:
    """Bring the pretrained weights that the run began with, if it did, into a worktree."""
    if origin.backbone is not None:
        path = get_weights_path(origin.backbone["name"])
        _print_line(f"weights: {path} from {source_data.bring_weights(shop, origin.backbone)}")


def _run_stages(shop: Sandbox, target: str) -> None:
    """Run the stages up to one; SecondLookError where one fails."""
    if shop.run_dvc("repro", target).returncode:
        raise SecondLookError(f"`dvc repro {target}` failed in the worktree: why stands above")


def _find_recorded_images(origin: Origin, folder: Path, now: RunImages) -> RunImages:
    """Return the test images of the run; where today's are others, they are made again."""
    if now.facts.digest == files.read_json(origin.folder / "run.json")["data"]:
        return now
    _print_line(
        "the images are others now; making those of the run again, to tell which it answered"
    )
    with check_out_worktree(
        _place_worktree(origin, folder, "then"), origin.commit, origin.difference
    ) as project:
        shop = Sandbox(project, folder, Path.cwd())
        _restore_inputs(origin, shop)
        _run_stages(shop, "preprocess")
        return paired.load_run_images(project)


def _print_line(line: str) -> None:
    """Print a line before the stages print theirs."""
    print(line, flush=True)


def _place_worktree(origin: Origin, folder: Path, name: str) -> Path:
    """Return where to put a worktree: so deep that a data.path above it stays in the folder."""
    return folder.joinpath(
        name, *["above"] * source_data.count_levels_above(origin.path), "project"
    )


def _make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder
