"""What a training's last digits may depend on besides code, parameters and data."""

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
