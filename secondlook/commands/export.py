"""Write the network of a run as SavedModel, ONNX or TFLite, checked by asking it test images.

It takes images as `preprocess` makes them, uint8; export.json beside it says how, and what it
answers. It is kept only if it answers in its own runtime as the run did.
"""

import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import click

from secondlook.artifacts import files
from secondlook.commands.command_group import ProjectCommand, parse_path
from secondlook.config.errors import StorageError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import hold_lock
from secondlook.evaluation.run_artifacts import find_best_run, locate_trained_run
from secondlook.serving import export_card
from secondlook.serving.export_card import ExportedRun
from secondlook.serving.export_format import FORMATS, ExportFormat, OpenedExport
from secondlook.training import environment

CARD_FILE = "export.json"
DEFAULT_FOLDER = Path("exports")


@click.command(cls=ProjectCommand, help=__doc__)
@click.option("--run", "name", metavar="RUN", help="Of params.yaml; else the best on validation.")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(list(FORMATS)),
    default="saved_model",
    show_default=True,
    help="onnx needs packages of its own: pip install -e '.[onnx]'.",
)
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    callback=parse_path,
    help="Where to; else exports/RUN-FORMAT in the project. An older export there is replaced.",
)
def command(name: str | None, wanted: str, folder: Path | None) -> None:
    """Export a network."""
    run(load_params(), name, FORMATS[wanted], folder)


def run(params: Params, name: str | None, wanted: ExportFormat, folder: Path | None) -> None:
    """Write the network of a run into a folder, ask it about test images, say what is known of it.

    Raises SecondLookError where it cannot be made or does not answer as the run did; nothing of it
    is left then.
    """
    wanted.check_installed()
    name = name or find_best_run(params)
    trained = export_card.load_exported_run(name, locate_trained_run(params, name))
    wanted.check_precision(name, trained.precision)
    target = folder or DEFAULT_FOLDER / f"{name}-{wanted.name}"
    with _create_folder(target.resolve()) as made:
        opened = _write_network(trained, wanted, made)
        check = export_card.check_answers(opened, trained, f"{name} as {wanted.name}")
        card = export_card.build_export_card(trained, wanted, opened, check)
        files.write_json(made / CARD_FILE, card.model_dump())
    print(
        f"{target / wanted.file} gives {check.images:,} of {check.test_images:,} test images the "
        f"class that {name} gave, and probabilities at most {check.largest_difference:.1g} apart; "
        f"{CARD_FILE} beside it says what it takes and what it answers"
    )


@contextmanager
def _create_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes `target` in one step, else it is removed.

    Raises StorageError where that is something else than a folder, empty or of an export, or
    cannot be written; BusyError where another process writes it.
    """
    _check_replaceable(target)
    partial, old, lock = (
        target.with_name(f".{target.name}.{kind}.partial") for kind in ("new", "old", "lock")
    )
    with _explain_refusal(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    with hold_lock(lock, lambda _: f"{target}: another process is writing it; wait for it"):
        try:
            with _explain_refusal(target):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
            yield partial
            with _explain_refusal(target):
                shutil.rmtree(old, ignore_errors=True)
                if target.exists():
                    target.replace(old)
                partial.replace(target)
        finally:
            if old.exists() and not target.exists():
                old.replace(target)
            for leftover in (partial, old):
                shutil.rmtree(leftover, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _check_replaceable(target: Path) -> None:
    """Raise StorageError where something lies that no export left."""
    known = {CARD_FILE, *(each.file for each in FORMATS.values())}
    with _explain_refusal(target):
        found = {path.name for path in target.iterdir()} if target.exists() else set[str]()
    if found and not (CARD_FILE in found and found <= known):
        raise StorageError(
            f"{target}: holds {min(found - known or found)}, so it is no export to be replaced; "
            "name another folder with --to"
        )


@contextmanager
def _explain_refusal(target: Path) -> Iterator[None]:
    """Tell in one line what the system refuses."""
    try:
        yield
    except OSError as error:
        raise files.explain_os_error(error, target) or StorageError(
            f"{target}: {(error.strerror or str(error)).lower()}; name another folder with --to"
        ) from error


def _write_network(trained: ExportedRun, wanted: ExportFormat, folder: Path) -> OpenedExport:
    """Write the network into a folder, and open it as its users do."""
    environment.start_tensorflow()
    from secondlook.training import model

    loaded = model.load_model(trained.parts.network)
    # From within: libraries are given a plain name, whatever the folders above are called.
    with chdir(folder):
        wanted.write(loaded, Path())
        return wanted.open(Path())
