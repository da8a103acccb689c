"""The bare script that repro.py compares the pipeline with: the same runs in one process.

Plain Keras: arrays in memory, `fit` with validation_data. The same networks, batches, weights,
and as many epochs as the pipeline's runs took, early stopping included. Run it in a project that
`dvc repro` has been through.
"""

import numpy as np

from stages.core import files
from stages.core.model import build
from stages.core.outputs import facts
from stages.core.params import load


def main() -> None:
    """Train every run of params.yaml and keep nothing."""
    params, data = load(), facts.read()
    (images, labels), validation = (
        (np.array(files.images(split)), files.labels(split)) for split in ("train", "validation")
    )
    for name in params.runs:
        train, done = params.run(name), files.read_json(files.folder("train", name) / "run.json")
        weights = done["class_weights"]
        build(train, data.shape, len(data.classes)).fit(
            images,
            labels,
            batch_size=train.batch_size,
            epochs=done["epochs"],
            validation_data=validation,
            class_weight=weights and {i: weights[c] for i, c in enumerate(data.classes)},
            verbose=0,
        )


if __name__ == "__main__":
    main()
