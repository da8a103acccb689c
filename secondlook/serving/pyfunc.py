"""What `mlflow.pyfunc.load_model` gives: a table of pictures in, a table of answers out."""

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


class PyfuncModel:
    """A network as MLflow calls it."""

    def __init__(self, served: "Predictor") -> None:
        self.served = served

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what is said of each picture, a row each, in order.

        table: `image` (bytes of a picture file) or `path`, or both, of which one is set in a row.
        The columns: answer, its probability, probabilities (of every class, by name), warnings,
        and reason, why there is no answer: then the others are None, or empty.
        """
        found = [_format_row(answer) for answer in self.served.predict(_make_readers(table))]
        # As objects, None stays None: NaN would be no JSON.
        return pd.DataFrame(found, index=table.index, columns=list(OUTPUT_COLUMNS), dtype=object)


OUTPUT_COLUMNS = ("answer", "probability", "probabilities", "warnings", "reason")


def _make_readers(table: pd.DataFrame) -> Iterator[ImageReader]:
    """Yield for each row what gives its picture."""
    rows = table.to_dict("records")
    for row in rows:
        picture, path = row.get(IMAGE_COLUMN), row.get(PATH_COLUMN)
        if isinstance(picture, bytes | bytearray):
            yield partial(bytes, picture)
        elif isinstance(path, str):
            yield partial(read_bytes, Path(path))
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


def _load_pyfunc(path: str) -> PyfuncModel:
    """MLflow's entry: `path` holds all Parts together.

    Raises TrainingError where Keras computes with something else than TensorFlow in this process.
    """
    choose_backend()
    from secondlook.serving.predictor import Predictor

    return PyfuncModel(Predictor(ModelFiles.in_folder(Path(path), "model")))
