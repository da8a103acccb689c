"""The section `train` of params.yaml: what determines a run, besides the data."""

from typing import Annotated, Literal

from pydantic import Field

from secondlook.config.yaml_schema import (
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
    erasing: of the pictures, which lose a rectangle.
    """

    rotation: HalfFraction
    shift: HalfFraction
    zoom: HalfFraction
    flip: bool
    brightness: HalfFraction = make_optional(0.0)
    contrast: HalfFraction = make_optional(0.0)
    erasing: Fraction = make_optional(0.0)


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


class TrainParams(ParamsSection):
    """What determines one run, besides the data.

    A key that may be left out is for entries of `runs` alone: there dvc sees it come and go. A
    key of `train` it can only see where dvc.yaml names it and every params.yaml has it.
    """

    model: Literal["cnn", "dense"]
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


# What a run has that does not tell of the key: run.json leaves it out then.
OPTIONAL_DEFAULTS = {
    key: field.default for key, field in TrainParams.model_fields.items() if not field.is_required()
}


class SharedTrainParams(TrainParams):
    """The section `train`: what runs share, and what changes none of them."""

    checkpoint_seconds: Annotated[float, Field(ge=0)]
