"""The preprocess stage writes arrays that match the manifest, and says what it could not read."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import LevelStatistics, load_dataset_card
from secondlook.artifacts.manifest import SPLITS
from secondlook.data import decoding, idx
from stages import preprocess
from tests.support.datasets import (
    TWO_OF_EACH,
    encode_image,
    make_folder_params,
    read_rows,
    run_split_and_preprocess,
    write_class_folders,
    write_idx_pair,
)
from tests.support.project import make_params, unpack_tar


def load_pixels(part: str) -> NDArray[np.uint8]:
    """Return all pictures of a split as one array."""
    return np.asarray(manifest.load_images(part))


def test_arrays_labels_and_list_agree(project: Path) -> None:
    """Row i of the arrays is the picture, and its class, that row i of the list names."""
    config = make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    facts = run_split_and_preprocess(config)
    listed = read_rows("images.csv")
    assert [row["split"] for row in listed] == [part for part in SPLITS for _ in range(4)]
    for part in SPLITS:
        pictures, labels = load_pixels(part), manifest.load_labels(part)
        assert (str(pictures.dtype), str(labels.dtype)) == ("uint8", "int64")
        for row, pixels, label in zip(
            [row for row in listed if row["split"] == part], pictures, labels, strict=True
        ):
            content = (project / "pets" / row["id"]).read_bytes()
            np.testing.assert_array_equal(
                pixels, decoding.decode_pixels(content, config.preprocess)
            )
            assert ["cat", "dog"][label] == row["label"] == row["id"].split("/")[1]
    assert read_rows("rejected.csv") == []
    assert facts["classes"] == ["cat", "dog"]
    assert facts["counts"] == {part: {"cat": 2, "dog": 2} for part in SPLITS}
    assert (facts["shape"], facts["rejected"], facts["name"]) == ([4, 4, 1], 0, "pets")


def test_pixel_statistics_are_those_of_the_training_images(project: Path) -> None:
    """Mean, standard deviation and histogram agree with NumPy's of the whole array."""
    facts = run_split_and_preprocess(
        make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    )
    pixels = load_pixels("train")
    assert facts["pixels"] == {
        "mean": pytest.approx(pixels.mean()),
        "std": pytest.approx(pixels.std()),
        "histogram": np.bincount(pixels.ravel(), minlength=256).tolist(),
    }


def test_the_statistics_of_fashion_mnist_are_the_published_ones(shared_data: Path) -> None:
    """Mean 72.9404 and deviation 90.0212 over the 60,000 training images."""
    pixels = idx.read_idx(shared_data / "fashion-mnist" / "train-images-idx3-ubyte.gz", 3)
    found = LevelStatistics.from_histogram(np.bincount(pixels.ravel(), minlength=256))
    assert found.mean == pytest.approx(72.9404, abs=5e-5)
    assert found.std == pytest.approx(90.0212, abs=5e-5)


def test_what_makes_pictures_and_what_they_are_like_is_told(project: Path) -> None:
    """Facts hold the section `preprocess` as it was used, and features of the training pictures."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    (root / "train" / "cat" / "wide.png").write_bytes(encode_image(Image.new("L", (16, 4), 99)))
    config = make_folder_params(root)
    told = run_split_and_preprocess(config)["pictures"]
    known = load_dataset_card()
    assert known.preparation.model_dump() == config.preprocess.model_dump(exclude={"shard_bytes"})
    assert known.model_dump() == files.read_json(files.stage_folder("preprocess") / "facts.json")
    means = load_pixels("train").mean(axis=(1, 2, 3))
    brightness = told["features"]["brightness"]
    assert brightness["values"] == pytest.approx(np.unique(means.round(4)).tolist(), abs=1e-3)
    assert brightness["shares"][-1] == 1
    assert told["features"]["aspect"]["values"] == [0, 2]
    assert told["mean"] == pytest.approx(load_pixels("train").mean(axis=0).ravel(), abs=0.01)
    assert told["unusual"] == 0


def test_levels_are_told_split_by_split(project: Path) -> None:
    """A split that is lighter is seen to be."""
    facts = run_split_and_preprocess(
        make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    )
    for part in SPLITS:
        pixels = load_pixels(part)
        found = {"mean": pytest.approx(pixels.mean()), "std": pytest.approx(pixels.std())}
        assert facts["levels"][part] == found


def draw_noise(seed: int) -> Image.Image:
    """Return a picture of 16 x 16 grey pixels unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 200, (16, 16))
    return Image.fromarray(pixels.astype(np.uint8))


