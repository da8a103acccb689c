"""What must hold between the sections of params.yaml."""

from typing import TYPE_CHECKING

from stages.core.errors import ParamsError
from stages.core.validation import FILE, one_of

if TYPE_CHECKING:
    from stages.core.params import Params


def check(params: "Params") -> None:
    """Raise ParamsError for the first thing that does not fit another."""
    for name in params.runs:
        _check_size(params, name)
        _check_weights(params, name)
    _check_relations(params)


def _check_size(params: "Params", name: str) -> None:
    """Refuse images that a run's convolutions and poolings would shrink to nothing."""
    train, image, smallest = params.run(name), params.preprocess, 1
    kernel = train.kernel_size
    if train.model != "cnn":
        return
    for _ in train.filters:
        smallest = 2 * smallest + kernel - 1
    if min(image.height, image.width) < smallest:
        raise ParamsError(
            f"{FILE}: preprocess: {image.height} x {image.width} pixels are too few for "
            f"run {name}: {len(train.filters)} convolutions of {kernel} x {kernel} with pooling "
            f"need at least {smallest} x {smallest}; enlarge the images or shorten filters"
        )


def _check_weights(params: "Params", name: str) -> None:
    """Where the question names both classes, refuse weights for others; `train` does the rest."""
    weights, positive = params.run(name).class_weight, params.data.positive
    if isinstance(weights, dict) and positive and set(weights) != {positive, f"not {positive}"}:
        found = ", ".join(map(repr, weights))
        raise ParamsError(
            f"{FILE}: runs.{name}: class_weight: found weights for {found}; "
            f"expected one for {positive!r} and one for 'not {positive}' (data.positive)"
        )


def _check_relations(params: "Params") -> None:
    held_out = params.split.validation + params.split.test
    if held_out >= 1:
        raise ParamsError(f"{FILE}: split: validation + test is {held_out:g}; expected below 1")
    if params.data.source != "idx" and (params.data.class_names or params.data.transpose):
        raise ParamsError(
            f"{FILE}: data: class_names and transpose are for source idx alone; expected null and "
            f"false with source {params.data.source}"
        )
    if params.report.reference not in params.runs:
        raise ParamsError(
            f"{FILE}: report.reference: found {params.report.reference!r}; "
            f"expected {one_of(params.runs)}"
        )
    if params.retrain.run is not None and params.retrain.run not in params.runs:
        raise ParamsError(
            f"{FILE}: retrain.run: found {params.retrain.run!r}; expected null (the lowest "
            f"validation log loss) or {one_of(params.runs)}"
        )
