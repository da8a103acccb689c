"""Where data change, what is new alone is decoded, and the output is that of nothing."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondlook.artifacts import files
from secondlook.config.errors import DataError
from secondlook.config.params import Params
from secondlook.data import decoding
from secondlook.data.image_store import STORE_FOLDER, open_store
from stages import preprocess, split
from tests.support.datasets import (
    TWO_OF_EACH,
    make_folder_params,
    make_png,
    run_split_and_preprocess,
    write_class_folders,
)
from tests.support.project import ROOT, edit_params

SMALLEST: dict[str, Any] = {"shard_bytes": 1}  # an image a shard
SOME_OF_EACH = dict.fromkeys(TWO_OF_EACH, 6)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by one with every image that is decoded."""
    seen, real = list[object](), decoding.decode_image

    def decode(*told: object) -> object:
        seen.append(told)
        return real(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(decoding, "decode_image", decode)
    return seen


def read_outputs() -> dict[str, bytes]:
    """Return the bytes of every file of the output."""
    return {path.name: path.read_bytes() for path in files.stage_folder("preprocess").iterdir()}


def make_from_nothing(config: Params) -> dict[str, bytes]:
    """Return the output as it is where nothing was decoded before."""
    shutil.rmtree(STORE_FOLDER)
    run_split_and_preprocess(config)
    return read_outputs()


def list_pictures(root: Path) -> list[Path]:
    """Return all pictures in class folders."""
    return sorted(root.glob("*/*/*.png"))


def edit_data(root: Path, edit: str, number: int) -> None:
    """Change one thing about the pictures; `number` says which."""
    pictures = list_pictures(root)
    chosen = pictures[number % len(pictures)]
    other = "dog" if chosen.parent.name == "cat" else "cat"
    if edit == "add":
        (chosen.parent / f"{number}_new.png").write_bytes(make_png(100 + number % 150))
    elif edit == "copy":
        shutil.copy(chosen, chosen.with_name(f"{number}_copy.png"))
    elif edit == "break":
        (chosen.parent / f"{number}_broken.png").write_bytes(b"broken %d" % number)
    elif edit == "change":
        chosen.write_bytes(make_png(100 + number % 150))
    elif edit == "rename":
        chosen.replace(chosen.with_name(f"{number}_renamed.png"))
    elif len(list(chosen.parent.iterdir())) > 3:  # some stay in each class
        if edit == "remove":
            chosen.unlink()
        else:
            chosen.replace(chosen.parent.parent / other / f"{number}_relabelled.png")


EDITS = st.tuples(
    st.sampled_from(("add", "copy", "break", "change", "rename", "remove", "relabel")),
    st.integers(0, 10**6),
)
# Pixels, how they are cut, and other pixels: what was decoded with one is none of another's.
SPECS = st.sampled_from(
    [{"shard_bytes": size, "width": width} for size in (1, 40, 2**20) for width in (4, 5)]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None
)
@given(steps=st.lists(st.tuples(st.lists(EDITS, max_size=4), SPECS), min_size=2, max_size=4))
def test_whatever_happens_to_the_data_the_output_is_that_of_nothing(
    project: Path, steps: list[tuple[list[tuple[str, int]], dict[str, Any]]]
) -> None:
    """Growth, removal, copies, other labels, names or parameters: byte for byte the same."""
    shutil.rmtree(project / "pets", ignore_errors=True)
    root = write_class_folders(project / "pets", SOME_OF_EACH)
    for edits, spec in steps:
        for edit in edits:
            edit_data(root, *edit)
        config = make_folder_params(root, max_rejected_fraction=0.9, **spec)
        run_split_and_preprocess(config)
        grown = read_outputs()
        kept = shutil.copytree(STORE_FOLDER, project / "kept")
        assert make_from_nothing(config) == grown
        shutil.rmtree(STORE_FOLDER)
        kept.replace(STORE_FOLDER)


def test_only_new_images_are_decoded(
    project: Path, decoded: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Twelve at first, none again, one that is added; a name or a label decodes nothing."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    config = make_folder_params(root)
    run_split_and_preprocess(config)
    assert len(decoded) == 12
    assert "were decoded" not in capsys.readouterr().out
    preprocess.run(config)
    assert len(decoded) == 12
    assert "0 of them were decoded, the others are as they were" in capsys.readouterr().out
    (root / "train" / "cat" / "new.png").write_bytes(make_png(99))
    (root / "train" / "dog" / "0.png").replace(root / "train" / "dog" / "renamed.png")
    shutil.copy(root / "test" / "dog" / "0.png", root / "test" / "cat" / "again.png")
    run_split_and_preprocess(config)
    assert len(decoded) == 13
    assert "1 of them were decoded" in capsys.readouterr().out


def test_another_parameter_decodes_all_and_another_size_of_shards_none(
    project: Path, decoded: list[object]
) -> None:
    """What decides pixels counts, what does not is none of it."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    run_split_and_preprocess(make_folder_params(root))
    run_split_and_preprocess(make_folder_params(root, shard_bytes=2**20))
    run_split_and_preprocess(make_folder_params(root, max_rejected_fraction=0.5))
    assert len(decoded) == 12
    run_split_and_preprocess(make_folder_params(root, width=5))
    assert len(decoded) == 24


def test_the_cut_changes_no_fact(project: Path) -> None:
    """Digest, rows, labels and facts are the same, the pixels in one file or in twelve."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    run_split_and_preprocess(make_folder_params(root, shard_bytes=2**20))
    whole = read_outputs()
    run_split_and_preprocess(make_folder_params(root, **SMALLEST))
    parts = read_outputs()
    shards = {name for name in parts if "-" in name}
    assert len(shards) == 12
    assert {n: b for n, b in parts.items() if n not in shards} == {
        n: b for n, b in whole.items() if "-" not in n
    }


def test_shards_that_stay_are_the_same_files(project: Path) -> None:
    """DVC need not read them again: not their bytes alone, but their place on the disk is kept."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    config = make_folder_params(root, **SMALLEST)
    run_split_and_preprocess(config)
    before = {p.stat().st_ino for p in files.stage_folder("preprocess").glob("*-*.npy")}
    shutil.rmtree(files.stage_folder("preprocess"))  # as DVC does before a stage runs
    (root / "train" / "cat" / "new.png").write_bytes(make_png(99))
    run_split_and_preprocess(config)
    after = {p.stat().st_ino for p in files.stage_folder("preprocess").glob("*-*.npy")}
    assert (len(after), len(before), len(after - before)) == (13, 12, 1)


def test_what_is_no_longer_needed_goes(project: Path) -> None:
    """Of three sizes of images, those of the last are kept, of those removed nothing."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    for width in (4, 5, 6):
        run_split_and_preprocess(make_folder_params(root, width=width))
    (root / "train" / "cat" / "0.png").replace(root / "train" / "cat" / "1.png")
    run_split_and_preprocess(make_folder_params(root, width=6, **SMALLEST))
    assert len(list(STORE_FOLDER.glob("*/*.npy"))) == 11
    assert len(list(STORE_FOLDER.glob("*/"))) == 1


def test_pixels_that_somebody_changed_are_made_again(project: Path, decoded: list[object]) -> None:
    """A file that was written to since is not believed: it is protected, but not from everybody."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    config = make_folder_params(root, **SMALLEST)
    run_split_and_preprocess(config)
    right = read_outputs()
    spoiled = files.stage_folder("preprocess") / "train-00000.npy"
    assert spoiled.stat().st_mode & 0o222 == 0
    spoiled.chmod(0o644)
    spoiled.write_bytes(bytes(len(right[spoiled.name])))
    preprocess.run(config)
    assert read_outputs() == right
    assert len(decoded) == 13


@pytest.mark.parametrize("damage", [b"", b"PK", None])
def test_what_is_known_of_a_shard_may_be_damaged(
    project: Path, decoded: list[object], damage: bytes | None
) -> None:
    """Empty, of other bytes, or cut off: that shard is made anew, and no other."""
    config = make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    run_split_and_preprocess(config)
    right = read_outputs()
    spoiled = min(STORE_FOLDER.glob("*/*.npz"))
    spoiled.write_bytes(spoiled.read_bytes()[:-200] if damage is None else damage)
    preprocess.run(config)
    assert read_outputs() == right
    assert len(decoded) == 13


def test_who_waits_for_another_with_other_parameters_finds_a_place(project: Path) -> None:
    """Whoever was first has deleted all that is not theirs, before the second begins."""
    spec = make_folder_params(project).preprocess
    other = spec.model_copy(update={"width": 9})
    waiting = threading.Event()
    done = list[bool]()

    def come_second() -> None:
        waiting.set()
        with open_store(other, lambda _name: b"") as store:
            done.append(store.folder.is_dir())

    with open_store(spec, lambda _name: b""):
        second = threading.Thread(target=come_second)
        second.start()
        waiting.wait()
        time.sleep(0.2)
    second.join()
    assert done == [True]


def test_a_picture_that_changes_under_way_is_told(project: Path) -> None:
    """It would be known as what it was, for good."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    config = make_folder_params(root)
    split.run(config)
    (root / "train" / "dog" / "1.png").write_bytes(make_png(99))
    with pytest.raises(DataError) as caught:
        preprocess.run(config)
    assert str(caught.value) == (
        "train/dog/1.png: changed since `split` looked at it; run `dvc repro` again"
    )


def test_killed_in_the_middle_it_goes_on_with_the_next_shard(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of shards that were whole nothing is decoded again, and the output is the same."""
    counts = {f"{part}/{name}": 40 for part in ("train", "validation", "test") for name in "ab"}
    root = write_class_folders(project / "pets", counts)
    keys: dict[str, Any] = {
        "height": 64,
        "width": 64,
        "channels": 3,
        "shard_bytes": 3 * 64 * 64 * 8,
    }
    edit_params(
        project,
        {
            "data": {"source": "folder", "path": str(root), "positive": None},
            "preprocess": keys,
            "runs": {"only": {}},
            "report": {"reference": "only"},
        },
    )
    config = make_folder_params(root, max_rejected_fraction=0.05, **keys)
    split.run(config)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    while len(list(STORE_FOLDER.glob("*/*.npz"))) < 5:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = len(list(STORE_FOLDER.glob("*/*.npz")))
    assert not files.stage_folder("preprocess").exists()
    preprocess.run(config)
    told = capsys.readouterr().out
    decoded = int(told.split(" of them were decoded")[0].rpartition("\n")[2])
    assert decoded < 240 - 2 * (whole - 1)
    grown = read_outputs()
    assert make_from_nothing(config) == grown


# The stage itself, each image taking a while.
SLOWLY = """
import time
from secondlook.config.params import load_params
from secondlook.data import decoding
from stages import preprocess

real = decoding.decode_image

def decode(*told):
    time.sleep(0.02)
    return real(*told)

decoding.decode_image = decode
preprocess.run(load_params())
"""
