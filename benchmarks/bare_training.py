"""The bare script that repro.py compares the pipeline with: the same runs in one process.

Plain Keras: arrays in memory, `fit` with validation_data. The same networks, batches, weights,
and as many epochs as the pipeline's runs took, early stopping included. Run it in a project that
`dvc repro` has been through.
"""

import numpy as np

from secondlook.artifacts import dataset_card, files, manifest
from secondlook.config.params import load_params
from secondlook.training.model import build_model


def main() -> None:
    """Train every run of params.yaml and keep nothing."""
    params, data = load_params(), dataset_card.load_dataset_card()
    (images, labels), validation = (
        (np.array(manifest.load_images(split)), manifest.load_labels(split))
        for split in ("train", "validation")
    )
    for name in params.runs:
        train, done = (
            params.run(name),
            files.read_json(files.stage_folder("train", name) / "run.json"),
        )
        weights = done["class_weights"]
        build_model(train, data.shape, len(data.classes)).fit(
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
