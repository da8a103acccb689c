"""What a training's last digits may depend on besides code, parameters and data."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from secondlook.training import environment

INTEL = """processor : 0
model name : A CPU
flags : fpu sse4_2 smep avx2 amx_bf16
"""


def test_the_present_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions, variables that are set and threads are named; without TensorFlow no GPU is."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    told = environment.describe_environment()
    assert told["package numpy"] == version("numpy")
    assert told["variable OMP_NUM_THREADS"] == "3"
    assert "variable TF_XLA_FLAGS" not in told
    assert int(told["threads"]) >= 1
    assert ("GPU" in told) == ("tensorflow" in sys.modules)


def test_tensorflow_is_not_imported_to_ask() -> None:
    """Asking costs no eight seconds."""
    code = "import sys; from secondlook.training import environment as e; e.describe_environment();"
    code += "print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


TRAINING = """
import sys
from secondlook.training import environment
environment.start_tensorflow()
print(set(environment.LEFT_OUT) & set(sys.modules), file=sys.stderr)
import keras
import numpy as np
from secondlook.training.model import build_model
from tests.support.project import make_params
augment = {"rotation": 0.1, "shift": 0.2, "zoom": 0.1, "flip": True}
pixels = np.random.default_rng(1).integers(0, 256, (32, 8, 10, 3)).astype("uint8")
for kind in ("dense", "cnn"):
    changes = {"model": kind, "augment": augment, "filters": [4], "dense_units": [4]}
    model = build_model(make_params(train=changes).train, (8, 10, 3), 2)
    model.fit(pixels, np.arange(32) % 2, epochs=3, verbose=0)
    print(*(float(np.abs(one).sum()) for one in model.get_weights()), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_users_own_keras_settings_change_nothing(tmp_path: Path) -> None:
    """Backend, layout, precision and limits of keras.json and KERAS_* train the same weights.

    Nor does any training wait for what Keras can do without: it is there to be imported later.
    """
    settings = {
        "backend": "jax",
        "floatx": "float16",
        "epsilon": 0.1,
        "image_data_format": "channels_first",
    }
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    variables = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"}
    variables |= {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    command = [sys.executable, "-c", TRAINING]
    plain = {"KERAS_HOME": str(tmp_path / "plain")}
    both = [
        subprocess.Popen(command, env=os.environ | more, stderr=subprocess.PIPE, text=True)
        for more in (plain, variables)
    ]
    told = [process.communicate()[1].splitlines()[-3:] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told[0] == told[1]
    assert told[0][0] == "set()"


def test_another_backend_is_told_where_it_cannot_be_changed() -> None:
    """An application that has started Keras otherwise hears it in a line, before any traceback."""
    code = (
        "import sys; from types import SimpleNamespace as N;"
        "sys.modules['keras'] = N(config=N(backend=lambda: 'jax'));"
        "from secondlook.training.environment import choose_backend; choose_backend()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        "Keras: started with jax in this process; expected tensorflow: set "
        "KERAS_BACKEND=tensorflow before Keras is imported"
    )


def test_instruction_sets_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a CPU's flags, those that kernels are chosen by count."""
    monkeypatch.setattr(environment, "CPUINFO_FILE", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(INTEL)
    told = environment.describe_environment()
    assert (told["CPU"], told["CPU features"]) == ("A CPU", "amx_bf16 avx2 sse4_2")


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"python": "3.11"}, {"python": "3.12"}, ["python: 3.11 then, 3.12 now"]),
        ({"package keras": "3"}, {}, ["keras: 3 then, not installed now"]),
        ({}, {"variable OMP_NUM_THREADS": "1"}, ["OMP_NUM_THREADS: not set then, 1 now"]),
        ({"GPU": "A100"}, {}, []),
        ({"GPU": "A100"}, {"GPU": "none"}, ["GPU: A100 then, none now"]),
        (
            {"CPU features": "avx sse"},
            {"CPU features": "avx2 sse"},
            ["CPU features: only then avx; only now avx2"],
        ),
        ({"threads": "2"}, {"threads": "2"}, []),
    ],
)
def test_changes_are_told_in_words(
    then: dict[str, str], now: dict[str, str], told: list[str]
) -> None:
    """A version, a variable, a feature: each with both sides; what nobody asked is no change."""
    assert list(environment.describe_changes(then, now)) == told
