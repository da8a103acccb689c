"""Get the weights of a pretrained network, checked, into data/weights.

Keras downloads them, or --from takes a file: of Keras's `save_weights`, or one that Keras
downloaded elsewhere. DVC tracks what is written; what params.yaml needs is printed.
"""

import hashlib
from pathlib import Path

import click

from secondlook.artifacts import files
from secondlook.commands.command_group import ProjectCommand, parse_path
from secondlook.config import dvc
from secondlook.config.errors import SecondLookError, StorageError
from secondlook.config.training import BACKBONE_NAMES, BackboneName
from secondlook.config.yaml_schema import format_choices
from secondlook.training import environment, pretrained_weights
from secondlook.training.backbone import BACKBONES, build_backbone
from secondlook.training.pretrained_weights import get_weights_path

REPLACING = "--replace lets those that Keras downloads take its place."
TERMS = (
    "Keras's were learned from the pictures of ImageNet, which are for research and teaching that\n"
    "is not commercial (https://image-net.org/download): what follows for you is yours to say."
)


@click.command(cls=ProjectCommand, help=f"{__doc__}\n\nNAME is {format_choices(BACKBONE_NAMES)}.")
@click.argument("name", metavar="NAME", type=click.Choice(BACKBONE_NAMES))
@click.option(
    "--from",
    "given",
    metavar="FILE",
    callback=parse_path,
    help="A .weights.h5 of the same network without its top, or the .h5 that Keras downloads.",
)
@click.option("--replace", is_flag=True, help="Let them take the place of others that lie there.")
def command(name: BackboneName, given: Path | None, replace: bool) -> None:
    """Get weights."""
    run(name, given, replace=replace)


def run(name: BackboneName, given: Path | None, *, replace: bool = False) -> None:
    """Bring the weights of a backbone to data/weights, let DVC track them, and say what to write.

    What lies there already is left alone, whether it is the same or, without `replace`, another.
    Raises SecondLookError where they cannot be had, or are not those of the network.
    """
    target = get_weights_path(name)
    if target.is_dir():
        raise StorageError(f"{target}: is a folder; move it away, the weights belong there")
    kept = target.exists() and given is None and not replace
    content, source = _load_weights(name, target if kept else given, kept=kept)
    state = "there already" if kept else _write_weights(content, source, target, replace=replace)
    _track_with_dvc(target)
    _print_what_to_do(name, target, state)
    if given is None:
        print(f"\n{REPLACING if kept else TERMS}")


def _load_weights(name: BackboneName, path: Path | None, *, kept: bool) -> tuple[bytes, Path]:
    """Return the weights of a file as they are written, and the file; None: what Keras downloads.

    Raises DataError where they cannot be had, or are not those of the network.
    """
    remedy = (
        "delete that file of Keras's cache and run again"
        if path is None
        else "--replace puts others there"
        if kept
        else "name a .weights.h5, or an .h5 that Keras downloads"
    )
    expected = f"expected weights of {BACKBONES[name].kind} without its top; {remedy}"
    if path is not None:
        pretrained_weights.find_suffix(path, expected)
    environment.start_tensorflow()
    source = path or pretrained_weights.fetch_weights(name)
    network = build_backbone(name)
    pretrained_weights.load_weights(network, name, source, expected)
    return pretrained_weights.format_weights(network), source


def _write_weights(content: bytes, source: Path, target: Path, *, replace: bool) -> str:
    """Write weights where a project has them; return in words what was done.

    Raises StorageError where others lie there and may not be replaced.
    """
    digest = hashlib.sha256(content).hexdigest()
    lying = files.hash_file(target) if target.exists() else None
    if lying == digest:
        return "there already"
    if lying and not replace:
        raise StorageError(
            f"{target}: found other weights there (sha256 {lying}) than those of {source} "
            f"({digest}); --replace puts these there, and runs of the old ones then refuse to train"
        )
    files.write_atomically(target, [content])
    return "written in the place of others" if lying else "written"


def _track_with_dvc(target: Path) -> None:
    """Let DVC track the file, so that `dvc push` and `dvc pull` bring it; else say why not."""
    added = dvc.run_dvc("add", str(target), capture=True)
    if added.returncode:
        reason = " ".join(added.stderr.rpartition(dvc.ERROR_PREFIX)[2].split())
        raise SecondLookError(
            f"{target}: lies there, but DVC does not track it: {reason}; run again when it can"
        )


def _print_what_to_do(name: BackboneName, target: Path, state: str) -> None:
    """Print what there is, how others get it, and what an entry of `runs` needs."""
    size, digest = target.stat().st_size, files.hash_file(target)
    beside = [target.with_name(f"{target.name}.dvc"), target.with_name(".gitignore")]
    known = " ".join(str(path) for path in beside if path.exists())
    print(
        f"{target}: {state} ({size / 1e6:.1f} MB, sha256 {digest})\n"
        f"`git add {known}` and `dvc push` give it to others.\n\n"
        "An entry of `runs:` in params.yaml that starts from it:\n\n"
        "  pretrained:\n"
        "    model: pretrained\n"
        f"    backbone: {{name: {name}, sha256: {digest}}}"
    )
