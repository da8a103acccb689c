"""The section `retrain` of params.yaml: what a scheduler does, and what may go into service."""

from typing import Annotated, Literal

from pydantic import Field

from secondlook.config.yaml_schema import (
    Fraction,
    NonEmptyText,
    ParamsSection,
    PositiveCount,
    make_optional,
)

GateMetric = Literal["accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1"]
LOSS_METRIC = "log_loss"  # the one metric that is better when it is lower


class GateParams(ParamsSection):
    """What a challenger must reach on today's test images to take the champion's place.

    floors: the least it needs, whatever the champion has; metric, min_gain: it must be better at
    the point estimate, and the lower end of the 95 % interval of the gain above min_gain;
    max_class_recall_drop: no class may lose more than that for certain.
    """

    floors: dict[GateMetric, Fraction]
    metric: GateMetric | Literal["log_loss"]
    min_gain: Annotated[float, Field(ge=-1, le=1)]
    max_class_recall_drop: Fraction


class DataLimits(ParamsSection):
    """How far data may be from those of the champion to be trained on; null: as far as it likes."""

    class_share: Fraction | None
    rejected: Fraction | None
    removed: Fraction | None
    duplicates: Fraction | None
    label_conflicts: Fraction | None
    pixel_mean: Annotated[float, Field(ge=0, le=255)] | None
    pixel_std: Annotated[float, Field(ge=0, le=255)] | None
    label_agreement: Fraction | None


class RetrainParams(ParamsSection):
    """What `secondlook retrain` runs before and after, which run challenges, and who decides.

    jobs: how many runs are trained at once, by `secondlook repro`; None: by `dvc repro`.
    """

    run: NonEmptyText | None
    fetch: NonEmptyText | None
    notify: NonEmptyText | None
    gate: GateParams
    data_limits: DataLimits
    jobs: PositiveCount | None = make_optional(None)
