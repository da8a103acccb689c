"""The section `train` of params.yaml: what determines a run, besides the data."""

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from secondlook.config.errors import ParamsError
from secondlook.config.yaml_schema import (
    PARAMS_FILE,
    ClassWeight,
    Fraction,
    HalfFraction,
    ParamsSection,
    PositiveCount,
    Seed,
    make_optional,
    parse_choice,
)


class EarlyStoppingParams(ParamsSection):
    """Stop after `patience` epochs without gain in `monitor`; keep the best epoch's weights."""

    monitor: Literal[
        "validation/loss", "validation/accuracy", "validation/precision", "validation/recall"
    ]
    patience: PositiveCount


class AugmentParams(ParamsSection):
    """Random changes of training images, as shares: of a turn, of the side, of the size.

    brightness: of the range of levels; contrast: of a level's distance from the picture's mean;
    erasing: of the pictures, which lose a rectangle. mixup: no share, but the alpha of the Beta
    distribution that two mixed images' shares are drawn from.
    """

    rotation: HalfFraction
    shift: HalfFraction
    zoom: HalfFraction
    flip: bool
    brightness: HalfFraction = make_optional(0.0)
    contrast: HalfFraction = make_optional(0.0)
    erasing: Fraction = make_optional(0.0)
    mixup: Annotated[float, Field(ge=0)] = make_optional(0.0)


class WeightDecayParams(ParamsSection):
    """The share of each kernel, times the learning rate, that every step takes away."""

    weight_decay: Annotated[float, Field(gt=0)]


class AdamWParams(ParamsSection):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    adamw: WeightDecayParams


Optimizer = Annotated[
    Literal["adam", "sgd", "rmsprop"] | AdamWParams,
    parse_choice(
        ("adam", "sgd", "rmsprop"),
        AdamWParams,
        "adam, sgd, rmsprop or {adamw: {weight_decay: above 0}}",
    ),
]


class WarmupParams(ParamsSection):
    """Epochs in which the learning rate rises from 0 to what it is set to."""

    warmup: Annotated[int, Field(ge=0)]


class CosineParams(ParamsSection):
    """Half a cosine from the learning rate to 0, over the epochs allowed (L & H 2017)."""

    cosine: WarmupParams


LearningRateSchedule = Annotated[
    CosineParams | None,
    parse_choice((None,), CosineParams, "null or {cosine: {warmup: epochs, 0 or more}}"),
]


class GammaParams(ParamsSection):
    """How much an image counts less, the surer its true class is."""

    gamma: Annotated[float, Field(gt=0)]


class FocalParams(ParamsSection):
    """Cross-entropy times (1 - p) ** gamma (Lin and others 2017); its alpha is class_weight."""

    focal: GammaParams


Loss = Annotated[
    Literal["cross_entropy"] | FocalParams,
    parse_choice(("cross_entropy",), FocalParams, "cross_entropy or {focal: {gamma: above 0}}"),
]


BackboneName = Literal["mobilenet_v2", "mobilenet_v3_small", "efficientnet_v2_b0", "resnet50_v2"]
BACKBONE_NAMES: tuple[str, ...] = get_args(BackboneName)
BLOCK_COUNTS: dict[BackboneName, int] = {
    "mobilenet_v2": 17,
    "mobilenet_v3_small": 11,
    "efficientnet_v2_b0": 21,
    "resnet50_v2": 16,
}
SMALLEST_SIDE = 32  # pixels: below that Keras builds none of them


