"""The model registry: which version is in service (`champion`), and which was before it.

Aliases of one registered model, named after the experiment. A version's files are those of its
run's logged model; it names the place where they lie, so it can be loaded even where the mirror
has deleted that run since.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.outputs.retrainings import Model
from stages.core.params import Params
from stages.core.tracking.candidates import NAMES, Candidate
from stages.core.tracking.models import PARTS, WEIGHTS
from stages.core.tracking.place import Place, place
from stages.core.tracking.reading import experiment
from stages.core.tracking.store import PARENT, PATIENT, told

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, PREVIOUS = "champion", "previous"
RETRAINING, REASON = "second_look.retraining", "second_look.reason"
LONGEST = 200  # characters of a name that still reads well


@dataclass(frozen=True)
class Version:
    """A registered version: number, MLflow run, entries of `runs:`, digests, where its files are.

    `retraining` is the MLflow run of the retraining that registered it.
    """

    number: str
    run: str
    names: str
    weights: str
    source: str
    retraining: str

    @property
    def model(self) -> Model:
        """Return which model this is, as the record of a retraining tells it."""
        return Model(name=self.names, run=self.run, version=self.number)

    @property
    def candidate(self) -> Candidate:
        """Return its run as one that could be in service, which it was."""
        return Candidate(self.run, self.names, self.weights, None, self.source)


def name(params: Params) -> str:
    """Return the name of the registered model: the experiment's, fit for `models:/<name>@champion`.

    Letters, digits, dots, - and _ stay; whatever stands between them becomes one -.
    """
    return re.sub(r"[^\w.-]+", "-", experiment(params)).strip("-.")[:LONGEST] or "model"


class Registry:
    """The registered model of the project, in the store that MLFLOW_TRACKING_URI or params name."""

    def __init__(self, model: str, where: Place | None = None) -> None:
        self.model, self.where = model, where or place()

    def version(self, alias: str) -> Version | None:
        """Return the version that has the alias, None where none has, or there is no store yet."""
        if self.where.database is not None and not self.where.database.exists():
            return None  # MLflow would make one, and not in one step
        with told(self.where, PATIENT):
            client = self._client()
            listed = client.search_registered_models(f"name = '{self.model}'")
            number = listed[0].aliases.get(alias) if listed else None
            return None if number is None else _version(client, self.model, number)

    def register(self, found: Candidate, tags: Mapping[str, str]) -> Version:
        """Return the version of a run, made where there is none of it yet, with these tags.

        The reason is its description too, which the UI's table of versions shows.
        """
        with told(self.where, PATIENT):
            client = self._client()
            number = _registered(client, self.model, found) or _made(client, self.model, found)
            for key, value in {**tags, NAMES: found.names, WEIGHTS: found.weights}.items():
                client.set_model_version_tag(self.model, number, key, value)
            if REASON in tags:
                client.update_model_version(self.model, number, tags[REASON])
            return _version(client, self.model, number)

    def promote(self, version: Version) -> None:
        """Let the champion be this version, and the previous one that which it was.

        The alias `champion` is set last: whoever is killed before has changed nothing in service.
        """
        champion = self.version(CHAMPION)
        with told(self.where, PATIENT):
            client = self._client()
            if champion is not None and champion.number != version.number:
                client.set_registered_model_alias(self.model, PREVIOUS, champion.number)
            client.set_registered_model_alias(self.model, CHAMPION, version.number)

    def files(self, version: Version, folder: Path) -> Path:
        """Return the folder with model.json, weights and facts.json of a version."""
        with told(self.where, PATIENT):
            from mlflow.artifacts import download_artifacts

            folder.mkdir(parents=True, exist_ok=True)
            found = download_artifacts(
                artifact_uri=version.source, dst_path=str(folder), tracking_uri=self.where.uri
            )
            return Path(found, *PARTS)

    def origin(self, version: Version, folder: Path) -> Path:
        """Return a folder with params.yaml of a version's run, and images.npz of its data.

        The latter is missing where the data were tracked by a Second Look that did not keep it.
        """
        with told(self.where, PATIENT):
            client = self._client()
            run = client.get_run(version.run)
            folder.mkdir(parents=True, exist_ok=True)
            above = [run.data.tags[PARENT]] if PARENT in run.data.tags else []
            for run_id in (*above, version.run):  # the run's own params.yaml comes last
                client.download_artifacts(run_id, "source", str(folder))
            return folder / "source"

    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(self.where.uri)


def _version(client: "MlflowClient", model: str, number: str) -> Version:
    found: ModelVersion = client.get_model_version(model, number)
    return Version(
        number=str(found.version),
        run=found.run_id,
        names=found.tags.get(NAMES, ""),
        weights=found.tags.get(WEIGHTS, ""),
        source=found.source,
        retraining=found.tags.get(RETRAINING, ""),
    )


def _registered(client: "MlflowClient", model: str, found: Candidate) -> str | None:
    """Return the newest version of the run with the same weights."""
    versions = client.search_model_versions(f"name = '{model}' and run_id = '{found.run}'")
    same = [int(v.version) for v in versions if v.tags.get(WEIGHTS) == found.weights]
    return str(max(same)) if same else None


def _made(client: "MlflowClient", model: str, found: Candidate) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        model, found.source, found.run, {WEIGHTS: found.weights}, model_id=found.model_id
    )
    return str(made.version)
