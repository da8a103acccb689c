"""Copies that are not byte-identical are found, and different images are not."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from secondlook.artifacts.manifest import ManifestRow
from secondlook.artifacts.schema import ImageArray
from secondlook.data import decoding, idx, near_duplicates
from secondlook.data.near_duplicates import NearDuplicatePair, NearDuplicates
from tests.support.datasets import encode_image, make_preprocess_spec
from tests.support.project import ROOT


def make_rows(split: str, labels: list[str], prefix: str = "") -> list[ManifestRow]:
    """Return rows of images, each with bytes of its own."""
    names = [f"{prefix}{split}/{number}" for number in range(len(labels))]
    return [
        ManifestRow(name, label, split, name) for name, label in zip(names, labels, strict=True)
    ]


def list_ids(found: NearDuplicates) -> list[tuple[str, str]]:
    """Return the ids of the pairs."""
    return [(pair.first.id, pair.second.id) for pair in found.pairs]


def draw_noise(count: int) -> ImageArray:
    """Return images of smooth noise."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 200, (count, 6, 6)).astype(np.uint8)
    small = [Image.fromarray(one) for one in coarse]
    large = [one.resize((24, 24), Image.Resampling.BICUBIC) for one in small]
    return np.stack([np.array(one, np.uint8)[..., None] for one in large])


def brighten(pictures: ImageArray) -> ImageArray:
    """Return the images thirty levels lighter."""
    lighter: ImageArray = np.clip(pictures.astype(int) + 30, 0, 255).astype(np.uint8)
    return lighter


def test_copies_across_splits_and_classes_are_found() -> None:
    """Brightened copies: of one split and class no harm, else a pair, the training image first."""
    train, test = draw_noise(20), draw_noise(22)[20:]
    train[1], train[2] = brighten(train[:1])[0], brighten(train[3:4])[0]
    test[1] = brighten(train[5:6])[0]
    listed = make_rows("train", [*"aaba", *"a" * 16]) + make_rows("test", ["a", "a"])
    found = near_duplicates.find_near_duplicates([train, test], listed)
    assert sorted(list_ids(found)) == [("train/2", "train/3"), ("train/5", "test/1")]
    assert found.complete
    counted = near_duplicates.count_near_duplicates(found)
    assert (counted.pairs, counted.across_splits, counted.label_conflicts) == (2, 1, 1)
    assert counted.judged_and_seen == 1


def test_byte_identical_images_are_no_business_of_it() -> None:
    """The same digest in two splits is told by `split` already."""
    pictures = draw_noise(8)
    listed = make_rows("train", ["a"] * 8)
    copy = listed[3]._replace(id="again", split="test")
    assert (
        list_ids(near_duplicates.find_near_duplicates([pictures, pictures[3:4]], [*listed, copy]))
        == []
    )
    other = copy._replace(digest="encoded again")
    assert list_ids(
        near_duplicates.find_near_duplicates([pictures, pictures[3:4]], [*listed, other])
    ) == [("train/3", "again")]


def test_images_of_one_level_look_like_nothing() -> None:
    """Black and white cards, in both splits, are no pairs, and all of them make no trouble."""
    flat = np.array([0, 0, 255], np.uint8).repeat(64).reshape(3, 8, 8, 1)
    listed = make_rows("train", ["a"] * 3) + make_rows("test", ["a"] * 3)
    found = near_duplicates.find_near_duplicates([flat, flat], listed)
    assert (found.pairs, found.bound, found.complete) == ([], 0, True)


def test_the_search_stops_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred copies some are found, and that there are more is said."""
    monkeypatch.setattr(near_duplicates, "MAX_COMPARED_PIXELS", 1000)
    random = np.random.default_rng(0)
    pictures = np.repeat(draw_noise(1), 100, axis=0) + random.integers(0, 2, (100, 24, 24, 1))
    listed = make_rows("train", [str(number) for number in range(100)])
    found = near_duplicates.find_near_duplicates([pictures.astype(np.uint8)], listed)
    assert not found.complete


def test_the_nearest_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row a pair, no more than the limit, under the names of the columns."""
    monkeypatch.setattr(near_duplicates, "MAX_LISTED_PAIRS", 1)
    first, second = make_rows("train", ["a", "b"])
    found = NearDuplicates(
        [NearDuplicatePair(first, second, 0.001), NearDuplicatePair(second, first, 0.002)],
        0.003,
        True,
    )
    assert list(near_duplicates.list_pair_rows(found)) == [
        {
            "first_id": "train/0",
            "first_label": "a",
            "first_split": "train",
            "second_id": "train/1",
            "second_label": "b",
            "second_split": "train",
            "distance": 0.001,
        }
    ]


def test_real_digits_are_all_different() -> None:
    """1,797 digits of 8 x 8 enlarged, ones all over: none is taken for another's copy."""
    folder = ROOT / "data" / "digits"
    small = idx.read_idx(folder / "digits-images-idx3-ubyte.gz", 3)
    large = np.stack(
        [decoding.decode_pixels(one, make_preprocess_spec(height=28, width=28)) for one in small]
    )
    listed = make_rows("train", ["a"] * 900) + make_rows("test", ["a"] * 897)
    assert list_ids(near_duplicates.find_near_duplicates([large[:900], large[900:]], listed)) == []


def encode_variants(content: bytes) -> dict[str, bytes]:
    """Return a picture encoded again, resized and brightened."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    small = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5))
    return {
        "encoded": encode_image(picture, "JPEG", quality=75),
        "resized": encode_image(small, "PNG"),
        "brightened": encode_image(
            ImageEnhance.Brightness(picture).enhance(1.1), "WEBP", quality=90
        ),
    }


def read_shirts(archive: Path) -> dict[str, bytes]:
    """Return the first 40 photographs of shirts by their names."""
    with tarfile.open(archive) as tar:
        members = [one for one in tar if "train/t-shirt/" in one.name and one.isfile()][:40]
        files = [(one.name, tar.extractfile(one)) for one in members]
        return {name: file.read() for name, file in files if file}


def test_copies_of_real_photographs_are_found(shared_data: Path) -> None:
    """Of 40 shirts, three changes of each of 10: all 30 pairs are found, and nothing else."""
    contents = read_shirts(shared_data / "clothing_small_5.tar")
    copies = {
        f"{name} {kind}": copy
        for name, content in list(contents.items())[:10]
        for kind, copy in encode_variants(content).items()
    }
    size = make_preprocess_spec(height=64, width=64, channels=3)
    originals, others = (
        np.stack([decoding.decode_pixels(content, size) for content in several.values()])
        for several in (contents, copies)
    )
    listed = [ManifestRow(name, "shirt", "train", name) for name in contents]
    listed += [ManifestRow(name, "shirt", "test", name) for name in copies]
    found = near_duplicates.find_near_duplicates([originals, others], listed)
    assert sorted(list_ids(found)) == [(name.rpartition(" ")[0], name) for name in sorted(copies)]