def test_copies_and_lookalikes_are_counted_and_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy in test, one of another class, and a training image made lighter for validation."""
    root, cat = write_class_folders(project / "pets", TWO_OF_EACH), "train/cat/7.png"
    for seed, name in enumerate((cat, "train/dog/8.png", "train/dog/9.png")):
        (root / name).write_bytes(encode_image(draw_noise(seed)))
    shutil.copy(root / "train/dog/8.png", root / "test/dog/8.png")
    shutil.copy(root / "train/dog/9.png", root / "train/cat/9.png")
    lighter = draw_noise(0).point(lambda level: level + 40)
    (root / "validation/cat/7.png").write_bytes(encode_image(lighter))
    facts = run_split_and_preprocess(make_folder_params(root, height=16, width=16))
    assert facts["copies"] == {"duplicates": 0, "label_conflicts": 2, "across_splits": 2}
    assert {cat, "validation/cat/7.png"} in [
        {row["first_id"], row["second_id"]} for row in read_rows("lookalikes.csv")
    ]
    assert facts["alike"]["pairs"] == len(read_rows("lookalikes.csv"))
    told = f"{facts['alike']['pairs']} pairs in different splits or classes look the same"
    assert told in capsys.readouterr().out


def test_the_positive_class_comes_last(project: Path) -> None:
    """Label 1 is the class that is asked about, whatever the alphabet says."""
    facts = run_split_and_preprocess(
        make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH), "cat")
    )
    assert (facts["classes"], facts["positive"]) == (["not cat", "cat"], "cat")
    labels = [row["label"] for row in read_rows("images.csv") if row["split"] == "test"]
    assert manifest.load_labels("test").tolist() == [int(label == "cat") for label in labels]


def read_outputs() -> dict[str, bytes]:
    """Return the bytes of every file of the output."""
    return {path.name: path.read_bytes() for path in files.stage_folder("preprocess").iterdir()}


def test_the_same_again_is_the_same_bytes(project: Path) -> None:
    """All files are byte-identical when they are made again, twelve of them shards."""
    config = make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    run_split_and_preprocess(config)
    first = read_outputs()
    preprocess.run(config)
    assert read_outputs() == first
    assert len(first) == 19


def test_the_digest_knows_pixels_classes_and_question(project: Path) -> None:
    """Another size, another name of a class, another question: each is other data."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    digests = [
        run_split_and_preprocess(make_folder_params(root))["digest"],
        run_split_and_preprocess(make_folder_params(root, width=5))["digest"],
        run_split_and_preprocess(make_folder_params(root, "dog"))["digest"],
    ]
    for part in SPLITS:
        (root / part / "dog").rename(root / part / "eel")
    digests.append(run_split_and_preprocess(make_folder_params(root))["digest"])
    assert len(set(digests)) == 4
    assert run_split_and_preprocess(make_folder_params(root))["digest"] == digests[-1]


def test_idx_images_go_through_unchanged(project: Path) -> None:
    """Pixels of 2 x 3 asked for as 2 x 3 are those of the file, transposed if so asked."""
    for part in SPLITS:
        write_idx_pair(project / "data", f"{part}-{{}}", [0, 1])
    spec = {"height": 3, "width": 2, "channels": 1}
    run_split_and_preprocess(
        make_params(data={"path": "data", "positive": None, "transpose": True}, preprocess=spec)
    )
    assert manifest.load_images("test")[1][:, :, 0].tolist() == [[1, 4], [2, 5], [3, 6]]


def test_photographs_of_five_classes(project: Path, shared_data: Path) -> None:
    """The real clothing folders: every photograph is read, and the splits stay as given."""
    unpack_tar(shared_data / "clothing_small_5.tar", project)
    facts = run_split_and_preprocess(
        make_folder_params(project / "clothing_small_5", height=24, width=24, channels=3)
    )
    assert facts["rejected"] == 0
    assert {part: sum(counts.values()) for part, counts in facts["counts"].items()} == {
        "train": 1412,
        "validation": 157,
        "test": 187,
    }
