"""A trained network is sure of noise; the warning says what it does not know."""

import shutil
from pathlib import Path

import numpy as np

from stages import preprocess, split, train
from stages.core import files
from stages.core.data.images import Seen
from stages.core.identity import training_code
from stages.core.outputs import facts
from stages.core.typical.typical import Typical
from tests.training_builder import SILENT, params

ROOT = Path(__file__).parents[3]
NETWORK = {"model": "dense", "dense_units": [64], "epochs": 10, "batch_size": 32}


def trained(project: Path) -> Path:
    """Train a run on the embedded digits; return its folder."""
    shutil.copytree(ROOT / "data" / "digits", project / "data" / "digits")
    for code in training_code():
        (project / code).parent.mkdir(parents=True, exist_ok=True)
        (project / code).touch()
    wanted = params(**NETWORK)
    split.run(wanted)
    preprocess.run(wanted)
    train.run(wanted, "small", SILENT)
    return files.folder("train", "small")


def test_a_softmax_of_0_9999_on_noise_comes_with_a_warning(project: Path) -> None:
    """Of 200 pictures of noise the network is that sure of many; each of them is warned of."""
    from stages.core import model

    folder = trained(project)
    typical, network = Typical.read(folder, facts.read()), model.load(folder)
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
    answers = list(model.ask(network, noise))
    probabilities = np.concatenate([some.probabilities for some in answers])
    embeddings = np.concatenate([some.embeddings for some in answers])
    sure = np.flatnonzero(probabilities.max(axis=1) >= 0.9999)
    assert len(sure) > 0
    for place in sure:
        seen = Seen(noise[place], 28, 28)
        found = typical.warnings(seen, probabilities[place], embeddings[place])
        assert "detail" in {one.kind for one in found}
