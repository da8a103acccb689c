"""What determines a training: its run key, and the environment that may change the last digits.

The run key is that of a run's own inputs; libraries, threads, CPU and GPU are the environment.
TensorFlow is started without what it says of graphics cards that are not there.
"""

import hashlib
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from secondlook.artifacts import files
from secondlook.artifacts.parallel import count_schedulable_cores
from secondlook.config.errors import TrainingError
from secondlook.config.params import Params
from secondlook.config.training import TrainParams
from secondlook.config.yaml_files import load_yaml

PIPELINE_FILE = Path("dvc.yaml")
CODE_FOLDERS = ("stages", "secondlook")
BACKEND = "tensorflow"
# Keras reads these when it is imported, besides the first: two cut a training short.
KERAS_VARIABLES = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
# Keras imports them, where they are, for drawings, wrappers and tables that nobody here asks for.
LEFT_OUT = ("matplotlib", "pandas", "sklearn")


def compute_run_key(params: Params, name: str) -> str:
    """Return the SHA-256 (hex) of everything that determines the run `name`.

    That is its effective parameters, the digest in data/preprocess/facts.json, and the code
    files behind the deps that dvc.yaml lists for `train`. The name itself is not part of it.
    Raises DataError when `preprocess` has not run.
    """
    return compute_training_key(params.run(name))


def compute_training_key(train: TrainParams) -> str:
    """Return the run key of a training by its effective parameters; DataError likewise."""
    facts = files.read_json(files.check_present(files.stage_folder("preprocess", "facts.json")))
    parts = [
        json.dumps(train.model_dump(), sort_keys=True),
        facts["digest"],
        files.hash_files(*list_training_code()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def list_training_code() -> list[Path]:
    """Return the code files of the deps that dvc.yaml lists for `train`, sorted.

    A folder stands for every Python file in it.
    """
    pipeline = load_yaml(PIPELINE_FILE)
    deps = pipeline["stages"]["train"]["do"]["deps"]
    code = [Path(dep) for dep in deps if dep.split("/")[0] in CODE_FOLDERS]
    return sorted(
        file for path in code for file in ([path] if path.is_file() else path.rglob("*.py"))
    )


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and look for devices, all of which takes seconds.

    Keras works by its own defaults, not by what the user's variables or ~/.keras/keras.json say:
    a run is reproduced from its parameters, and these are none of them. For a process of our own:
    Keras goes without the libraries LEFT_OUT, which take a third of its import.
    """
    choose_backend()
    with _silence_stderr(), leave_out(LEFT_OUT):
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")


def choose_backend() -> None:
    """Let Keras, when it is imported, compute with TensorFlow and train for as long as it is told.

    Raises TrainingError where this process has imported it with another backend.
    """
    if "keras" in sys.modules:
        import keras

        if keras.config.backend() != BACKEND:
            raise TrainingError(
                f"Keras: started with {keras.config.backend()} in this process; expected "
                f"{BACKEND}: set KERAS_BACKEND={BACKEND} before Keras is imported"
            )
    for name in KERAS_VARIABLES:
        os.environ.pop(name, None)
    os.environ["KERAS_BACKEND"] = BACKEND


@contextmanager
def leave_out(packages: tuple[str, ...]) -> Iterator[None]:
    """Let an import of any of these packages find none, unless it was imported before."""
    absent = [name for name in packages if name not in sys.modules]
    hidden: dict[str, Any] = dict.fromkeys(absent)  # None ends an import as if there were none
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Keep back what C++ code writes to stderr; should it fail, all of it is shown."""
    sys.stderr.flush()
    loud = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(loud, kept.read())
            raise
        finally:
            os.dup2(loud, 2)
            os.close(loud)


CPUINFO_FILE = Path("/proc/cpuinfo")
PACKAGES = (
    *("tensorflow", "keras", "numpy", "pillow", "scipy", "scikit-learn", "h5py", "ml-dtypes"),
    *("nvidia-cuda-runtime-cu12", "nvidia-cudnn-cu12", "nvidia-cublas-cu12"),
)
ENVIRONMENT_VARIABLES = (
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_XLA_FLAGS"),
)
# Instruction sets that kernels are chosen by; other flags of a CPU change no number.
VECTOR_EXTENSIONS = re.compile(r"(s?sse|avx|amx|fma|f16c|asimd|sve|sme(?!p)|neon|bf16|i8mm)\w*")
CPU_FEATURES = "CPU features"
# What a missing entry of these kinds means; of any other kind it means that nobody asked.
MEANINGS_OF_MISSING = {"package": "not installed", "variable": "not set"}


def describe_environment() -> dict[str, str]:
    """Return the environment of this process: versions, CPU, threads and GPU, each by its name.

    The GPU is named where TensorFlow is loaded already: it alone knows which it uses.
    """
    told = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "C library": " ".join(platform.libc_ver()),
        "threads": str(count_schedulable_cores()),  # TensorFlow starts as many
        **{f"package {name}": found for name in PACKAGES if (found := _find_package_version(name))},
        **{
            f"variable {name}": os.environ[name]
            for name in ENVIRONMENT_VARIABLES
            if name in os.environ
        },
        **_read_cpu(),
    }
    return told | ({"GPU": _list_gpus()} if "tensorflow" in sys.modules else {})


def describe_changes(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield, in words, what differs between two environments."""
    for name in sorted(then.keys() | now.keys()):
        kind, _, rest = name.partition(" ")
        old, new = (side.get(name, MEANINGS_OF_MISSING.get(kind)) for side in (then, now))
        if old is None or new is None or old == new:
            continue
        if name == CPU_FEATURES:
            yield f"{name}: {_format_set_differences(set(old.split()), set(new.split()))}"
        else:
            yield f"{rest if kind in MEANINGS_OF_MISSING else name}: {old} then, {new} now"


def _format_set_differences(then: set[str], now: set[str]) -> str:
    """Return what only one of two sets holds."""
    sides = {"only then": then - now, "only now": now - then}
    return "; ".join(f"{side} {' '.join(sorted(has))}" for side, has in sides.items() if has)


def _find_package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read_cpu() -> dict[str, str]:
    """Return the CPU's name and its vector instructions, as far as the system tells them."""
    text = CPUINFO_FILE.read_text(encoding="utf-8") if CPUINFO_FILE.exists() else ""
    lines = (line.partition(":") for line in text.splitlines())
    told = {key.strip().lower(): value.strip() for key, _, value in lines}
    flags = (told.get("flags") or told.get("features") or "").split()
    vectors = " ".join(sorted(flag for flag in flags if VECTOR_EXTENSIONS.fullmatch(flag)))
    found = {"CPU": told.get("model name") or platform.processor(), CPU_FEATURES: vectors}
    return {name: value for name, value in found.items() if value}


def _list_gpus() -> str:
    """Return the GPUs that TensorFlow sees, or none."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    told = [tf.config.experimental.get_device_details(device) for device in devices]
    return ", ".join(about.get("device_name", "unnamed") for about in told) or "none"
