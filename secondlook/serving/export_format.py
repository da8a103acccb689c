"""A network for other runtimes: written as Keras exports it, opened there, and asked again.

Keras and the runtimes are imported inside the functions that need them.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.config.errors import ExportError

if TYPE_CHECKING:
    import keras

Images = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class OpenedExport:
    """An export in its own runtime: `ask` gives probabilities (N, K) of uint8 images (N, H, W, C).

    The names are those under which the runtime takes images and gives probabilities.
    """

    input_name: str
    output_name: str
    ask: Callable[[Images], Probabilities]


@dataclass(frozen=True)
class ExportFormat:
    """A format: what Keras calls it, the file or folder it makes, and what opens that.

    packages: those that only this format needs, by which an extra of its own name brings them;
    precisions: of trainings whose networks it can hold.
    """

    name: str
    keras_name: str
    file: str
    opener: Callable[[Path], OpenedExport]
    packages: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)

    def check_installed(self) -> None:
        """Raise ExportError where a package is missing that this format needs."""
        if missing := [name for name in self.packages if find_spec(name) is None]:
            raise ExportError(
                f"--format {self.name}: found no {', no '.join(missing)}; install what it needs in "
                f"the project's folder: python -m pip install -e '.[{self.name}]'"
            )

    def check_precision(self, run: str, precision: str) -> None:
        """Raise ExportError where this format cannot compute as the run was trained."""
        if precision not in self.precisions:
            able = [each.name for each in FORMATS.values() if precision in each.precisions]
            raise ExportError(
                f"--format {self.name}: {run} was trained with precision {precision}, which it "
                f"does not hold; take --format {' or '.join(able)}, or train in float32"
            )

    def write(self, network: "keras.Model", folder: Path) -> None:
        """Write the network, without what works in training only, into a folder."""
        plain = drop_training_layers(network)
        with _hide_messages():
            plain.export(folder / self.file, format=self.keras_name, verbose=False)

    def open(self, folder: Path) -> OpenedExport:
        """Open what `write` wrote into a folder, in its own runtime."""
        with _hide_messages():
            return self.opener(folder / self.file)

    def list_versions(self) -> dict[str, str]:
        """Return the versions of what writes and opens this format."""
        return {name: version(name) for name in ("keras", "tensorflow", *self.packages)}


@contextmanager
def _hide_messages() -> Iterator[None]:
    """Show nobody what converters and runtimes say of their inside; what ends them is raised."""
    sys.stderr.flush()
    loud = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(loud, 2)
        os.close(loud)


def drop_training_layers(network: "keras.Model") -> "keras.Model":
    """Return the same network with nothing in the place of layers that work in training only.

    Those are augmentation and dropout, known by their random state. Keras exports augmentation
    switched on, and with it all layers behind: an image would get another answer each time.
    """
    import keras

    def copy_layer(layer: "keras.layers.Layer") -> "keras.layers.Layer":
        if any(isinstance(part, keras.random.SeedGenerator) for part in vars(layer).values()):
            return keras.layers.Identity(name=layer.name, dtype=layer.dtype_policy)
        return layer.__class__.from_config(layer.get_config())

    def call_layer(layer: "keras.layers.Layer", *taken: object, **settings: object) -> object:
        # A graph notes training=True where augmentation was called, and hands it on from there.
        return layer(*taken, **{name: settings[name] for name in settings.keys() - {"training"}})

    graph = {} if isinstance(network, keras.Sequential) else {"call_function": call_layer}
    plain = keras.models.clone_model(network, clone_function=copy_layer, **graph)
    plain.set_weights(network.get_weights())
    plain(keras.ops.zeros((1, *plain.input_shape[1:]), "uint8"))  # else ONNX is refused
    return plain


def _open_saved_model(path: Path) -> OpenedExport:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    served = loaded.signatures["serving_default"]
    [taken], [given] = served.structured_input_signature[1], served.structured_outputs

    def ask(images: Images) -> Probabilities:
        # Through `loaded`: the variables go when nobody holds it.
        found = loaded.signatures["serving_default"](**{taken: tf.constant(images)})
        probabilities: Probabilities = found[given].numpy()
        return probabilities

    return OpenedExport(taken, given, ask)


def _open_onnx(path: Path) -> OpenedExport:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (taken, *others), [given] = session.get_inputs(), session.get_outputs()
    if others:  # what Keras's Normalization subtracts and divides by
        raise ExportError(
            f"--format onnx: its converter took {others[0].name} of the network for an input; "
            "take another --format"
        )
    return OpenedExport(
        taken.name, given.name, lambda images: session.run(None, {taken.name: images})[0]
    )


def _open_tflite(path: Path) -> OpenedExport:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()  # what it says of that is kept back now
    served = interpreter.get_signature_runner()
    [taken], [given] = served.get_input_details(), served.get_output_details()
    return OpenedExport(taken, given, lambda images: served(**{taken: images})[given])


FORMATS = {
    each.name: each
    for each in (
        ExportFormat(
            "saved_model",
            "tf_saved_model",
            "saved_model",
            _open_saved_model,
            precisions=("float32", "mixed_bfloat16"),
        ),
        ExportFormat(
            "onnx", "onnx", "model.onnx", _open_onnx, packages=("tf2onnx", "onnx", "onnxruntime")
        ),
        ExportFormat("tflite", "litert", "model.tflite", _open_tflite),
    )
}
