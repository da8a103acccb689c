"""The section `train` of params.yaml: what determines a run, besides the data."""

from typing import Annotated, Literal

from pydantic import Field

from secondlook.config.yaml_schema import (
    ClassWeight,
    HalfFraction,
    ParamsSection,
    PositiveCount,
    Seed,
    parse_choice,
)


class EarlyStoppingParams(ParamsSection):
    """Stop after `patience` epochs without gain in `monitor`; keep the best epoch's weights."""

    monitor: Literal[
        "validation/loss", "validation/accuracy", "validation/precision", "validation/recall"
    ]
    patience: PositiveCount


class AugmentParams(ParamsSection):
    """Random changes of training images, as shares: of a turn, of the side, of the size."""

    rotation: HalfFraction
    shift: HalfFraction
    zoom: HalfFraction
    flip: bool


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


class TrainParams(ParamsSection):
    """What determines one run, besides the data."""

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


class SharedTrainParams(TrainParams):
    """The section `train`: what runs share, and what changes none of them."""

    checkpoint_seconds: Annotated[float, Field(ge=0)]
