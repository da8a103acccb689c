"""What may change the last digits of a training besides its code, parameters and data."""

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPU = Path("/proc/cpuinfo")
PACKAGES = (
    *("tensorflow", "keras", "numpy", "pillow", "scipy", "scikit-learn", "h5py", "ml-dtypes"),
    *("nvidia-cuda-runtime-cu12", "nvidia-cudnn-cu12", "nvidia-cublas-cu12"),
)
VARIABLES = (
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_XLA_FLAGS"),
)
# Instruction sets that kernels are chosen by; other flags of a CPU change no number.
VECTORS = re.compile(r"(s?sse|avx|amx|fma|f16c|asimd|sve|sme(?!p)|neon|bf16|i8mm)\w*")
FEATURES = "CPU features"
# What a missing entry of these kinds means; of any other kind it means that nobody asked.
ABSENT = {"package": "not installed", "variable": "not set"}


def here() -> dict[str, str]:
    """Return the environment of this process: versions, CPU, threads and GPU, each by its name.

    The GPU is named where TensorFlow is loaded already: it alone knows which it uses.
    """
    told = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "C library": " ".join(platform.libc_ver()),
        "threads": str(_cores()),
        **{f"package {name}": found for name in PACKAGES if (found := _version(name))},
        **{f"variable {name}": os.environ[name] for name in VARIABLES if name in os.environ},
        **_cpu(),
    }
    return told | ({"GPU": _gpus()} if "tensorflow" in sys.modules else {})


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield, in words, what differs between two environments."""
    for name in sorted(then.keys() | now.keys()):
        kind, _, rest = name.partition(" ")
        old, new = (side.get(name, ABSENT.get(kind)) for side in (then, now))
        if old is None or new is None or old == new:
            continue
        if name == FEATURES:
            yield f"{name}: {_apart(set(old.split()), set(new.split()))}"
        else:
            yield f"{rest if kind in ABSENT else name}: {old} then, {new} now"


def _apart(then: set[str], now: set[str]) -> str:
    """Return what only one of two sets holds."""
    sides = {"only then": then - now, "only now": now - then}
    return "; ".join(f"{side} {' '.join(sorted(has))}" for side, has in sides.items() if has)


def _cores() -> int:
    """Return how many cores the process may use: TensorFlow starts as many threads."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> dict[str, str]:
    """Return the CPU's name and its vector instructions, as far as the system tells them."""
    text = CPU.read_text(encoding="utf-8") if CPU.exists() else ""
    lines = (line.partition(":") for line in text.splitlines())
    told = {key.strip().lower(): value.strip() for key, _, value in lines}
    flags = (told.get("flags") or told.get("features") or "").split()
    vectors = " ".join(sorted(flag for flag in flags if VECTORS.fullmatch(flag)))
    found = {"CPU": told.get("model name") or platform.processor(), FEATURES: vectors}
    return {name: value for name, value in found.items() if value}


def _gpus() -> str:
    """Return the GPUs that TensorFlow sees, or none."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    told = [tf.config.experimental.get_device_details(device) for device in devices]
    return ", ".join(about.get("device_name", "unnamed") for about in told) or "none"
