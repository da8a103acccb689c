"""Lists as other tools and systems write them are read, or refused with what to write instead."""

import re
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from secondlook.config.errors import DataError
from secondlook.data.sources import CsvList
from secondlook.data.splitting import Item
from tests.support.datasets import make_png

PLAIN = [Item("in/a.png", "cat"), Item("in/b, c.png", "dog")]


def write_list(root: Path, content: bytes | str) -> CsvList:
    """Return the list with this content, beside the pictures in/a.png, `in/b, c.png`, in/é.png."""
    (root / "in").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b, c.png", "\u00e9.png")):
        (root / "in" / name).write_bytes(make_png(number))
    content = content.encode() if isinstance(content, str) else content
    (root / "labels.csv").write_bytes(content)
    return CsvList(root)


@pytest.mark.parametrize(
    "text",
    [
        'path,label\r\nin\\a.png,cat\r\n"in\\b, c.png",dog\r\n',  # Windows
        '\ufeffpath,label\rin/a.png,cat\r"in/b, c.png",dog\r',  # Excel on an old Mac
        'Path, LABEL \nin/a.png,cat\n"in/b, c.png",dog\n',
        'path, label\n in/a.png , cat\n "in/b, c.png", dog\n',
        '"path","label"\n"in/a.png","cat"\n"in/b, c.png","dog"\n',
        '\n,,\npath,label\nin/a.png,cat\n"in/b, c.png",dog\n',
        'path,label,,\nin/a.png,cat,,\n,,,\n\n"in/b, c.png",dog,,,\n',  # empty cells of a sheet
        'path,label\n./in//a.png,cat\n"in/../in/b, c.png",dog\n',
        ',path,label\n0,in/a.png,cat\n1,"in/b, c.png",dog\n',  # with the index of pandas
    ],
)
def test_what_can_mean_one_thing_alone_is_read(tmp_path: Path, text: str) -> None:
    """Backslashes, line ends, byte order marks, capitals, spaces, quotes, empty rows and cells."""
    source = write_list(tmp_path, text)
    assert source.items() == PLAIN
    assert [source.content(item.id) for item in PLAIN] == [make_png(0), make_png(1)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_accent_may_be_written_as_another_system_does(
    tmp_path: Path, form: Literal["NFC", "NFD"]
) -> None:
    """The file has one form, a list from a Mac the other; the id is the file's."""
    name = unicodedata.normalize(form, "in/\u00e9.png")
    assert write_list(tmp_path, f"path,label\n{name},cat\n").items() == [
        Item("in/\u00e9.png", "cat")
    ]


def test_a_file_with_a_backslash_in_its_name_is_that_file(tmp_path: Path) -> None:
    """What is there as it is written comes first."""
    source = write_list(tmp_path, "path,label\nin\\a.png,cat\n")
    (tmp_path / "in\\a.png").write_bytes(make_png(7))
    assert source.content(source.items()[0].id) == make_png(7)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            "{root}/in/a.png,cat",
            "/in/a.png is absolute, and lost where the folder moves; write in/",
        ),
        (r"C:\Users\me\in\a.png,cat", r"row 2: C:\Users\me\in\a.png is absolute, and lost where"),
        (
            r"\\server\share\in\a.png,cat",
            "is absolute, and lost where the folder moves; wr",
        ),
        ("/content/drive/in/A.PNG,cat", "lost where the folder moves; write in/a.png"),
        ("/content/drive/x.png,cat", "row 2: /content/drive/x.png leaves the folder"),
        ("in/A.png,cat", "row 2: in/A.png: no such file in "),
        ("in/A.png,cat", "; did you mean in/a.png?"),
        ("train/in/a.png,cat", "; did you mean in/a.png?"),
        ("in/z.png,cat", "; correct the path"),
        (f"{'x' * 300}.png,cat", "no such file in"),
        (r"..\a.png,cat", "row 2: ..\\a.png leaves the folder"),
        ("in/b, c.png,dog", "row 2: 3 cells, expected 2; put text that holds a comma in quotes"),
        ("in/a.png,cat\nin\\a.png,dog", "row 3: in/a.png is in row 2 too; delete one"),
        ("in/a.png,cat\n\nin/q.png,dog", "row 4: in/q.png: no such file"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(tmp_path: Path, row: str, told: str) -> None:
    """Absolute paths of this and other computers, capitals, folders too many, bare commas."""
    (tmp_path / "a.png").write_bytes(make_png(5))
    root = tmp_path / "data"
    source = write_list(root, f"path,label\n{row.format(root=root)}\n")
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        source.items()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("path,label,Label\nin/a.png,cat,dog\n", "found the column label twice; rename or delete"),
        ("path\tlabel\nin/a.png\tcat\n", "expected path and label, separated by commas"),
        ("sep=;\npath;label\nin/a.png;cat\n", "found the columns sep=;; expected path and label"),
        ("in/a.png,cat\n", "found the columns in/a.png, cat; expected path and label"),
        ("path,label\nin/a.png,cat\n".encode("utf-16"), "expected a CSV file in UTF-8"),
    ],
)
def test_a_header_that_is_none_is_told(tmp_path: Path, content: bytes | str, told: str) -> None:
    """A column twice, other separators, no header, another encoding."""
    with pytest.raises(DataError, match=re.escape(told)):
        write_list(tmp_path, content).items()
