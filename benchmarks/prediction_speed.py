"""Pictures/s of `predict`, against preprocessing and the network one after the other.

Ten thousand JPEG photographs to 120 x 120 x 3 and the default network, trained for one epoch. Ours
is all of what `predict` does but for starting: reading, decoding, asking, comparing with training,
and the line that it prints. Against it: preprocessing the same files, and the network asked about
their arrays, in one process, in turn. Target: 0.8 of the speed that both together would have.
And the peak memory (as in peak_memory.py) of the command itself, on 2,000 and on 10,000 pictures.
"""

from functools import partial
from pathlib import Path

from benchmarks.measuring import (
    FreshProcess,
    Measurement,
    compute_ratio,
    measure_in_turn,
    time_action,
)
from benchmarks.peak_memory import measure_peak_memory
from benchmarks.photographs import PHOTOGRAPHS_FOLDER, build_photograph_project, enter_quietly
from secondlook.config.params import load_params
from tests.support.project import run_command

TIMES, RUN, PICTURES_ASKED = 5, "small", 1_500
COUNTS = {"train": 400, "validation": 100, "test": 100}
CHANGES = {
    "runs": {RUN: {"epochs": 1}},
    "report": {"reference": RUN},
    "track": {"live_after": 10**6},
}
FEW, MANY = 2_000, 10_000


def measure(folder: Path) -> list[Measurement]:
    """Train, then take turns over the same files; then look at the memory of the command."""
    project = build_photograph_project(folder / "project", COUNTS, CHANGES)
    for stage in ("split", "preprocess", f"train {RUN}", f"evaluate {RUN}"):
        run_command(project, "python", "-m", "stages", *stage.split())
    with FreshProcess() as apart:
        ours, apart_from = measure_in_turn(
            TIMES,
            partial(apart.call, measure_predict, project),
            partial(apart.call, measure_parts, project),
        )
    peaks = [[measure_peak_memory(project, make_command(project, count))] for count in (FEW, MANY)]
    return [
        Measurement("predict", ours, "pictures/s", digits=0),
        Measurement("preprocessing, then the network", apart_from, "pictures/s", digits=0),
        compute_ratio("ours : both", ours, apart_from, at_least=0.8),
        *(
            Measurement(f"predict: peak at {count:,} pictures", values, "MB", digits=0)
            for count, values in zip((FEW, MANY), peaks, strict=True)
        ),
        compute_ratio("predict: growth", peaks[1], peaks[0], at_most=1.15),
    ]


def list_pictures(project: Path, count: int) -> list[str]:
    """Return so many paths, again from the first where there are too few."""
    found = sorted(map(str, (project / PHOTOGRAPHS_FOLDER).rglob("*.jpg")))
    return [found[number % len(found)] for number in range(count)]


def make_command(project: Path, count: int) -> list[str]:
    """Return what asks about so many pictures."""
    return ["predict", "--run", RUN, "--json", *list_pictures(project.resolve(), count)]


def measure_predict(project: Path) -> float:
    """Return the pictures/s of everything that `predict` does with each."""
    from secondlook.serving import inputs, output
    from secondlook.serving.inputs import ModelFiles
    from secondlook.serving.output import PredictionSummary
    from secondlook.serving.predictor import Predictor

    with enter_quietly(project):
        served = Predictor(ModelFiles.in_workspace(RUN))
        pictures = list(inputs.find_images(list_pictures(project, PICTURES_ASKED), project))
        list(served.predict(picture.read for picture in pictures[:64]))  # compiles the network
        tally = PredictionSummary(served.ood_detector.make_drift_monitor())

        def ask() -> None:
            answers = served.predict(picture.read for picture in pictures)
            for picture, said in zip(pictures, answers, strict=True):
                output.format_json(picture.name, said, 3)
                tally.add(said)

        return PICTURES_ASKED / time_action(ask)


def measure_parts(project: Path) -> float:
    """Return the pictures/s of preprocessing alone and then asking alone."""
    import numpy as np

    from secondlook.artifacts import files
    from secondlook.artifacts.parallel import map_in_order
    from secondlook.data import decoding
    from secondlook.training import model

    with enter_quietly(project):
        spec, found = load_params().preprocess, list_pictures(project, PICTURES_ASKED)
        network = model.load_model(files.stage_folder("train", RUN))
        pixels = list(
            map_in_order(
                lambda name: decoding.decode_pixels(Path(name).read_bytes(), spec), found, 8
            )
        )
        model.predict_probabilities(network, np.stack(pixels[:64]))
        decode = time_action(
            lambda: list(
                map_in_order(lambda n: decoding.decode_pixels(Path(n).read_bytes(), spec), found, 8)
            )
        )
        return PICTURES_ASKED / (
            decode + time_action(lambda: model.predict_probabilities(network, np.stack(pixels)))
        )
