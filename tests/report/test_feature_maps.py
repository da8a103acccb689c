"""What layers make of one image, as pictures."""

from pathlib import Path

import numpy as np

from secondlook.artifacts import files
from secondlook.artifacts.layer_artifact import LayerActivation
from secondlook.report import feature_maps
from tests.support import networks


def test_maps_are_told_with_their_size_and_scale() -> None:
    """How many of how many, how large, and what white means."""
    convolution, _, dense = map(feature_maps.draw_feature_maps, networks.make_activations().steps)
    assert convolution.description == "the first 64 of 70 maps of 26 x 26; black is 0, white 1.5"
    assert dense.description == "40 values; black is 0, white 0"
    assert convolution.picture.width == 8 * 52 + 7 * 2  # each pixel two by two, and gaps


def test_a_mosaic_has_a_grey_pixel_between_its_pictures() -> None:
    """Row by row; what is left of the last row is grey."""
    tiles = np.arange(3, dtype=np.uint8).repeat(4).reshape(3, 2, 2)
    grey = feature_maps.MOSAIC_GREY
    expected = [
        *([[0, 0, grey, 1, 1]] * 2),
        [grey] * 5,
        *([[2, 2, grey, grey, grey]] * 2),
    ]
    np.testing.assert_array_equal(feature_maps.build_mosaic(tiles, 2, 1), expected)
    np.testing.assert_array_equal(
        feature_maps.build_mosaic(tiles[:, :1], 3, 0), [[0, 0, 1, 1, 2, 2]]
    )


def test_the_answer_is_told_by_its_most_probable_classes() -> None:
    """The highest first, and no more than asked for."""
    found = networks.make_activations()
    assert feature_maps.list_top_classes(found, ["not 8", "8"]) == {"8": 0.75, "not 8": 0.25}
    assert list(feature_maps.list_top_classes(found, ["not 8", "8"], 1)) == ["8"]


def test_a_run_has_an_example_or_none(project: Path) -> None:
    """What was trained before there were examples is passed over."""
    assert project == Path.cwd()
    files.stage_folder("train", "a").mkdir(parents=True)
    networks.write_layer_files("a", networks.make_layer_report())
    found = feature_maps.load_example("a")
    assert found is not None
    assert [title.partition(":")[0] for title, _ in feature_maps.list_layer_images(found)] == [
        *("image", "convolution_1", "pooling_1", "dense_1")
    ]
    assert feature_maps.load_example("b") is None


def make_steps(*shapes: tuple[int, ...]) -> list[LayerActivation]:
    """Return layers of such shapes, named by their place."""
    return [
        LayerActivation(str(i), np.zeros(shape, np.uint8), 1.0, shape[-1])
        for i, shape in enumerate(shapes)
    ]


def test_of_many_layers_the_last_of_each_size_is_drawn() -> None:
    """As the ends of blocks of a pretrained network; of few layers all are."""
    sides = [48, 24, 24, 12, 12, 12, *[6] * 7, *[3] * 5]
    deep = make_steps(*((side, side, 8) for side in sides), (1280,), (64,))
    drawn = feature_maps.select_drawn_layers(deep)
    assert [step.name for step in drawn] == ["0", "2", "5", "12", "17", "18", "19"]
    few = make_steps((6, 6, 8), (6, 6, 8), (10,))
    assert feature_maps.select_drawn_layers(few) == few


def test_layers_of_many_sizes_are_drawn_in_even_steps() -> None:
    """At most so many, the first and the last among them."""
    deep = make_steps(*((side, side, 8) for side in range(40, 0, -1)))
    drawn = [step.name for step in feature_maps.select_drawn_layers(deep)]
    assert (len(drawn), drawn[0], drawn[-1]) == (feature_maps.MAX_DRAWN_LAYERS, "0", "39")
