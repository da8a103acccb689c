"""A logged model, brought from MLflow to a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.core.errors import TrackingError
from stages.core.params import Params
from stages.core.tracking import registry
from stages.core.tracking.lookup import found, opened
from stages.core.tracking.models import NAME, PARTS
from stages.core.tracking.place import Place
from stages.core.tracking.registry import CHAMPION, Registry

VARIABLE = "MLFLOW_TRACKING_URI"
SCHEMES = ("models:/", "runs:/")


def fetch_model(wanted: str, folder: Path) -> Path:
    """Copy the model into `folder`; return where its network, facts and operating point lie.

    wanted: a run's id or name, or an address as `models:/name@alias` or `models:/name/3`. Raises
    TrackingError for no such run or model, or one that was not logged by this pipeline.
    """
    with opened() as (where, client), _as_default(where):
        from mlflow.artifacts import download_artifacts

        address = wanted
        if not wanted.startswith(SCHEMES):
            address = f"runs:/{found(client, where, wanted).info.run_id}/{NAME}"
        path = Path(download_artifacts(artifact_uri=address, dst_path=str(folder)), *PARTS)
    if not (path / "operating.json").exists():
        raise TrackingError(
            f"MLflow at {where.shown}: {wanted}: no model of this version of Second Look; "
            "`dvc repro` logs the runs of the workspace"
        )
    return path


@contextmanager
def _as_default(where: Place) -> Iterator[None]:
    """Let MLflow resolve addresses in this store for a while, registry and all."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = where.uri
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        os.environ.update({} if before is None else {VARIABLE: before})


def champion(params: Params) -> str | None:
    """Return the address of the model in service; None where none is, or no store yet."""
    model = registry.name(params)
    has_one = Registry(model).version(CHAMPION) is not None
    return f"models:/{model}@{CHAMPION}" if has_one else None
