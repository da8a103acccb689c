"""The typed mirror of params.yaml: strict, so that a mistake is told before any work starts.

Each section refuses what it cannot mean; what must hold between sections is checked last.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from secondlook.config.errors import ParamsError
from secondlook.config.retraining import RetrainParams
from secondlook.config.sweeps import SweepName, SweepParams, check_search, check_trial_count
from secondlook.config.training import (
    OPTIONAL_DEFAULTS,
    SharedTrainParams,
    TrainParams,
    check_backbone,
    check_image_size,
    check_phases,
)
from secondlook.config.yaml_files import load_yaml
from secondlook.config.yaml_schema import (
    PARAMS_FILE,
    ClassName,
    Fraction,
    GpuShare,
    NodePath,
    NonEmptyText,
    OpenFraction,
    ParamsSection,
    PositiveCount,
    RunName,
    Seed,
    SideLength,
    format_choices,
    make_optional,
    validate_section,
)


def _parse_operating_point(value: object) -> object:
    """Accept default, best_f1, {recall: share} or {precision: share} as a rule and its target."""
    if isinstance(value, str) and value in ("default", "best_f1"):
        return {"rule": value, "target": None}
    if isinstance(value, dict) and len(value) == 1:
        [(rule, target)] = value.items()
        if rule in ("recall", "precision") and type(target) in (int, float) and 0 < target <= 1:
            return {"rule": rule, "target": float(target)}
    raise ValueError("default, best_f1, {recall: above 0, to 1} or {precision: above 0, to 1}")


class DataParams(ParamsSection):
    """Where the images come from, and the question asked of them."""

    source: Literal["idx", "folder", "csv"]
    path: NonEmptyText
    positive: ClassName | None
    class_names: NonEmptyText | None
    transpose: bool


class SplitParams(ParamsSection):
    """Shares of all images (0..1) for validation and test, and the seed of the hash."""

    validation: OpenFraction
    test: OpenFraction
    seed: Seed


SHARD_BYTES = 2**25


class PreprocessParams(ParamsSection):
    """What every image is turned into: height x width x channels, uint8.

    shard_bytes: of the files that they are kept in, at most (one image may be larger); it changes
    no image, and may be left out.
    """

    height: SideLength
    width: SideLength
    channels: Literal[1, 3]
    resize: Literal["stretch", "pad", "crop"]
    background: Literal["black", "white"]
    contrast: Literal["stretch", "equalize"] | None
    max_rejected_fraction: Fraction
    shard_bytes: Annotated[int, Field(ge=1, le=2**30)] = make_optional(SHARD_BYTES)


class OperatingPointParams(ParamsSection):
    """The rule that chooses a threshold on validation; recall and precision reach a target."""

    rule: Literal["default", "best_f1", "recall", "precision"]
    target: Fraction | None


class EvaluateParams(ParamsSection):
    """How predictions become numbers."""

    curve_points: Annotated[int, Field(ge=10)]
    operating_point: Annotated[OperatingPointParams, BeforeValidator(_parse_operating_point)]
    seed: Seed


class CompareParams(ParamsSection):
    """How runs are held against each other, and how many images show their mistakes."""

    seed: Seed
    images: PositiveCount


class ReportParams(ParamsSection):
    """What the page compares with what."""

    reference: NonEmptyText


class TrackParams(ParamsSection):
    """Where MLflow files the runs, and after how many seconds a training shows itself."""

    experiment: NonEmptyText | None
    live_after: Annotated[float, Field(ge=0)]


class ClusterParams(ParamsSection):
    """What one run takes of a node of a cluster, and where nodes keep things; all may be left out.

    cpus, gpus: fractions share one; cache: DVC's cache on each node, None: in ~/.cache; state: of
    trainings that go on, on a disk that nodes share if others are to resume them; None: in `cache`.
    """

    cpus: Annotated[float, Field(gt=0)] = make_optional(1.0)
    gpus: GpuShare = make_optional(0.0)
    cache: NodePath | None = make_optional(None)
    state: NodePath | None = make_optional(None)


class Params(ParamsSection):
    """All of params.yaml; `runs` maps a name to its changes to `train`."""

    data: DataParams
    split: SplitParams
    preprocess: PreprocessParams
    train: SharedTrainParams
    runs: Annotated[dict[RunName, dict[str, Any]], Field(min_length=1)]
    evaluate: EvaluateParams
    compare: CompareParams
    report: ReportParams
    track: TrackParams
    retrain: RetrainParams
    cluster: ClusterParams = make_optional(ClusterParams())
    sweeps: dict[SweepName, SweepParams] = make_optional({})

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Raise ParamsError for the first thing that does not fit another."""
        for name in self.runs:
            self.check_training(self.run(name), f"{PARAMS_FILE}: runs.{name}")
        _check_shared(self)
        _check_relations(self)
        _check_sweeps(self)
        return self

    def check_training(self, train: TrainParams, where: str) -> None:
        """Raise ParamsError where parameters of a training do not fit each other or the data."""
        sides = self.preprocess.height, self.preprocess.width
        check_image_size(train, where, sides)
        _check_class_weights(self, train, where)
        check_phases(train, where)
        check_backbone(train, where, sides, self.preprocess.channels)

    def run(self, name: str) -> TrainParams:
        """Return the effective parameters of one run: `train` with the entry's changes on top.

        Raises ParamsError when there is no such run, or when a change makes no sense.
        """
        if name not in self.runs:
            raise ParamsError(
                f"{PARAMS_FILE}: runs: no run {name!r}; expected {format_choices(self.runs)}"
            )
        merged = self.train.model_dump(include=set(TrainParams.model_fields)) | self.runs[name]
        return validate_section(TrainParams, merged, prefix=("runs", name))


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check params.yaml, every run included.

    Raises ParamsError, one line naming the file and the key, for whatever is wrong with it.
    """
    return validate_section(Params, load_yaml(path, spelled=True))


def _check_class_weights(params: Params, train: TrainParams, where: str) -> None:
    """Where the question names both classes, refuse weights for others; `train` does the rest."""
    weights, positive = train.class_weight, params.data.positive
    if isinstance(weights, dict) and positive and set(weights) != {positive, f"not {positive}"}:
        found = ", ".join(map(repr, weights))
        raise ParamsError(
            f"{where}: class_weight: found weights for {found}; "
            f"expected one for {positive!r} and one for 'not {positive}' (data.positive)"
        )


def _check_shared(params: Params) -> None:
    """Refuse in `train` what dvc would not see there: runs of before would pass for new ones."""
    if found := sorted(OPTIONAL_DEFAULTS.keys() & params.train.model_dump()):
        raise ParamsError(
            f"{PARAMS_FILE}: train.{found[0]}: a key of single runs; expected in entries of "
            "`runs`; move it into each that is to have it"
        )


def _check_relations(params: Params) -> None:
    held_out = params.split.validation + params.split.test
    if held_out >= 1:
        raise ParamsError(
            f"{PARAMS_FILE}: split: validation + test is {held_out:g}; expected below 1"
        )
    if params.data.source != "idx" and (params.data.class_names or params.data.transpose):
        raise ParamsError(
            f"{PARAMS_FILE}: data: class_names and transpose are for source idx alone; "
            f"expected null and false with source {params.data.source}"
        )
    if Path("data").resolve().is_relative_to(Path(params.data.path).resolve()):
        raise ParamsError(
            f"{PARAMS_FILE}: data.path: {params.data.path} holds data/, where the pipeline writes; "
            "expected a folder of the images alone: move them, such as to data/photographs"
        )
    if params.report.reference not in params.runs:
        raise ParamsError(
            f"{PARAMS_FILE}: report.reference: found {params.report.reference!r}; "
            f"expected {format_choices(params.runs)}"
        )
    if params.retrain.run is not None and params.retrain.run not in params.runs:
        raise ParamsError(
            f"{PARAMS_FILE}: retrain.run: found {params.retrain.run!r}; expected null (the lowest "
            f"validation log loss) or {format_choices(params.runs)}"
        )


def _check_sweeps(params: Params) -> None:
    for name, sweep in params.sweeps.items():
        where = f"{PARAMS_FILE}: sweeps.{name}"
        if sweep.of not in params.runs:
            raise ParamsError(
                f"{where}.of: no run {sweep.of!r}; expected {format_choices(params.runs)}"
            )
        check_search(sweep, params.run(sweep.of), f"{where}.search")
    check_trial_count(params.sweeps.values())
