"""Pictures/s of `predict`, against preprocessing and the network one after the other.

Ten thousand JPEG photographs to 120 x 120 x 3 and the default network, trained for one epoch. Ours
is all of what `predict` does but for starting: reading, decoding, asking, comparing with training,
and the line that it prints. Against it: preprocessing the same files, and the network asked about
their arrays, in one process, in turn. Target: 0.8 of the speed that both together would have.
And the peak memory (as in memory.py) of the command itself, on 2,000 and on 10,000 pictures.
"""

from functools import partial
from pathlib import Path

from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.memory import peak
from tests.bench.projects import PHOTOGRAPHS, inside, with_photographs
from tests.bench.turns import Apart, in_turn, seconds
from tests.pipeline_builder import run

TIMES, RUN, ASKED = 5, "small", 1_500
COUNTS = {"train": 400, "validation": 100, "test": 100}
CHANGES = {
    "runs": {RUN: {"epochs": 1}},
    "report": {"reference": RUN},
    "track": {"live_after": 10**6},
}
FEW, MANY = 2_000, 10_000


def measure(folder: Path) -> list[Line]:
    """Train, then take turns over the same files; then look at the memory of the command."""
    project = with_photographs(folder / "project", COUNTS, CHANGES)
    for stage in ("split", "preprocess", f"train {RUN}", f"evaluate {RUN}"):
        run(project, "python", "-m", "stages", *stage.split())
    with Apart() as apart:
        ours, apart_from = in_turn(
            TIMES,
            partial(apart.call, predicting, project),
            partial(apart.call, both, project),
        )
    peaks = [[peak(project, command(project, count))] for count in (FEW, MANY)]
    return [
        Line("predict", ours, "pictures/s", digits=0),
        Line("preprocessing, then the network", apart_from, "pictures/s", digits=0),
        ratio("ours : both", ours, apart_from, at_least=0.8),
        *(
            Line(f"predict: peak at {count:,} pictures", values, "MB", digits=0)
            for count, values in zip((FEW, MANY), peaks, strict=True)
        ),
        ratio("predict: growth", peaks[1], peaks[0], at_most=1.15),
    ]


def paths(project: Path, count: int) -> list[str]:
    """Return so many paths, again from the first where there are too few."""
    found = sorted(map(str, (project / PHOTOGRAPHS).rglob("*.jpg")))
    return [found[number % len(found)] for number in range(count)]


def command(project: Path, count: int) -> list[str]:
    """Return what asks about so many pictures."""
    return ["predict", "--run", RUN, "--json", *paths(project.resolve(), count)]


def predicting(project: Path) -> float:
    """Return the pictures/s of everything that `predict` does with each."""
    from stages.core.serving import given, lines
    from stages.core.serving.parts import Parts
    from stages.core.serving.served import Served
    from stages.core.serving.tally import Tally

    with inside(project):
        served = Served(Parts.of_run(RUN))
        pictures = list(given.pictures(paths(project, ASKED), project))
        list(served.answers(picture.read for picture in pictures[:64]))  # compiles the network
        tally = Tally(served.typical.shift())

        def ask() -> None:
            answers = served.answers(picture.read for picture in pictures)
            for picture, said in zip(pictures, answers, strict=True):
                lines.as_json(picture.name, said, 3)
                tally.add(said)

        return ASKED / seconds(ask)


def both(project: Path) -> float:
    """Return the pictures/s of preprocessing alone and then asking alone."""
    import numpy as np

    from stages.core import files, model
    from stages.core.data import images
    from stages.core.parallel import in_order

    with inside(project):
        spec, found = load().preprocess, paths(project, ASKED)
        network = model.load(files.folder("train", RUN))
        pixels = list(in_order(lambda name: images.read(Path(name).read_bytes(), spec), found, 8))
        model.predict(network, np.stack(pixels[:64]))
        decode = seconds(
            lambda: list(in_order(lambda n: images.read(Path(n).read_bytes(), spec), found, 8))
        )
        return ASKED / (decode + seconds(lambda: model.predict(network, np.stack(pixels))))
