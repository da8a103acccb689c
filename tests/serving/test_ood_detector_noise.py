"""A trained network is sure of noise; the warning says what it does not know."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import dataset_card, files
from secondlook.data.decoding import DecodedImage
from secondlook.serving.ood_detector import OodDetector
from secondlook.training.environment import list_training_code
from stages import preprocess, split, train
from tests.support.project import ROOT
from tests.support.training import SILENT, make_small_run_params

pytestmark = pytest.mark.slow

NETWORK = {"model": "dense", "dense_units": [64], "epochs": 10, "batch_size": 32}


def trained(project: Path) -> Path:
    """Train a run on the embedded digits; return its folder."""
    shutil.copytree(ROOT / "data" / "digits", project / "data" / "digits")
    for code in list_training_code():
        (project / code).parent.mkdir(parents=True, exist_ok=True)
        (project / code).touch()
    wanted = make_small_run_params(**NETWORK)
    split.run(wanted)
    preprocess.run(wanted)
    train.run(wanted, "small", SILENT)
    return files.stage_folder("train", "small")


def test_a_softmax_of_0_9999_on_noise_comes_with_a_warning(project: Path) -> None:
    """Of 200 pictures of noise the network is that sure of many; each of them is warned of."""
    from secondlook.training import model

    folder = trained(project)
    typical, network = (
        OodDetector.read(folder, dataset_card.load_dataset_card()),
        model.load_model(folder),
    )
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
    answers = list(model.predict_batches(network, noise))
    probabilities = np.concatenate([some.probabilities for some in answers])
    embeddings = np.concatenate([some.embeddings for some in answers])
    sure = np.flatnonzero(probabilities.max(axis=1) >= 0.9999)
    assert len(sure) > 0
    for place in sure:
        seen = DecodedImage(noise[place], 28, 28)
        found = typical.find_warnings(seen, probabilities[place], embeddings[place])
        assert "detail" in {one.kind for one in found}
