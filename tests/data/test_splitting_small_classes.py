"""Every class is in every split, also where a hash alone would leave one out; and stays there."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.artifacts.manifest import SPLITS, ManifestRow
from secondlook.config.errors import DataError
from secondlook.config.params import SplitParams
from secondlook.data.splitting import Item, assign_splits, choose_split, list_moved
from stages import split
from tests.support.datasets import TWO_OF_EACH, make_folder_params, write_class_folders
from tests.support.project import make_params

# Images as (class, content): a content may stand in two classes.
PICTURES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**6)), max_size=30)
SEEDS = st.integers(0, 50)


def make_shares(seed: int, test: float = 0.3) -> SplitParams:
    """Return the shares of a study."""
    return make_params(split={"validation": 0.2, "test": test, "seed": seed}).split


def assign(pictures: list[tuple[str, int]], shares: SplitParams) -> dict[str, ManifestRow]:
    """Return where each image is, by its content."""
    items = [Item(f"{label}{content}", label) for label, content in pictures]
    digests = [str(content) for _, content in pictures]
    return {row.digest: row for row in assign_splits(items, digests, shares)}


def draw(content: str, shares: SplitParams) -> str:
    """Return where the hash alone puts a content."""
    return choose_split(content, shares.seed, shares.validation, shares.test)


def find_gaps(rows: list[ManifestRow]) -> set[tuple[str, str]]:
    """Return the classes, and the splits that they are not in."""
    found = {(row.label, row.split) for row in rows}
    return {(row.label, name) for row in rows for name in SPLITS} - found


@settings(max_examples=60)
@given(pictures=PICTURES, seed=SEEDS)
def test_a_class_of_three_is_in_each_split(pictures: list[tuple[str, int]], seed: int) -> None:
    """Three different images are enough, whatever the seed; contents of one class alone here."""
    own = {content: label for label, content in pictures}
    placed = assign([(label, content) for content, label in own.items()], make_shares(seed))
    few = {label for label, count in Counter(own.values()).items() if count < len(SPLITS)}
    assert {label for label, _ in find_gaps([*placed.values()])} <= few


@settings(max_examples=60)
@given(pictures=PICTURES, seed=SEEDS)
def test_no_image_moves_where_the_hash_leaves_no_gap(
    pictures: list[tuple[str, int]], seed: int
) -> None:
    """Then the placement is the hash's, to the byte; else only what fills a gap has moved."""
    shares, placed = make_shares(seed), assign(pictures, make_shares(seed))
    plain = [row._replace(split=draw(row.digest, shares)) for row in placed.values()]
    moved = {row.digest for row in plain if placed[row.digest].split != row.split}
    assert len(moved) <= len(find_gaps(plain))
    targets = {(row.label, row.split) for row in placed.values() if row.digest in moved}
    assert bool(moved) <= bool(targets & find_gaps(plain))


@settings(max_examples=60)
@given(old=PICTURES, new=PICTURES, seed=SEEDS)
def test_growth_moves_only_what_had_been_moved(
    old: list[tuple[str, int]], new: list[tuple[str, int]], seed: int
) -> None:
    """It goes home; or one goes that a class had alone in its split, and can spare from now on."""
    own = {content: label for label, content in old + new}
    old = [(own[content], content) for content in dict.fromkeys(content for _, content in old)]
    sizes = Counter(label for label, _ in old)  # `split` refuses a class of fewer than three
    old = [(label, content) for label, content in old if sizes[label] >= len(SPLITS)]
    shares = make_shares(seed)
    before = assign(old, shares)
    after = assign([(label, content) for content, label in own.items()], shares)
    alone = Counter((row.label, draw(row.digest, shares)) for row in before.values())
    for digest, row in before.items():
        home = draw(digest, shares)
        if after[digest].split != row.split and row.split == home:
            assert alone[row.label, home] == 1
        elif after[digest].split != row.split:
            assert after[digest].split == home


