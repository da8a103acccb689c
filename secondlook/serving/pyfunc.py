"""What `mlflow.pyfunc.load_model` gives: a table of pictures in, a table of answers out.

It cannot tell whether a person calls it or strangers over HTTP, so it reads no file of its machine
but those in a folder that its operator names.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from secondlook.config.errors import DataError
from secondlook.serving.inputs import ImageReader, ModelFiles, read_bytes
from secondlook.serving.output import Prediction, Rejected
from secondlook.training.environment import choose_backend

if TYPE_CHECKING:
    from secondlook.serving.predictor import Predictor

# The columns that a table may have: a picture's bytes (in JSON as base64), or the path of its file.
IMAGE_COLUMN, PATH_COLUMN = "image", "path"
FOLDER_VARIABLE = "SECOND_LOOK_SERVED_FOLDER"


class PyfuncModel:
    """A network as MLflow calls it; `folder` holds the files that it may read, if any."""

    def __init__(self, served: "Predictor", folder: Path | None) -> None:
        self.served, self.folder = served, folder

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what is said of each picture, a row each, in order.

        table: `image` (bytes of a picture file) or `path` (of a file in the folder that
        SECOND_LOOK_SERVED_FOLDER names, refused without one), or both, of which a row sets one.
        The columns: answer, its probability, probabilities (of every class, by name), warnings,
        and reason, why there is no answer: then the others are None, or empty.
        """
        readers = _make_readers(table, self.folder)
        found = [_format_row(answer) for answer in self.served.predict(readers)]
        # As objects, None stays None: NaN would be no JSON.
        return pd.DataFrame(found, index=table.index, columns=list(OUTPUT_COLUMNS), dtype=object)


OUTPUT_COLUMNS = ("answer", "probability", "probabilities", "warnings", "reason")


def _make_readers(table: pd.DataFrame, folder: Path | None) -> Iterator[ImageReader]:
    """Yield for each row what gives its picture."""
    rows = table.to_dict("records")
    for row in rows:
        picture, path = row.get(IMAGE_COLUMN), row.get(PATH_COLUMN)
        if isinstance(picture, bytes | bytearray):
            yield partial(bytes, picture)
        elif isinstance(path, str):
            yield partial(read_served_file, path, folder)
        else:
            yield _raise_no_image


def _raise_no_image() -> bytes:
    raise DataError(f"neither {IMAGE_COLUMN} nor {PATH_COLUMN} is set")


def _format_row(answer: Prediction | Rejected) -> dict[str, object]:
    if isinstance(answer, Rejected):
        empty: dict[str, object] = {
            "answer": None,
            "probability": None,
            "probabilities": {},
            "warnings": [],
        }
        return empty | {"reason": answer.reason}
    return {
        "answer": answer.name,
        "probability": answer.probability,
        "probabilities": dict(answer.list_top(len(answer.classes))),
        "warnings": [warning.text for warning in answer.warnings],
        "reason": None,
    }


def find_served_folder() -> Path | None:
    """Return the folder whose files may be read, links resolved; None where none is named.

    Raises DataError where there is no such folder.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = Path(named).resolve()
    if not folder.is_dir():
        raise DataError(f"{FOLDER_VARIABLE}: {named}: no such folder; name one, or unset it")
    return folder


def read_served_file(path: str, folder: Path | None) -> bytes:
    """Return the bytes of a file in the folder, to which `path` may be relative.

    Raises DataError, the reason alone, for what is not in it, be it by a link, or is no file.
    What lies outside of it is not told of, not even whether it is there.
    """
    if folder is None:
        raise DataError(
            f"{PATH_COLUMN} is refused: {FOLDER_VARIABLE} names no folder to read from; "
            f"send the picture itself as {IMAGE_COLUMN}"
        )
    try:
        found = (folder / path).resolve()
        inside = found.is_relative_to(folder)
        readable = inside and found.is_file()  # a pipe would keep us waiting
    except (OSError, RuntimeError, ValueError):  # a circle of links, a zero in the name
        inside, readable = True, False
    if not inside:
        raise DataError(f"{PATH_COLUMN} is refused: it leaves the folder that may be read")
    if not readable:
        raise DataError("no such file")
    return read_bytes(found)


def _load_pyfunc(path: str) -> PyfuncModel:
    """MLflow's entry: `path` holds all Parts together.

    Raises TrainingError where Keras computes with something else than TensorFlow in this process,
    DataError where the operator names a folder that is not there.
    """
    choose_backend()
    from secondlook.serving.predictor import Predictor

    folder = find_served_folder()
    return PyfuncModel(Predictor(ModelFiles.in_folder(Path(path), "model")), folder)
