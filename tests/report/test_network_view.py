"""What is inside the networks, ready to be shown."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.artifacts.layer_artifact import ProbeChange
from secondlook.config.params import Params, load_params
from secondlook.config.training import TrainParams
from secondlook.evaluation import formatting
from secondlook.report import network_view
from secondlook.report.theme import Style
from tests.support import networks

RUNS: dict[str, dict[str, object]] = {
    "a": {"model": "dense"},
    "b": {},
    "c": {},
    "d": {"model": "dense"},
}


def params(runs: dict[str, dict[str, object]]) -> Params:
    """Return the project's parameters with other runs."""
    return load_params().model_copy(update={"runs": runs})


def build_view(gained: int = 30, *, probed: bool = True) -> network_view.NetworkView:
    """Return what is shown of a run that was made up."""
    files.stage_folder("train", "a").mkdir(parents=True)
    networks.write_layer_files("a", networks.make_layer_report(gained, probed=probed))
    return network_view.load_network_view("a", "cnn", Style(0))


def test_the_first_run_of_each_kind_is_shown(project: Path) -> None:
    """The convolutional one stands first; where there is one kind only, it stands alone."""
    assert project == Path.cwd()
    models = get_args(TrainParams.model_fields["model"].annotation)
    assert set(network_view.NETWORK_KINDS) == set(models)
    begun: dict[str, object] = {"model": "pretrained"}
    assert network_view.select_shown_networks(params({"p": begun} | RUNS)) == ["b", "a", "p"]
    assert network_view.select_shown_networks(params(RUNS)) == ["b", "a"]
    assert network_view.select_shown_networks(params({"d": {"model": "dense"}})) == ["d"]


def test_runs_that_left_nothing_are_not_shown(project: Path) -> None:
    """What was trained before there were layer tables is passed over."""
    assert project == Path.cwd()
    build_view()
    shown = network_view.load_network_views(
        params(RUNS), ["a", "b"], {"a": Style(0), "b": Style(1)}
    )
    assert [run.name for run in shown] == ["a"]


def test_a_rise_beyond_chance_is_told_with_its_numbers(project: Path) -> None:
    """From the pixels and from the last layer before the answer, and what was lost between."""
    assert project == Path.cwd()
    [told] = network_view.describe_networks([build_view()])
    for words in ("In a,", "65 % of the images", "784 pixels", "95 %", "40 values of dense_1"):
        assert words in told


@pytest.mark.parametrize("gained", [0, 3])
def test_what_may_be_chance_is_not_told(project: Path, gained: int) -> None:
    """Three images more prove nothing, and no sentence is made of them."""
    assert project == Path.cwd()
    assert list(network_view.describe_networks([build_view(gained)])) == []


def test_a_fall_beyond_chance_is_told_as_such(project: Path) -> None:
    """Where the last layer knows less of the class, that is no success."""
    assert project == Path.cwd()
    [told] = network_view.describe_networks([fallen()])
    assert "what is lost is missed" in told


def fallen() -> network_view.NetworkView:
    """Return what is shown of a run whose probes get worse from layer to layer."""
    shown = build_view(30)
    last = shown.table.layers[-2]
    worse = last.model_copy(update={"change": ProbeChange(gained=0, lost=30, p=1e-9)})
    table = shown.table.model_copy(update={"layers": [*shown.table.layers[:-2], worse, last]})
    return replace(shown, table=table)


def test_without_probes_there_is_a_chart_all_the_same(project: Path) -> None:
    """Too few images leave the bars, and nothing to be said."""
    assert project == Path.cwd()
    shown = build_view(probed=False)
    assert [point.probe for point in shown.points] == [None] * 6
    assert list(network_view.describe_networks([shown])) == []


def test_heights_grow_with_the_logarithm_and_the_accuracy(project: Path) -> None:
    """One value for each of the image's is three fifths up; the axis begins below all intervals."""
    assert project == Path.cwd()
    shown = build_view()
    assert shown.floor == 0.6
    image, convolution = shown.points[:2]
    assert image.bar == pytest.approx(3 / 5)
    assert convolution.bar == pytest.approx((3 + np.log10(26 * 26 * 70 / 784)) / 5)
    assert (image.low, image.probe, image.high) == pytest.approx((0, 0.125, 0.25))


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        (27.592, "27.6 x"),
        (1.02, "1.0 x"),
        (1, "100 %"),
        (0.0816, "8 %"),
        (0.00255, "0.3 %"),
        (0.000407, "0.04 %"),
    ],
)
def test_values_are_counted_as_people_do(kept: float, text: str) -> None:
    """More of them as a multiple, fewer as a share."""
    assert formatting.format_ratio(kept) == text


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("convolution_1", "conv 1"),
        ("expanded_conv_project_BN", "block 0"),
        ("block_12_add", "block 12"),
        ("block_13_project_BN", "block 13"),
        ("expanded_conv_10_add", "block 10"),
        ("block1a_project_activation", "block 1a"),
        ("block6h_add", "block 6h"),
        ("conv3_block4_out", "block 3.4"),
        ("backbone_end", "backbone"),
        ("pooled", "pooled"),
    ],
)
def test_names_of_layers_are_short_on_the_chart(name: str, short: str) -> None:
    """Also those that keras.applications gives to the ends of blocks."""
    assert network_view.build_network_context([])["short_name"](name) == short  # type: ignore[operator]
