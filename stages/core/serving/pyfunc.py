"""What `mlflow.pyfunc.load_model` gives: a table of pictures in, a table of answers out."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from stages.core.errors import DataError
from stages.core.serving.answer import Answer, Refused
from stages.core.serving.given import Reader, content
from stages.core.serving.parts import Parts
from stages.core.serving.served import Served

# The columns that a table may have: a picture's bytes (in JSON as base64), or the path of its file.
IMAGE, PATH = "image", "path"


class Pyfunc:
    """A network as MLflow calls it."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what is said of each picture, a row each, in order.

        table: `image` (bytes of a picture file) or `path`, or both, of which one is set in a row.
        The columns: answer, its probability, probabilities (of every class, by name), warnings,
        and reason, why there is no answer: then the others are None, or empty.
        """
        found = [_row(answer) for answer in self.served.answers(_readers(table))]
        # As objects, None stays None: NaN would be no JSON.
        return pd.DataFrame(found, index=table.index, columns=list(COLUMNS), dtype=object)


COLUMNS = ("answer", "probability", "probabilities", "warnings", "reason")


def _readers(table: pd.DataFrame) -> Iterator[Reader]:
    """Yield for each row what gives its picture."""
    rows = table.to_dict("records")
    for row in rows:
        picture, path = row.get(IMAGE), row.get(PATH)
        if isinstance(picture, bytes | bytearray):
            yield partial(bytes, picture)
        elif isinstance(path, str):
            yield partial(content, Path(path))
        else:
            yield _neither


def _neither() -> bytes:
    raise DataError(f"neither {IMAGE} nor {PATH} is set")


def _row(answer: Answer | Refused) -> dict[str, object]:
    if isinstance(answer, Refused):
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
        "probabilities": dict(answer.top(len(answer.classes))),
        "warnings": [warning.text for warning in answer.warnings],
        "reason": None,
    }


def _load_pyfunc(path: str) -> Pyfunc:
    """MLflow's entry: `path` holds all Parts together."""
    return Pyfunc(Served(Parts.together(Path(path), "model")))
