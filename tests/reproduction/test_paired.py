"""Two runs of other code or data, by the test images that both answered."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.artifacts.manifest import MANIFEST_COLUMNS, SPLITS, ManifestRow
from secondlook.config.errors import DataError
from secondlook.reproduction.paired import (
    PairedComparison,
    RunImages,
    check_comparable,
    compare_on_shared_images,
    load_run_images,
    load_run_predictions,
)
from tests.support.datasets import make_dataset_card

COUNTS = {"a": 2, "b": 2}
FACTS = make_dataset_card(["a", "b"], dict.fromkeys(SPLITS, COUNTS), "b")
YES, NO = [0.25, 0.75], [0.75, 0.25]


def make_run_images(names: str, labels: list[int]) -> RunImages:
    """Return images of one letter each."""
    found = [(name, "ab"[label], 0) for name, label in zip(names, labels, strict=True)]
    return RunImages(found, FACTS, np.array(labels))


def compare(
    then: RunImages, now: RunImages, told: list[list[float]], tells: list[list[float]]
) -> PairedComparison:
    """Return the comparison of what was told then and what is told now."""
    sides = (np.array(told, np.float32), np.array(tells, np.float32))
    return compare_on_shared_images(then, now, sides, 0)


def test_shared_images_are_paired() -> None:
    """Images of one side alone are left out, the others found wherever they stand."""
    then, now = make_run_images("wxyz", [0, 1, 0, 1]), make_run_images("zyxn", [1, 0, 1, 0])
    found = compare(then, now, [NO, NO, YES, YES], [YES, NO, YES, YES])
    assert (found.then, found.now, found.shared) == (4, 4, 3)
    assert found.values["accuracy"] == pytest.approx((1 / 3, 1.0))
    assert found.differences["accuracy"].value == pytest.approx(2 / 3)
    assert (found.mcnemar.first_only, found.mcnemar.second_only) == (0, 2)
    lines = list(found.format_lines())
    assert lines[0] == "on 3 test images that both answered (4 then, 4 now):"
    assert lines[-1] == "right only then: 0, right only now: 2 (McNemar's exact test: p = 0.5)"
    assert not found.same_bytes


def test_the_same_answers_are_the_same() -> None:
    """The same images in the same order with the same probabilities are identical."""
    one, turned = make_run_images("wx", [0, 1]), make_run_images("xw", [1, 0])
    same = compare(one, one, [NO, YES], [NO, YES])
    assert same.same_bytes
    assert "the same images, and bit by bit the same answers" in same.format_lines()
    assert not compare(one, one, [NO, YES], [NO, [0.26, 0.74]]).same_bytes
    assert not compare(one, turned, [NO, YES], [YES, NO]).same_bytes


def test_a_relabelled_image_is_no_pair() -> None:
    """Then and now it stands for other truths."""
    then, now = make_run_images("wx", [0, 1]), make_run_images("wx", [1, 1])
    check_comparable(then, now)
    assert compare(then, now, [NO, YES], [NO, YES]).shared == 1


def test_what_cannot_be_paired_is_told() -> None:
    """Other classes, or no image in common."""
    one = make_run_images("wx", [0, 1])
    other = one._replace(facts=FACTS.model_copy(update={"classes": ["a", "c"], "positive": "c"}))
    with pytest.raises(DataError, match=r"the classes were \['a', 'b'\], and are \['a', 'c'\]"):
        check_comparable(one, other)
    with pytest.raises(DataError, match="no test image of then is one of now"):
        check_comparable(one, make_run_images("yz", [0, 1]))


def test_answers_are_read_with_their_images(tmp_path: Path) -> None:
    """Copies of one image are told apart; other versions, answers to other images are refused."""
    folder = tmp_path / "data" / "preprocess"
    folder.mkdir(parents=True)
    rows = [ManifestRow("i", "a", split, "d") for split in ("train", "test", "test")]
    files.write_csv(folder / "images.csv", MANIFEST_COLUMNS, [row.to_cells() for row in rows])
    np.save(folder / "test.labels.npy", np.array([0, 0]))
    files.write_json(folder / "facts.json", FACTS.model_dump())
    np.savez(tmp_path / "p.npz", allow_pickle=False, test=np.array([YES, NO]))
    found = load_run_images(tmp_path)
    assert found.names == [("d", "a", 0), ("d", "a", 1)]
    files.write_json(folder / "facts.json", FACTS.model_dump(exclude={"pictures"}))
    with pytest.raises(DataError, match=r"facts\.json: found another shape than this version"):
        load_run_images(tmp_path)
    assert load_run_predictions(found, tmp_path / "p.npz").tolist() == [YES, NO]
    with pytest.raises(DataError, match=r"found \(2, 2\) \(images, classes\), expected \(1, 2\)"):
        load_run_predictions(make_run_images("w", [0]), tmp_path / "p.npz")
