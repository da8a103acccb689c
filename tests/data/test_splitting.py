"""Images fall where their content says: stable, together with their copies and their group."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.artifacts.manifest import ManifestRow
from secondlook.data.splitting import (
    Item,
    assign_splits,
    choose_split,
    compute_split_keys,
    hash_content,
)
from tests.support.project import make_params

SHARES = make_params(split={"validation": 0.2, "test": 0.3, "seed": 17}).split
CONTENTS = st.lists(st.integers(0, 40).map(str), min_size=1, max_size=60)


def make_items(codes: list[str], split: str | None = None) -> list[Item]:
    """Return an item for each content, labelled with it."""
    return [Item(str(number), code, split) for number, code in enumerate(codes)]


def test_digests_are_sha256_of_bytes_or_of_shape_and_pixels() -> None:
    """A file's digest is the one that sha256sum prints; pixels of another shape differ."""
    assert hash_content(b"abc") == hashlib.sha256(b"abc").hexdigest()
    flat = np.zeros((2, 8), np.uint8)
    assert hash_content(flat) == hashlib.sha256(b"(2, 8)" + bytes(16)).hexdigest()
    assert hash_content(flat) != hash_content(flat.T)


def test_the_draw_is_the_hash_as_a_number() -> None:
    """The first 8 bytes of the hash of `17:a`, as a share of 2^64, decide."""
    number = int(hashlib.sha256(b"17:a").hexdigest()[:16], 16) / 2**64
    assert choose_split("a", 17, 0.0, number + 1e-9) == "test"
    assert choose_split("a", 17, 1e-9, number) == "validation"
    assert choose_split("a", 17, number, 0.0) == "train"


def test_shares_come_out_about_as_asked() -> None:
    """Of 10,000 images 30 % are tests and 20 % validate, within four standard deviations."""
    codes = [str(number) for number in range(10_000)]
    counts = Counter(image.split for image in assign_splits(make_items(codes), codes, SHARES))
    assert counts["test"] == pytest.approx(3_000, abs=4 * 46)
    assert counts["validation"] == pytest.approx(2_000, abs=4 * 40)


@given(old=CONTENTS, new=CONTENTS)
def test_adding_images_moves_none(old: list[str], new: list[str]) -> None:
    """What was placed stays where it was, whatever is added before or after."""
    before = [image.split for image in assign_splits(make_items(old), old, SHARES)]
    after = assign_splits(make_items(new + old + new), new + old + new, SHARES)
    assert [image.split for image in after[len(new) : len(new) + len(old)]] == before


@given(codes=CONTENTS)
def test_identical_images_fall_on_the_same_side(codes: list[str]) -> None:
    """One content, one split."""
    found = {
        (image.digest, image.split) for image in assign_splits(make_items(codes), codes, SHARES)
    }
    assert len(found) == len(set(codes))


def test_another_seed_is_another_split() -> None:
    """The seed is part of what is hashed."""
    codes = [str(number) for number in range(100)]
    other = SHARES.model_copy(update={"seed": 18})
    assert assign_splits(make_items(codes), codes, SHARES) != assign_splits(
        make_items(codes), codes, other
    )


@pytest.mark.parametrize(
    ("given_splits", "drawn_splits"),
    [
        ({"train"}, {"train", "validation", "test"}),
        ({"train", "test"}, {"train", "validation"}),
        ({"train", "validation"}, {"train", "test"}),
        ({"train", "validation", "test"}, {"train"}),
    ],
)
def test_what_is_given_stays_and_the_rest_is_drawn(
    given_splits: set[str], drawn_splits: set[str]
) -> None:
    """Training images, and those of no split, go where no image is given; others stay."""
    codes = [f"{split} {number}" for split in sorted(given_splits) for number in range(100)]
    wanted = [Item(code, "a", code.split()[0]) for code in codes]
    wanted += [Item(f"undeclared {number}", "a") for number in range(100)]
    images = assign_splits(wanted, [item.id for item in wanted], SHARES)
    for origin in given_splits - {"train"}:
        assert {image.split for image in images if image.id.startswith(origin)} == {origin}
    for origin in ("train", "undeclared"):
        found = {image.split for image in images if image.id.startswith(origin)}
        assert found == drawn_splits


def test_a_split_drawn_alone_takes_its_share_of_what_it_is_drawn_from() -> None:
    """With a given test set, validation is 20 % of the training images, not of all."""
    wanted = [Item(str(number), "a", "train") for number in range(10_000)]
    wanted += [Item(f"t{number}", "a", "test") for number in range(10_000)]
    images = assign_splits(wanted, [item.id for item in wanted], SHARES)
    counts = Counter(image.split for image in images)
    assert counts["validation"] == pytest.approx(2_000, abs=4 * 40)
    assert counts["test"] == 10_000


def test_the_key_is_the_digest_or_the_first_of_the_joined_groups() -> None:
    """Ann and Bob share picture y, Bob and Cy picture z, so all theirs hang on Ann.

    So does a copy of y in no group. Dot shares nothing, and v is in no group.
    """
    groups_and_codes = [
        *[("Cy", "z"), ("Bob", "y"), ("Bob", "z"), ("Ann", "x"), ("Ann", "y")],
        *[("Dot", "w"), (None, "y"), (None, "v")],
    ]
    people = [Item(str(n), "a", None, group) for n, (group, _) in enumerate(groups_and_codes)]
    codes = [code for _, code in groups_and_codes]
    assert compute_split_keys(people, codes) == [*["Ann"] * 5, "Dot", "Ann", "v"]


@given(pairs=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 9).map(str)), max_size=40))
def test_no_group_and_no_content_is_torn(pairs: list[tuple[str, str]]) -> None:
    """Images of one group share a key, and so do identical ones."""
    people = [Item(str(n), "a", None, group) for n, (group, _) in enumerate(pairs)]
    found = compute_split_keys(people, [code for _, code in pairs])
    for part in (0, 1):
        together = {(pair[part], key) for pair, key in zip(pairs, found, strict=True)}
        assert len(together) == len({pair[part] for pair in pairs})


def test_a_placed_image_is_a_row_of_the_manifest() -> None:
    """Its cells are the columns, in order; why it was rejected is told elsewhere."""
    cells = ManifestRow("i", "l", "train", "d").to_cells()
    assert list(cells.items()) == [("id", "i"), ("label", "l"), ("split", "train"), ("digest", "d")]
