"""What pictures were decoded to before, so that only new, changed or moved ones cost anything.

Shards lie in .dvc/tmp, for DVC empties the outputs of a stage before it runs; links to them are
the output, so that they take no room of their own. A shard is known by what it is made of, so one
that a killed `preprocess` had ended is there for the next, too.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from secondlook.artifacts import files
from secondlook.artifacts.image_shards import ArrayWriter
from secondlook.artifacts.manifest import ManifestRow
from secondlook.artifacts.parallel import map_in_order
from secondlook.config.errors import DataError, RejectedImageError
from secondlook.config.params import PreprocessParams
from secondlook.config.processes import hold_lock
from secondlook.data import decoding, similarity
from secondlook.data.decoded_shards import (
    NOT_KNOWN,
    DecodedShard,
    Digests,
    ExaminedImage,
    KnownImages,
    ShardBuilder,
    ShardFiles,
    pack_digests,
)
from secondlook.data.splitting import ImageContent, hash_content

STORE_FOLDER = Path(".dvc", "tmp", "second_look", "images")
# What decides pixels, and what is known of them: other code, or another library, makes all anew.
DECIDING_CODE = (
    *("data/decoding.py", "data/similarity.py", "data/splitting.py"),
    *("data/decoded_shards.py", "data/image_store.py"),
    *("artifacts/image_shards.py", "artifacts/dataset_card.py", "artifacts/files.py"),
)
DECIDING_PACKAGES = ("pillow", "numpy")
INDIFFERENT_PARAMS = {"max_rejected_fraction", "shard_bytes"}
BATCH_BYTES = 2**20
ReadContent = Callable[[str], ImageContent]  # the content of an image by its id
Advance = Callable[[int], object]  # told how many images more are done


class ImageStore:
    """The shards that were made with the same parameters, code and libraries; see `open_store`.

    decoded: how many images had to be.
    """

    def __init__(self, folder: Path, spec: PreprocessParams, read_content: ReadContent) -> None:
        self.folder, self.spec, self.read_content = folder, spec, read_content
        self.shape = (spec.height, spec.width, spec.channels)
        self.decoded = 0
        self._used: set[str] = set()

    def add_shard(
        self, rows: Sequence[ManifestRow], target: Path, advance: Advance
    ) -> DecodedShard:
        """Make a file of the pixels of these images, and say what is known of them.

        There is none where no image could be decoded.
        """
        digests = pack_digests([row.digest for row in rows])
        name = hashlib.sha256(digests.tobytes()).hexdigest()
        shard = ShardFiles.in_folder(self.folder, name)
        self._used.add(name)
        if shard.is_whole():
            advance(len(rows))
        else:
            self._write(shard, rows, digests, advance)
        told = shard.read_facts()
        if told.kept.any():
            _link(shard.pixels, target)
        return told

    def _write(
        self,
        shard: ShardFiles,
        rows: Sequence[ManifestRow],
        digests: Digests,
        advance: Advance,
    ) -> None:
        """Write both files of a shard, each whole or not at all."""
        partial, told = self.folder / "shard.partial", ShardBuilder()
        try:
            with ArrayWriter(partial, self.shape) as writer:
                for found in self._examine_all(rows, digests):
                    told.add(found)
                    if not isinstance(found, str):
                        writer.append(found.pixels)
                    advance(1)
            partial.chmod(0o444)  # it is the output, and what DVC keeps of it: see .dvc/config
            partial.replace(shard.pixels)
            shard.write_facts(digests, told.build(), partial)
        finally:
            partial.unlink(missing_ok=True)

    def _examine_all(
        self, rows: Sequence[ManifestRow], digests: Digests
    ) -> Iterator[ExaminedImage | str]:
        """Yield each image, taken from where it was or decoded, or why there is none."""
        places = self._known.find(digests).tolist()
        self.decoded += places.count(NOT_KNOWN)

        def examine(asked: tuple[ManifestRow, int]) -> ExaminedImage | str:
            row, place = asked
            return self._examine(row) if place == NOT_KNOWN else self._known.recall(place)

        # As many at a time as fit in a megabyte: handing over single small ones costs more.
        height, width, channels = self.shape
        batch = max(1, min(64, BATCH_BYTES // (height * width * channels)))
        return map_in_order(examine, zip(rows, places, strict=True), batch)

    def _examine(self, row: ManifestRow) -> ExaminedImage | str:
        content = self.read_content(row.id)
        if hash_content(content) != row.digest:  # else it would be known as what it was
            raise DataError(f"{row.id}: changed since `split` looked at it; run `dvc repro` again")
        try:
            found = decoding.decode_image(content, self.spec)
        except RejectedImageError as error:
            return str(error)
        return ExaminedImage(
            found.pixels,
            (found.width, found.height),
            bytes.fromhex(hash_content(found.pixels)),
            similarity.compute_frequencies(found.pixels[None])[0],
        )

    @cached_property
    def _known(self) -> KnownImages:
        """Return the images that were there before the first shard had to be made."""
        found = [ShardFiles(path.with_suffix(".npy"), path) for path in self.folder.glob("*.npz")]
        return KnownImages([shard for shard in sorted(found) if shard.is_whole()])

    def prune(self) -> None:
        """Delete what no shard of this time is."""
        for path in self.folder.parent.iterdir():
            if path.is_dir() and path != self.folder:
                shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.iterdir():
            if path.stem not in self._used:
                path.unlink()


@contextmanager
def open_store(spec: PreprocessParams, read_content: ReadContent) -> Iterator[ImageStore]:
    """Give the shards of before; those that are not used are deleted at the end, if all goes well.

    Who comes second waits: it finds what the first has made.
    """
    # DVC_ROOT is the real project, also in the copy where `dvc exp run --temp` works.
    root = Path(os.environ.get("DVC_ROOT", ""), STORE_FOLDER)
    folder = root / compute_store_key(spec)[:16]
    root.mkdir(parents=True, exist_ok=True)
    with hold_lock(root / "lock"):
        folder.mkdir(exist_ok=True)  # now: whoever had the lock has deleted other folders
        for path in root.glob("*/*.partial"):
            path.unlink()  # of one that was killed
        store = ImageStore(folder, spec, read_content)
        yield store
        store.prune()


def compute_store_key(spec: PreprocessParams) -> str:
    """Return the SHA-256 (hex) of what decides the pixels of an image besides its content."""
    here = Path(__file__).parents[1]
    told = [
        spec.model_dump_json(exclude=INDIFFERENT_PARAMS),
        files.hash_files(*(here / name for name in DECIDING_CODE)),
        *(f"{name} {version(name)}" for name in DECIDING_PACKAGES),
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _link(path: Path, target: Path) -> None:
    """Let a file have a second name, or make a copy where the file system has no such names."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
        target.chmod(0o444)
