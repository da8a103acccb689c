"""Weights of a backbone, downloaded or of a file: checked, and written as always the same bytes.

What can be told of a file without Keras is told before that is imported, which takes seconds.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError, URLError
from warnings import catch_warnings

from secondlook.artifacts.files import detect_failed_download, hash_file
from secondlook.config.errors import DataError
from secondlook.config.training import BackboneName, BackboneParams
from secondlook.training.backbone import BACKBONES, cut_backbone

if TYPE_CHECKING:
    import keras

WEIGHTS_FOLDER = Path("data", "weights")
LEGACY_SUFFIX, SUFFIX = ".h5", ".weights.h5"  # Keras goes by the name of a file
LONGEST_SILENCE = 30.0  # seconds that a server may say nothing
LONGEST_REASON = 160  # characters of what Keras says
# What h5py and Keras make of damaged or foreign files, as tried with some hundred of them.
LOADING_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)


def get_weights_path(name: str) -> Path:
    """Return where the weights of a backbone lie in a project."""
    return WEIGHTS_FOLDER / f"{name}.weights.h5"


def find_weights(name: str) -> Path | None:
    """Return the file of a backbone's weights; None where there is none.

    DVC_ROOT is the real project, also in the copy where `dvc exp run --temp` works: there DVC
    brings what a stage depends on, and weights are told by their digest alone.
    """
    path = get_weights_path(name)
    places = (path, Path(os.environ.get("DVC_ROOT", ""), path))
    return next((place for place in places if place.is_file()), None)


def check_weights(backbone: BackboneParams, where: str) -> Path:
    """Return the file of weights; raise DataError unless it is there, and the one that is meant."""
    path, wanted = find_weights(backbone.name), backbone.sha256
    if path is None:
        path = get_weights_path(backbone.name)
        raise DataError(
            f"{path}: no such file, and {where}.backbone starts from it (sha256 {wanted}); "
            f"`dvc pull {path}.dvc` where it was added, else `secondlook weights {backbone.name}`"
        )
    if (found := hash_file(path)) != wanted:
        raise DataError(
            f"{path}: found sha256 {found}; {where}.backbone expected {wanted}; bring that file "
            "back (`dvc checkout`), or write the new digest there, which makes it another run"
        )
    return path


class Download(NamedTuple):
    """Where keras.applications has weights without the top, and their MD5 where it tells one."""

    path: str
    md5: str | None


# As in keras.applications, which builds the network before it asks for them: without a network
# that would be said late.
ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"
DOWNLOADS: dict[BackboneName, Download] = {
    "mobilenet_v2": Download(
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", None
    ),
    "mobilenet_v3_small": Download(
        "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        "d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    "efficientnet_v2_b0": Download(
        "efficientnet_v2/efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"
    ),
    "resnet50_v2": Download(
        "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "fac2f116257151a9d068a22e544a4917",
    ),
}


def fetch_weights(name: BackboneName) -> Path:
    """Return the file that keras.applications downloads, from its cache or from the network.

    Keras shows its progress on a terminal. Raises DataError where it cannot be had.
    """
    import keras

    path, md5 = DOWNLOADS[name]
    if not sys.stdout.isatty():
        keras.config.disable_interactive_logging()
    with _end_silence(), _FetchFailure(name):
        found: str = keras.utils.get_file(
            origin=f"{ADDRESS}/{path}", cache_subdir="models", md5_hash=md5
        )
    return Path(found)


@contextmanager
def _end_silence() -> Iterator[None]:
    """Give a server so long to say something: Keras would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(LONGEST_SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class _FetchFailure(AbstractContextManager[None]):
    """Tells in one line why a download failed; no `except`, for Keras raises Exception itself."""

    def __init__(self, name: BackboneName) -> None:
        self.name = name

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise DataError in the place of what a network, a server or a disk may cause."""
        if error is None or not (
            kind is Exception or isinstance(error, (OSError, HTTPException, ValueError))
        ):
            return
        raise DataError(
            f"{ADDRESS}/{DOWNLOADS[self.name].path}: could not be fetched "
            f"({_describe_failure(error)}); where there is a network, or take a file that somebody "
            f"has: `secondlook weights {self.name} --from FILE`"
        ) from error


def _describe_failure(error: BaseException) -> str:
    cause = error.__context__ if type(error) is Exception else error
    if isinstance(cause, HTTPError):
        return f"the server says {cause.code} {cause.reason}"
    if isinstance(cause, URLError):
        return str(getattr(cause.reason, "strerror", None) or cause.reason)
    if isinstance(cause, ValueError):
        return "what came has another MD5 than Keras knows"
    return _shorten(cause)


def find_suffix(path: Path, expected: str) -> str:
    """Return the ending by which Keras knows the form of a file of weights, however it is called.

    Raises DataError where it is no such file, or not whole; `expected`: what to say then.
    """
    import h5py

    if not path.is_file():
        found = "is a folder" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {found}; {expected}")
    if not h5py.is_hdf5(path):
        with path.open("rb") as file:
            head = file.read(99)
        found = detect_failed_download(head) or f"the bytes {head[:4].hex(' ') or '(none)'}"
        raise DataError(f"{path}: found {found}, which is no HDF5; {expected}")
    try:
        with h5py.File(path) as opened:
            legacy = "layer_names" in opened.attrs or "model_weights" in opened
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path}: is not whole ({_shorten(error)}); {expected}") from error
    return LEGACY_SUFFIX if legacy else SUFFIX


def load_weights(network: "keras.Model", name: BackboneName, path: Path, expected: str) -> None:
    """Bring the weights of a file into a backbone.

    Raises DataError where they are of another network or damaged; `expected`: what to say then.
    """
    suffix = find_suffix(path, expected)
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"weights{suffix}")
        link.symlink_to(path.resolve())
        try:
            with catch_warnings(action="ignore"):  # one for each layer that does not fit
                network.load_weights(str(link))
        except LOADING_ERRORS as error:
            kind = BACKBONES[name].kind
            raise DataError(
                f"{path}: {kind} cannot take its weights from it ({_shorten(error)}); {expected}"
            ) from error
    _check_values(network, path, expected)


def load_backbone(network: "keras.Model", name: BackboneName, path: Path) -> None:
    """Bring its weights into the backbone of a network; DataError where the file has none of it.

    `secondlook weights` writes no such file, but any file can be put there with its digest.
    """
    kind = BACKBONES[name].kind
    remedy = f"`secondlook weights {name} --replace`, perhaps --from FILE, says their digest"
    expected = f"expected weights of {kind} without its top; {remedy}"
    load_weights(cut_backbone(network), name, path, expected)


def _check_values(network: "keras.Model", path: Path, expected: str) -> None:
    """Refuse numbers that are none, and kernels of one value, as a gap in a file leaves them."""
    import numpy as np

    for weight in network.weights:
        values = weight.numpy()
        if not np.isfinite(values).all():
            raise DataError(f"{path}: {weight.path} holds values that are no numbers; {expected}")
        if values.ndim > 1 and np.ptp(values) == 0:
            raise DataError(f"{path}: {weight.path} is {values.flat[0]:g} throughout; {expected}")


def format_weights(network: "keras.Model") -> bytes:
    """Return a file of weights: the same bytes, wherever they came from and whoever writes them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network{SUFFIX}")
        network.save_weights(path)
        return path.read_bytes()


def _shorten(error: BaseException | None) -> str:
    """Return the first words of an error in one line."""
    said = " ".join(str(error).split()).strip("'\"") or type(error).__name__
    return said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON].rstrip()} ..."