def test_growth_brings_home_what_was_moved_and_nothing_else() -> None:
    """Ten images without one for validation: one is lent there, until there is one of their own."""
    shares = make_shares(17)
    by_split = defaultdict(list)
    for content in range(200):
        by_split[draw(str(content), shares)].append(content)
    first = [("a", content) for content in by_split["train"][:6] + by_split["test"][:4]]
    before = assign(first, shares)
    [lent] = [row for row in before.values() if row.split == "validation"]
    assert int(lent.digest) in by_split["train"]
    grown = [*first, *(("a", content) for content in by_split["test"][4:8])]
    assert {digest: assign(grown, shares)[digest] for digest in before} == before
    grown.append(("a", by_split["validation"][0]))
    after = assign(grown, shares)
    assert {d for d, row in before.items() if after[d] != row} == {lent.digest}
    assert after[lent.digest].split == "train"


def test_a_group_moves_whole_and_copies_with_it() -> None:
    """Three people, all drawn for one split: each split gets one of them, with all images."""
    shares = make_shares(3)
    names = [f"p{n}" for n in range(400) if draw(f"p{n}", shares) == "train"][:3]
    items = [Item(f"{name}/{n}", "ab"[n % 2], None, name) for name in names for n in range(4)]
    digests = [f"{item.group}{n // 2}" for n, item in enumerate(items)]
    rows = assign_splits(items, digests, shares)
    homes = {(item.group, row.split) for item, row in zip(items, rows, strict=True)}
    assert len(homes) == len({name for _, name in homes}) == len(SPLITS)
    assert not find_gaps(rows)
    assert len(list_moved(items, rows, digests, shares)) == 8


def test_only_drawn_splits_are_filled() -> None:
    """What the source gives to test stays all there is; validation is drawn, and filled."""
    shares = make_shares(17)
    items = [Item(str(n), "a", "train") for n in range(3)] + [Item("t", "b", "test")]
    rows = assign_splits(items, [item.id for item in items], shares)
    assert find_gaps(rows) == {("a", "test"), ("b", "train"), ("b", "validation")}


@pytest.mark.parametrize("seed", range(5))
def test_forty_people_with_ten_pictures_each_are_placed(seed: int) -> None:
    """As in old sets of faces: the hash alone leaves a split without one of them."""
    pictures = [(f"s{person}", 10 * person + n) for person in range(40) for n in range(10)]
    assert not find_gaps([*assign(pictures, make_shares(seed, test=0.5)).values()])


def test_what_moved_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three images of each class can stand in three splits in one way of few: most are moved."""
    root = write_class_folders(project / "pets", {f"k{n}": 3 for n in range(8)})
    split.run(make_folder_params(root))
    assert "images were moved so that each class is in each split: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        ({"cat": 2, "dog": 9}, "; 2 cannot be in 3 splits: add images of it, or leave it out"),
        (
            TWO_OF_EACH | {"train/emu": 9},
            "; add images of it to validation, or let `split` dr",
        ),
    ],
)
def test_a_class_that_cannot_be_placed_is_told(
    project: Path, layout: dict[str, int], told: str
) -> None:
    """Too few images, or none where the splits are given: with what helps."""
    with pytest.raises(DataError) as caught:
        split.run(make_folder_params(write_class_folders(project / "pets", layout)))
    assert told in str(caught.value)
    assert "expected at least one in each" in str(caught.value)


def test_copies_of_one_image_cannot_be_in_each_split(project: Path) -> None:
    """Byte-identical images stay together, so five of them are one."""
    root = write_class_folders(project / "pets", {"cat": 5, "dog": 9})
    for number in range(5):
        (root / "cat" / f"{number}.png").write_bytes((root / "cat" / "0.png").read_bytes())
    with pytest.raises(DataError, match="its 5 images are too few different ones, or of too few"):
        split.run(make_folder_params(root))
