"""Files of tar and zip archives are read where they lie; what is not sound is refused in a line."""

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondlook.config.errors import DataError
from secondlook.data import archives
from secondlook.data.archives import list_archive
from tests.support.archives import write_archive, write_tar, write_zip

BOTH = pytest.mark.parametrize("kind", ["tar", "zip"])
NAMES = st.text("abé帽 .-_", min_size=1, max_size=8).filter(lambda text: text.strip(". "))
CONTENTS = st.dictionaries(NAMES, st.binary(max_size=3000), max_size=8)
PER_EXAMPLE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_refusal(path: Path, told: str, name: str | None = None) -> None:
    """See that an archive, or a file in it, is refused in one line that begins with its path."""

    def open_and_read() -> None:
        found = list_archive(path)
        if name is not None:
            found.read(name)

    with pytest.raises(DataError, match=re.escape(told)) as caught:
        open_and_read()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@BOTH
@PER_EXAMPLE
@given(CONTENTS, st.sampled_from(["", "./", "a folder/", "./x//y/"]))
def test_what_was_packed_is_read(
    tmp_path: Path, kind: str, contents: dict[str, bytes], folder: str
) -> None:
    """Any names and contents, empty ones too, and names as `tar cf x.tar .` writes them."""
    path = write_archive(
        tmp_path / f"a.{kind}", {folder + name: content for name, content in contents.items()}
    )
    found = list_archive(path)
    tidy = "/".join(part for part in folder.split("/") if part not in ("", "."))
    read = {name: found.read(name) for name in found.members}
    assert read == {f"{tidy}/{name}".lstrip("/"): whole for name, whole in contents.items()}
    assert all(found.read(name, 10) == whole[:10] for name, whole in read.items())


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_forms_of_tar_are_read(tmp_path: Path, form: int) -> None:
    """Names of more than a hundred letters stand in headers of their own."""
    name = "/".join(["a rather long name of a folder"] * 5 + ["1.png"])
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    assert list_archive(tmp_path / "a.tar").read(name) == b"abc"


def test_a_zip_of_64_bits_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than 65,535 files, or of a file that may be longer than 32 bits can say."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    path = write_zip(tmp_path / "a.zip", {"1": b"", "2": b"", "3": b"x"})
    assert b"PK\6\6" in path.read_bytes()
    assert list_archive(path).read("3") == b"x"
    longer = tmp_path / "b.zip"
    with zipfile.ZipFile(longer, "w") as packed, packed.open("big", "w", force_zip64=True) as file:
        file.write(b"abc")
    assert list_archive(longer).read("big") == b"abc"


@BOTH
@pytest.mark.parametrize(
    "name", ["../1.png", "cat/../../1.png", "/etc/1.png", "C:/1.png", "C:\\1.png", ".."]
)
def test_a_path_that_leaves_the_archive_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    """Upwards or absolute, as Windows has it too."""
    check_refusal(write_archive(tmp_path / f"a.{kind}", {name: b""}), "leaves the archive; expec")


def test_backslashes_of_a_zip_part_folders(tmp_path: Path) -> None:
    """Some programs of Windows write them; upwards they leave the archive all the same."""
    assert [*list_archive(write_zip(tmp_path / "a.zip", {"cat\\1": b""})).members] == ["cat/1"]
    check_refusal(write_zip(tmp_path / "b.zip", {"..\\1": b""}), "leaves the archive")


