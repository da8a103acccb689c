"""Pictures in several files are read as one array, and cut where few change when one is added."""

from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from secondlook.artifacts.image_shards import (
    ArrayWriter,
    ImageShards,
    count_shard_images,
    cut_shards,
    load_shards,
)
from secondlook.config.errors import DataError
from secondlook.data.splitting import hash_content

pytestmark = pytest.mark.usefixtures("project")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each file is written anew
@given(rows=arrays(np.uint8, st.tuples(st.integers(0, 12), *[st.integers(1, 3)] * 3)))
def test_arrays_written_row_by_row_are_npy_files(rows: NDArray[np.uint8]) -> None:
    """NumPy reads, also as a memory map, what was appended, whatever the number of rows."""
    with ArrayWriter(Path("a.npy"), rows.shape[1:]) as writer:
        for row in rows:
            writer.append(row)
    np.testing.assert_array_equal(np.load("a.npy"), rows)
    np.testing.assert_array_equal(np.load("a.npy", mmap_mode="r" if rows.size else None), rows)


def test_the_header_grows_with_the_rows() -> None:
    """Ten thousand rows need more digits than none, and the data still begin where they did."""
    with ArrayWriter(Path("a.npy"), (1, 1, 1)) as writer:
        for number in range(10_000):
            writer.append(np.full((1, 1, 1), number % 251, np.uint8))
    np.testing.assert_array_equal(np.load("a.npy").ravel(), np.arange(10_000) % 251)


def split_rows(pictures: NDArray[np.uint8], cuts: list[int]) -> ImageShards:
    """Return pictures in parts that begin at these places; none is empty."""
    places = sorted({cut % len(pictures) for cut in cuts} - {0})
    return ImageShards(np.split(pictures, places))


@given(st.lists(st.integers(0, 11), max_size=5), st.data())
def test_parts_are_cut_like_one_array(cuts: list[int], data: st.DataObject) -> None:
    """By number, slice and places in any order, and gone through, they are the whole."""
    whole = np.arange(12 * 6).astype(np.uint8).reshape(12, 2, 3, 1)
    parts = split_rows(whole, cuts)
    number = data.draw(st.integers(-12, 11))
    piece = data.draw(st.slices(12))
    places = np.array(data.draw(st.lists(st.integers(-12, 11))), np.int64)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=12, max_size=12)))
    np.testing.assert_array_equal(parts[mask], whole[mask])
    assert (len(parts), parts.shape) == (12, whole.shape)
    np.testing.assert_array_equal(parts[number], whole[number])
    np.testing.assert_array_equal(parts[piece], whole[piece])
    np.testing.assert_array_equal(parts[places], whole[places])
    np.testing.assert_array_equal(np.stack(list(parts)), whole)
    np.testing.assert_array_equal(np.asarray(parts), whole)


def test_what_is_announced_is_what_is_asked_for(project: Path) -> None:
    """Pictures that follow each other at once, whole pages of the right file, never beyond it."""
    np.save(project / "test-00000.npy", np.zeros((5, 40, 50, 3), np.uint8))
    np.save(project / "test-00001.npy", np.zeros((5, 40, 50, 3), np.uint8))
    parts = load_shards(project, "test")
    with mock.patch("secondlook.artifacts.image_shards._advise") as advised:
        parts.read_ahead(np.array([0, 2, 3, 4, 5, 6, 9]))
    told = [call.args for call in advised.mock_calls]
    assert [(part is parts.parts[1], first, count) for part, first, count in told] == [
        (False, 0, 1),
        (False, 2, 3),
        (True, 0, 2),
        (True, 4, 1),
    ]
    parts.read_ahead(np.arange(10))  # the system takes it


def test_a_place_behind_the_last_is_refused() -> None:
    """As with an array: no other picture is given instead."""
    parts = split_rows(np.zeros((4, 1, 1, 1), np.uint8), [2])
    with pytest.raises(IndexError):
        parts[4]
    with pytest.raises(IndexError):
        parts[np.array([4])]


def test_files_are_read_in_order_of_their_numbers(project: Path) -> None:
    """A hundred thousand is read behind the second; labels and other splits are none of it."""
    for number, level in ((0, 7), (1, 8), (100_000, 10), (99_999, 9)):
        np.save(project / f"test-{number:05}.npy", np.full((1, 1, 1, 1), level, np.uint8))
    np.save(project / "test.labels.npy", np.zeros(3))
    assert np.asarray(load_shards(project, "test")).ravel().tolist() == [7, 8, 9, 10]
    with pytest.raises(DataError, match=r"train-00000\.npy: no such file; run `dvc repro`"):
        load_shards(project, "train")


class Row(NamedTuple):
    """An image of which only the digest counts."""

    digest: str


def make_rows(count: int, start: int = 0) -> list[Row]:
    """Return images with the digests of numbers."""
    return [Row(hash_content(str(number).encode())) for number in range(start, start + count)]


def test_few_images_are_one_group() -> None:
    """As many as fit are not cut; one more is."""
    assert len(list(cut_shards(make_rows(100), 100, 100))) == 1
    assert len(list(cut_shards(make_rows(101), 101, 100))) > 1


@given(st.integers(0, 300), st.integers(1, 40))
def test_groups_are_all_rows_in_order_and_none_too_large(count: int, at_most: int) -> None:
    """Whatever the sizes, nothing is lost, and none but the last is below a quarter."""
    rows = make_rows(count)
    groups = list(cut_shards(rows, count, at_most))
    assert [row for group in groups for row in group] == rows
    assert all(at_most // 4 < len(group) <= at_most for group in groups[:-1])


def test_one_more_image_changes_few_groups() -> None:
    """Wherever one of 4,000 is put in, few of some sixty groups are others."""
    rows, new, changed = make_rows(4000), make_rows(1, 10**6), []
    before = {tuple(group) for group in cut_shards(rows, len(rows), 100)}
    for place in range(0, 4001, 50):
        more = rows[:place] + new + rows[place:]
        changed.append(sum(tuple(g) not in before for g in cut_shards(more, len(more), 100)))
    assert len(before) > 50
    assert np.mean(changed) < 3
    assert np.median(changed) <= 2


def test_a_shard_has_as_many_images_as_fit() -> None:
    """One at least, and not so many that their rows fill the memory."""
    assert count_shard_images(1000, (10, 10, 3)) == 3
    assert count_shard_images(1, (10, 10, 3)) == 1
    assert count_shard_images(2**30, (1, 1, 1)) == 2**16
