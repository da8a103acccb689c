"""Two runs of other code or data, by the test images that both answered."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core import files
from stages.core.errors import DataError
from stages.core.reproducing.paired import Images, Paired, answers, check, images, paired
from tests.facts_builder import invented

COUNTS = {"a": 2, "b": 2}
FACTS = invented(["a", "b"], dict.fromkeys(("train", "validation", "test"), COUNTS), "b")
YES, NO = [0.25, 0.75], [0.75, 0.25]


def asked(names: str, labels: list[int]) -> Images:
    """Return images of one letter each."""
    found = [(name, "ab"[label], 0) for name, label in zip(names, labels, strict=True)]
    return Images(found, FACTS, np.array(labels))


def compared(
    then: Images, now: Images, told: list[list[float]], tells: list[list[float]]
) -> Paired:
    """Return the comparison of what was told then and what is told now."""
    sides = (np.array(told, np.float32), np.array(tells, np.float32))
    return paired(then, now, sides, 0)


def test_shared_images_are_paired() -> None:
    """Images of one side alone are left out, the others found wherever they stand."""
    then, now = asked("wxyz", [0, 1, 0, 1]), asked("zyxn", [1, 0, 1, 0])
    found = compared(then, now, [NO, NO, YES, YES], [YES, NO, YES, YES])
    assert (found.then, found.now, found.shared) == (4, 4, 3)
    assert found.values["accuracy"] == pytest.approx((1 / 3, 1.0))
    assert found.differences["accuracy"].value == pytest.approx(2 / 3)
    assert found.mcnemar[:2] == (0, 2)
    lines = list(found.lines())
    assert lines[0] == "on 3 test images that both answered (4 then, 4 now):"
    assert lines[-1] == "right only then: 0, right only now: 2 (McNemar's exact test: p = 0.5)"
    assert not found.same_bytes


def test_the_same_answers_are_the_same() -> None:
    """The same images in the same order with the same probabilities are identical."""
    one, turned = asked("wx", [0, 1]), asked("xw", [1, 0])
    same = compared(one, one, [NO, YES], [NO, YES])
    assert same.same_bytes
    assert "the same images, and bit by bit the same answers" in same.lines()
    assert not compared(one, one, [NO, YES], [NO, [0.26, 0.74]]).same_bytes
    assert not compared(one, turned, [NO, YES], [YES, NO]).same_bytes


def test_a_relabelled_image_is_no_pair() -> None:
    """Then and now it stands for other truths."""
    then, now = asked("wx", [0, 1]), asked("wx", [1, 1])
    check(then, now)
    assert compared(then, now, [NO, YES], [NO, YES]).shared == 1


def test_what_cannot_be_paired_is_told() -> None:
    """Other classes, or no image in common."""
    one = asked("wx", [0, 1])
    other = one._replace(facts=replace(FACTS, classes=["a", "c"], positive="c"))
    with pytest.raises(DataError, match=r"the classes were \['a', 'b'\], and are \['a', 'c'\]"):
        check(one, other)
    with pytest.raises(DataError, match="no test image of then is one of now"):
        check(one, asked("yz", [0, 1]))


def test_answers_are_read_with_their_images(tmp_path: Path) -> None:
    """Copies of one image are told apart; answers to other images are refused."""
    folder = tmp_path / "data" / "preprocess"
    folder.mkdir(parents=True)
    rows = [{"split": split, "digest": "d", "label": "a"} for split in ("train", "test", "test")]
    files.write_csv(folder / "images.csv", rows[0], rows)
    np.save(folder / "test.labels.npy", np.array([0, 0]))
    files.write_json(folder / "facts.json", FACTS.as_json())
    np.savez(tmp_path / "p.npz", allow_pickle=False, test=np.array([YES, NO]))
    found = images(tmp_path)
    assert found.names == [("d", "a", 0), ("d", "a", 1)]
    assert answers(found, tmp_path / "p.npz").tolist() == [YES, NO]
    with pytest.raises(DataError, match=r"found \(2, 2\) \(images, classes\), expected \(1, 2\)"):
        answers(asked("w", [0]), tmp_path / "p.npz")