@BOTH
@pytest.mark.parametrize("names", [("cat/1", "cat/1"), ("cat/1", "./cat//1"), ("a", "b/1", "./a")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(
    tmp_path: Path, kind: str, names: tuple[str, ...]
) -> None:
    """However it is written: nobody knows which one is meant."""
    path = write_archive(tmp_path / f"a.{kind}", [(name, b"x") for name in names])
    check_refusal(path, "is in it twice; delete one, or pack it anew")


@BOTH
def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path, kind: str) -> None:
    """No disk could hold both."""
    path = write_archive(tmp_path / f"a.{kind}", {"cat": b"x", "cat/1": b"x"})
    check_refusal(path, "'cat' is a file and a folder")


@BOTH
def test_names_that_differ_in_capitals_are_two(tmp_path: Path, kind: str) -> None:
    """As in folders, on the systems that this runs on."""
    path = write_archive(tmp_path / f"a.{kind}", {"cat/a": b"1", "cat/A": b"2", "Cat/a": b"3"})
    found = list_archive(path)
    assert [found.read(name) for name in ("cat/a", "cat/A", "Cat/a")] == [b"1", b"2", b"3"]


@BOTH
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.6])
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    """Wherever it ends: its last pictures would be missing unnoticed."""
    path = write_archive(tmp_path / f"a.{kind}", {f"{i}": bytes([i]) * 500 for i in range(20)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    check_refusal(path, f"damaged or incomplete as a {kind} archive")


def test_a_tar_that_ends_between_two_files_is_refused(tmp_path: Path) -> None:
    """Python's tarfile takes what is left for all of it; so it does where a header is damaged."""
    path = write_tar(tmp_path / "a.tar", {"1": b"x", "2": b"x", "3": b"x"})
    whole = path.read_bytes()
    path.write_bytes(whole[: 4 * 512])
    check_refusal(path, "the mark of its end is missing")
    path.write_bytes(whole[: 4 * 512] + b"?" + whole[4 * 512 + 1 :])
    check_refusal(path, "the mark of its end is missing")


def test_two_tars_in_one_file_are_refused(tmp_path: Path) -> None:
    """`cat a.tar b.tar`: the second would be missing unnoticed."""
    path = write_tar(tmp_path / "a.tar", {"1": b"x"})
    path.write_bytes(path.read_bytes() * 2)
    check_refusal(path, "more follows after its end: are those two archives?")


@pytest.mark.parametrize(
    ("pack", "remedy"),
    [(gzip.compress, "gunzip"), (bz2.compress, "bunzip2"), (lzma.compress, "unxz")],
)
def test_a_tar_that_is_packed_as_a_whole_is_refused(
    tmp_path: Path, pack: "type[object]", remedy: str
) -> None:
    """With what to do, by its content and whatever its name."""
    tar = write_tar(tmp_path / "a.tar", {"1": b"x"})
    tar.write_bytes(pack(tar.read_bytes()))  # type: ignore[call-arg,arg-type]
    check_refusal(tar, f"`{remedy}` it and take the tar")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "damaged or incomplete"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip: unpack it and pack it anew as tar or zip"),
        (b"Rar!\x1a\x07", "RAR: unpack it"),
        (b"<!DOCTYPE html>", "(a web page (HTML)); copy or download it again"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"text", "damaged or incomplete"),
    ],
)
@BOTH
def test_what_is_no_archive_is_refused(
    tmp_path: Path, kind: str, content: bytes, told: str
) -> None:
    """Also what a failed download left."""
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    check_refusal(path, told)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    """The mark of it stands in both headers of a file."""
    path = write_zip(tmp_path / "a.zip", {"cat/1.png": b"secret"})
    whole = bytearray(path.read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)
    check_refusal(path, "'cat/1.png' is encrypted; expected pictures that can be read")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_otherwise_is_refused(tmp_path: Path, method: int) -> None:
    """What these unpack to has no bound."""
    path = write_zip(tmp_path / "a.zip", {"1": b"x"}, method)
    check_refusal(path, f"'1' is packed by method {method}; expected 0 (stored) or 8 (deflate)")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_with_another_checksum_is_refused(tmp_path: Path, method: int) -> None:
    """One bit of it has changed on the way."""
    path = write_zip(tmp_path / "a.zip", {"cat/1": bytes(range(256))}, method)
    whole = bytearray(path.read_bytes())
    whole[30 + len("cat/1") + 100] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.zip/cat/1: .*; copy the archive again, or pack it"):
        list_archive(path).read("cat/1")


def set_promised_size(path: Path, size: int) -> None:
    """Let the only file of a zip promise another size than it has."""
    whole = bytearray(path.read_bytes())
    start = whole.index(b"PK\1\2")
    whole[start + 24 : start + 28] = struct.pack("<I", size)
    path.write_bytes(whole)


