"""The typed mirror of params.yaml: strict, so that a mistake is told before any work starts."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from stages.core import consistency
from stages.core.errors import ParamsError
from stages.core.policy import Retrain, Share, Text
from stages.core.validation import FILE, Section, one_of, read, validated


def _class_name(value: object) -> object:
    """YAML reads 8 as a number; as the name of a class it can only mean "8"."""
    return str(value) if type(value) is int else value


def _class_weight(value: object) -> object:
    """Accept null, balanced, or a mapping of class names to weights above 0."""
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError("null, balanced, or a mapping of every class name to its weight")
    weights = {_class_name(name): weight for name, weight in value.items()}
    for name, weight in weights.items():
        if not isinstance(name, str):
            raise ValueError(f"class names as text (put {name} in quotes)")  # noqa: TRY004
        if type(weight) not in (int, float) or not 0 < weight < float("inf"):
            raise ValueError(f"a finite weight above 0 for class {name}")
    return {name: float(weight) for name, weight in weights.items()}


def _operating_point(value: object) -> object:
    """Accept default, best_f1, {recall: share} or {precision: share} as a rule and its target."""
    if isinstance(value, str) and value in ("default", "best_f1"):
        return {"rule": value, "target": None}
    if isinstance(value, dict) and len(value) == 1:
        [(rule, target)] = value.items()
        if rule in ("recall", "precision") and type(target) in (int, float) and 0 < target <= 1:
            return {"rule": rule, "target": float(target)}
    raise ValueError("default, best_f1, {recall: above 0, to 1} or {precision: above 0, to 1}")


ClassName = Annotated[Text, BeforeValidator(_class_name)]
ClassWeight = Annotated[
    Literal["balanced"] | dict[str, float] | None, BeforeValidator(_class_weight)
]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
HalfFraction = Annotated[float, Field(ge=0, le=0.5)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Pixels = Annotated[int, Field(ge=1, le=4096)]
Positive = Annotated[int, Field(ge=1)]


class Data(Section):
    """Where the images come from, and the question asked of them."""

    source: Literal["idx", "folder", "csv"]
    path: Text
    positive: ClassName | None
    class_names: Text | None
    transpose: bool


class Split(Section):
    """Shares of all images (0..1) for validation and test, and the seed of the hash."""

    validation: OpenFraction
    test: OpenFraction
    seed: Seed


class Preprocess(Section):
    """What every image is turned into: height x width x channels, uint8."""

    height: Pixels
    width: Pixels
    channels: Literal[1, 3]
    resize: Literal["stretch", "pad", "crop"]
    background: Literal["black", "white"]
    contrast: Literal["stretch", "equalize"] | None
    max_rejected_fraction: Share


class EarlyStopping(Section):
    """Stop after `patience` epochs without gain in `monitor`; keep the best epoch's weights."""

    monitor: Literal[
        "validation/loss", "validation/accuracy", "validation/precision", "validation/recall"
    ]
    patience: Positive


class Augment(Section):
    """Random changes of training images, as shares: of a turn, of the side, of the size."""

    rotation: HalfFraction
    shift: HalfFraction
    zoom: HalfFraction
    flip: bool


class Train(Section):
    """What determines one run, besides the data."""

    model: Literal["cnn", "dense"]
    filters: Annotated[list[Positive], Field(min_length=1)]
    kernel_size: Positive
    dense_units: list[Positive]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    l2: Annotated[float, Field(ge=0)]
    epochs: Positive
    batch_size: Positive
    optimizer: Literal["adam", "sgd", "rmsprop"]
    learning_rate: Annotated[float, Field(gt=0)]
    class_weight: ClassWeight
    early_stopping: EarlyStopping | None
    augment: Augment | None
    precision: Literal["float32", "mixed_bfloat16"]
    seed: Seed


class SharedTrain(Train):
    """The section `train`: what runs share, and what changes none of them."""

    checkpoint_seconds: Annotated[float, Field(ge=0)]


class OperatingPoint(Section):
    """The rule that chooses a threshold on validation; recall and precision reach a target."""

    rule: Literal["default", "best_f1", "recall", "precision"]
    target: Share | None


class Evaluate(Section):
    """How predictions become numbers."""

    curve_points: Annotated[int, Field(ge=10)]
    operating_point: Annotated[OperatingPoint, BeforeValidator(_operating_point)]
    seed: Seed


class Compare(Section):
    """How runs are held against each other, and how many images show their mistakes."""

    seed: Seed
    images: Positive


class Report(Section):
    """What the page compares with what."""

    reference: Text


class Track(Section):
    """Where MLflow files the runs, and after how many seconds a training shows itself."""

    experiment: Text | None
    live_after: Annotated[float, Field(ge=0)]


RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class Params(Section):
    """All of params.yaml; `runs` maps a name to its changes to `train`."""

    data: Data
    split: Split
    preprocess: Preprocess
    train: SharedTrain
    runs: Annotated[dict[RunName, dict[str, Any]], Field(min_length=1)]
    evaluate: Evaluate
    compare: Compare
    report: Report
    track: Track
    retrain: Retrain

    def run(self, name: str) -> Train:
        """Return the effective parameters of one run: `train` with the entry's changes on top.

        Raises ParamsError when there is no such run, or when a change makes no sense.
        """
        if name not in self.runs:
            raise ParamsError(f"{FILE}: runs: no run {name!r}; expected {one_of(self.runs)}")
        merged = self.train.model_dump(include=set(Train.model_fields)) | self.runs[name]
        return validated(Train, merged, prefix=("runs", name))


def load(path: Path = FILE) -> Params:
    """Read and check params.yaml, every run included.

    Raises ParamsError, one line naming the file and the key, for whatever is wrong with it.
    """
    params = validated(Params, read(path))
    consistency.check(params)
    return params