def _check_sha256(value: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError("64 hexadecimal digits, as `secondlook weights` prints them")
    return value


def _check_blocks(value: object) -> object:
    if value != "all" and not (type(value) is int and value >= 1):
        raise ValueError("1 or more (blocks from the end) or all")
    return value


class BackboneParams(ParamsSection):
    """A network of keras.applications, and the digest of the file of weights it starts from."""

    name: BackboneName
    sha256: Annotated[str, AfterValidator(_check_sha256)]


class FineTuneParams(ParamsSection):
    """What comes after the head alone: so many epochs at this rate for the last blocks, too."""

    epochs: PositiveCount
    learning_rate: Annotated[float, Field(gt=0)]
    blocks: Annotated[int | Literal["all"], BeforeValidator(_check_blocks)]


class TrainParams(ParamsSection):
    """What determines one run, besides the data.

    A key that may be left out is for entries of `runs` alone: there dvc sees it come and go. A
    key of `train` it can only see where dvc.yaml names it and every params.yaml has it.
    """

    model: Literal["cnn", "dense", "pretrained"]
    filters: Annotated[list[PositiveCount], Field(min_length=1)]
    kernel_size: PositiveCount
    dense_units: list[PositiveCount]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    l2: Annotated[float, Field(ge=0)]
    epochs: PositiveCount
    batch_size: PositiveCount
    optimizer: Optimizer
    learning_rate: Annotated[float, Field(gt=0)]
    class_weight: ClassWeight
    early_stopping: EarlyStoppingParams | None
    augment: AugmentParams | None
    precision: Literal["float32", "mixed_bfloat16"]
    seed: Seed
    learning_rate_schedule: LearningRateSchedule = make_optional(None)
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = make_optional(0.0)
    loss: Loss = make_optional("cross_entropy")
    backbone: BackboneParams | None = make_optional(None)
    fine_tune: FineTuneParams | None = make_optional(None)
    shuffle_window: PositiveCount | None = make_optional(None)


# What a run has that does not tell of the key: run.json leaves it out then.
OPTIONAL_DEFAULTS = {
    key: field.default for key, field in TrainParams.model_fields.items() if not field.is_required()
}


class SharedTrainParams(TrainParams):
    """The section `train`: what runs share, and what changes none of them."""

    checkpoint_seconds: Annotated[float, Field(ge=0)]


def check_phases(train: TrainParams, where: str) -> None:
    """Refuse a learning rate that would still rise when a phase of the training ends."""
    schedule = train.learning_rate_schedule
    phases = {"epochs": train, "fine_tune.epochs": train.fine_tune}
    for key, phase in phases.items():
        if schedule is not None and phase is not None and schedule.cosine.warmup >= phase.epochs:
            raise ParamsError(
                f"{where}: learning_rate_schedule: found warmup {schedule.cosine.warmup} of "
                f"{phase.epochs} epochs; expected less than {key}"
            )


def check_image_size(train: TrainParams, where: str, sides: tuple[int, int]) -> None:
    """Refuse images (height, width in pixels) that convolutions and poolings shrink to nothing."""
    smallest = 1
    if train.model != "cnn":
        return
    for _ in train.filters:
        smallest = 2 * smallest + train.kernel_size - 1
    if min(sides) < smallest:
        raise ParamsError(
            f"{PARAMS_FILE}: preprocess: {sides[0]} x {sides[1]} pixels are too few for "
            f"{where.removeprefix(f'{PARAMS_FILE}: ')}: {len(train.filters)} convolutions of "
            f"{train.kernel_size} x {train.kernel_size} with pooling need at least {smallest} x "
            f"{smallest}; enlarge the images or shorten filters"
        )


def check_backbone(train: TrainParams, where: str, sides: tuple[int, int], channels: int) -> None:
    """Refuse a run that has only half of what a pretrained network needs, or images too small.

    sides: height and width of the images in pixels.
    """
    if train.model != "pretrained":
        if told := [key for key in ("backbone", "fine_tune") if getattr(train, key) is not None]:
            raise ParamsError(
                f"{where}: {told[0]}: found one with model {train.model}; expected model "
                f"pretrained; add it, or take {told[0]} away"
            )
        return
    if train.backbone is None:
        raise ParamsError(
            f"{where}: backbone: missing with model pretrained; expected {{name: "
            f"{BACKBONE_NAMES[0]}, sha256: ...}}; `secondlook weights NAME` says what to write"
        )
    name, tuned = train.backbone.name, train.fine_tune
    if tuned is not None and tuned.blocks != "all" and tuned.blocks > BLOCK_COUNTS[name]:
        raise ParamsError(
            f"{where}: fine_tune: found {tuned.blocks} blocks; expected 1 to {BLOCK_COUNTS[name]}, "
            f"as many as {name} has, or all"
        )
    if min(sides) < SMALLEST_SIDE or channels != 3:
        raise ParamsError(
            f"{PARAMS_FILE}: preprocess: found {sides[0]} x {sides[1]} pixels of {channels} "
            f"channel{'s' if channels != 1 else ''}; {name} ({where}) expects at "
            f"least {SMALLEST_SIDE} x {SMALLEST_SIDE} of 3; set height and width (96 or more is "
            "better) and channels: 3"
        )