@pytest.mark.parametrize("size", [0, 10, 999, 1001, 5000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_of_another_size_than_promised_is_refused(
    tmp_path: Path, size: int, method: int
) -> None:
    """No more is unpacked than was promised, and one byte to see that there is more."""
    path = write_zip(tmp_path / "a.zip", {"1": bytes(1000)}, method)
    set_promised_size(path, size)
    check_refusal(path, "; copy the archive again, or pack it anew", "1")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file that is packed as no picture can be, or promises to be so; many in one."""
    path = write_zip(tmp_path / "a.zip", {"1": bytes(2**24 + 1)})
    check_refusal(path, "16777217 bytes packed into 16310, perhaps a decompression bomb", "1")
    assert list_archive(path).read("1", 100) == bytes(100)
    monkeypatch.setattr(archives, "HARMLESS_TOTAL", 2**20)
    check_refusal(path, "perhaps a decompression bomb; expected at most 200 times as many")
    small = write_zip(tmp_path / "b.zip", {"1": b"x"})
    set_promised_size(small, 2**31)
    check_refusal(small, "2147483648 bytes packed into", "1")


def test_a_bomb_of_files_in_one_place_is_refused(tmp_path: Path) -> None:
    """A directory of a zip may name the same bytes a thousand times."""
    path = write_zip(tmp_path / "a.zip", {"0000": bytes(2**24)})
    whole = path.read_bytes()
    start, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entry = whole[start:end]
    entries = b"".join(entry.replace(b"0000", f"{i:04}".encode()) for i in range(100))
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 100, 100, len(entries), start, 0)
    path.write_bytes(whole[:start] + entries + tail)
    check_refusal(path, "1677721600 bytes packed into")


def test_links_and_devices_are_told_apart(tmp_path: Path) -> None:
    """They are no files, whatever they lead to."""
    others = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo(f"cat/{kind.decode()}.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        others.append(entry)
    found = list_archive(write_tar(tmp_path / "a.tar", {"cat/x.png": b"x"}, others))
    assert found.others == ["cat/2.png", "cat/1.png", "cat/3.png", "cat/6.png"]
    assert [*found.members] == ["cat/x.png"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    found = list_archive(tmp_path / "a.zip")
    assert (found.others, found.members) == (["cat/link.png"], {})


def test_names_of_a_zip_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """UTF-8, said or not; else in the letters of the first PCs, as the format has it."""
    path = write_zip(tmp_path / "a.zip", {"帽": b"", "AAAA": b"", "BBB": b""})
    path.write_bytes(path.read_bytes().replace(b"AAAA", "hé!".encode()).replace(b"BBB", b"n\xa4!"))
    assert [*list_archive(path).members] == ["帽", "hé!", "nñ!"]


@BOTH
@PER_EXAMPLE
@given(st.data())
def test_a_changed_byte_is_refused_or_harmless(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    """Whatever byte is another: an archive is read to its end, or refused in a line."""
    path = write_archive(tmp_path / f"a.{kind}", {f"cat/{i}": bytes([i]) * 700 for i in range(3)})
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(whole), 4000) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with suppress(DataError):
        found = list_archive(path)
        for name in found.members:
            found.read(name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A picture that was taken out since."""
    path = write_zip(tmp_path / "a.zip", {"1": b"x"})
    check_refusal(path, "a.zip/2: no such file in the archive", "2")
    found = list_archive(path)
    path.unlink()
    with pytest.raises(
        DataError, match=r"a\.zip/1: No such file or directory; expected a readable"
    ):
        found.read("1")


@pytest.mark.parametrize("name", ["a/" * 101 + "1.png", "b" * 4097])
def test_a_name_of_too_many_parts_is_refused(tmp_path: Path, name: str) -> None:
    """Each part would be a folder to keep in mind: few names could fill the memory."""
    path = write_archive(tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(DataError, match="expected at most 4096 in 100; pack it anew") as caught:
        list_archive(path)
    assert "\n" not in str(caught.value)


def test_of_a_large_packed_file_little_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants its first bytes gets these, and the rest is not looked at."""
    content = np.random.default_rng(0).bytes(2**20)
    archive = list_archive(write_archive(tmp_path / "a.zip", {"1": content}))
    offered = list[int]()
    real = zlib.decompressobj

    class Counting:
        """Unpacks, and notes how much it is given."""

        def __init__(self, bits: int) -> None:
            self.unpacker = real(bits)

        def decompress(self, piece: bytes, at_most: int) -> bytes:
            """Note the piece."""
            offered.append(len(piece))
            found: bytes = self.unpacker.decompress(piece, at_most)
            return found

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    assert archive.read("1", 100) == content[:100]
    assert sum(offered) == 2**16
