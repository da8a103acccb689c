"""The model registry: which version is in service (`champion`), and which was before it.

Aliases of one registered model, named after the experiment. A version's files are those of its
run's logged model; it names the place where they lie. The mirror leaves both alone; where people
removed them all the same, whoever needs them is told the way out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.artifacts.retraining_history import ServiceModel
from secondlook.config.errors import TrackingError
from secondlook.config.params import Params
from secondlook.tracking.expected import format_experiment_name
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.lookup import download_model, has_model_files
from secondlook.tracking.models import PARTS_PATH, WEIGHTS_TAG, Candidate
from secondlook.tracking.run_spec import NAMES_TAG
from secondlook.tracking.store import PARENT_TAG, PATIENT_LIMITS, convert_store_errors, find_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def find_champion_uri(params: Params) -> str | None:
    """Return the address of the model in service; None where none is, or no store yet."""
    model = format_model_name(params)
    has_one = Registry(model).find_version(CHAMPION) is not None
    return f"models:/{model}@{CHAMPION}" if has_one else None


CHAMPION, PREVIOUS = "champion", "previous"
RETRAINING_TAG, REASON_TAG = "second_look.retraining", "second_look.reason"
LONGEST_NAME = 200  # characters of a name that still reads well


@dataclass(frozen=True)
class RegisteredVersion:
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
    def model(self) -> ServiceModel:
        """Return which model this is, as the record of a retraining tells it."""
        return ServiceModel(name=self.names, run=self.run, version=self.number)

    @property
    def candidate(self) -> Candidate:
        """Return its run as one that could be in service, which it was."""
        return Candidate(self.run, self.names, self.weights, None, self.source)


def format_model_name(params: Params) -> str:
    """Return the name of the registered model: the experiment's, fit for `models:/<name>@champion`.

    Letters, digits, dots, - and _ stay; whatever stands between them becomes one -.
    """
    return (
        re.sub(r"[^\w.-]+", "-", format_experiment_name(params)).strip("-.")[:LONGEST_NAME]
        or "model"
    )


class Registry:
    """The registered model of the project, in the store that MLFLOW_TRACKING_URI or params name."""

    def __init__(self, model: str, where: StoreLocation | None = None) -> None:
        self.model, self.where = model, where or find_location()

    def find_version(self, alias: str) -> RegisteredVersion | None:
        """Return the version that has the alias, None where none has, or there is no store yet."""
        if self.where.database is not None and not self.where.database.exists():
            return None  # MLflow would make one, and not in one step
        with convert_store_errors(self.where, PATIENT_LIMITS):
            client = self._client()
            listed = client.search_registered_models(f"name = '{self.model}'")
            number = listed[0].aliases.get(alias) if listed else None
            return None if number is None else _load_version(client, self.model, number)

    def register(self, found: Candidate, tags: Mapping[str, str]) -> RegisteredVersion:
        """Return the version of a run, made where there is none of it yet, with these tags.

        The reason is its description too, which the UI's table of versions shows.
        """
        with convert_store_errors(self.where, PATIENT_LIMITS):
            client = self._client()
            number = _find_registered_version(client, self.model, found) or _create_version(
                client, self.model, found
            )
            for key, value in {**tags, NAMES_TAG: found.names, WEIGHTS_TAG: found.weights}.items():
                client.set_model_version_tag(self.model, number, key, value)
            if REASON_TAG in tags:
                client.update_model_version(self.model, number, tags[REASON_TAG])
            return _load_version(client, self.model, number)

    def promote(self, version: RegisteredVersion) -> None:
        """Let the champion be this version, and the previous one that which it was.

        The alias `champion` is set last: whoever is killed before has changed nothing in service.
        """
        champion = self.find_version(CHAMPION)
        with convert_store_errors(self.where, PATIENT_LIMITS):
            client = self._client()
            if champion is not None and champion.number != version.number:
                client.set_registered_model_alias(self.model, PREVIOUS, champion.number)
            client.set_registered_model_alias(self.model, CHAMPION, version.number)

    def download_files(self, version: RegisteredVersion, folder: Path) -> Path:
        """Return the folder with model.json, weights and facts.json of a version.

        Raises TrackingError where they are gone from MLflow.
        """
        with convert_store_errors(self.where, PATIENT_LIMITS):
            found = download_model(self.where, version.source, folder)
        if found is None:
            raise self._build_gone_error(version)
        return found.joinpath(*PARTS_PATH)

    def check_files(self, version: RegisteredVersion) -> None:
        """Raise TrackingError where the files of a version are gone from MLflow."""
        with convert_store_errors(self.where, PATIENT_LIMITS):
            there = has_model_files(self.where, version.source)
        if not there:
            raise self._build_gone_error(version)

    def _build_gone_error(self, version: RegisteredVersion) -> TrackingError:
        return TrackingError(
            f"MLflow at {self.where.display_name}: the files of {self.model}, version "
            f"{version.number} (run {version.run}), are gone from there (as by `mlflow gc`); "
            "`secondlook promote RUN` puts another run into service, one that `secondlook "
            "leaderboard` names"
        )

    def download_origin(self, version: RegisteredVersion, folder: Path) -> Path:
        """Return a folder with params.yaml of a version's run, and images.npz of its data.

        What is gone from MLflow is missing there; the latter also where the data were tracked by
        a Second Look that did not keep it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with convert_store_errors(self.where, PATIENT_LIMITS):
            client = self._client()
            run = find_run(client, version.run)
            if run is not None:
                above = find_run(client, run.data.tags.get(PARENT_TAG, ""))
                for one in filter(None, (above, run)):  # the run's own params.yaml comes last
                    if client.list_artifacts(one.info.run_id, "source"):
                        client.download_artifacts(one.info.run_id, "source", str(folder))
        return folder / "source"

    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(self.where.uri)


def _load_version(client: "MlflowClient", model: str, number: str) -> RegisteredVersion:
    found: ModelVersion = client.get_model_version(model, number)
    return RegisteredVersion(
        number=str(found.version),
        run=found.run_id or "",  # people may register a folder that is no run's
        names=found.tags.get(NAMES_TAG, ""),
        weights=found.tags.get(WEIGHTS_TAG, ""),
        source=found.source,
        retraining=found.tags.get(RETRAINING_TAG, ""),
    )


def _find_registered_version(client: "MlflowClient", model: str, found: Candidate) -> str | None:
    """Return the newest version of the run with the same weights, whose files are those."""
    versions = client.search_model_versions(f"name = '{model}' and run_id = '{found.run}'")
    same = [
        int(v.version)
        for v in versions
        if (v.tags.get(WEIGHTS_TAG), v.source) == (found.weights, found.source)
    ]
    return str(max(same)) if same else None


def _create_version(client: "MlflowClient", model: str, found: Candidate) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        model, found.source, found.run, {WEIGHTS_TAG: found.weights}, model_id=found.model_id
    )
    return str(made.version)
