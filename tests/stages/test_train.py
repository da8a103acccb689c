"""Fit one entry of `runs:`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from secondlook.artifacts import files, layer_artifact, manifest
from secondlook.config.errors import ParamsError, TrainingError
from secondlook.config.training import TrainParams
from secondlook.training import trainer
from stages import train
from tests.support.project import ROOT
from tests.support.training import (
    SILENT,
    make_noise_card,
    make_small_run_params,
    read_history,
    read_outputs,
    write_noise_images,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def data(project: Path) -> Path:
    """Give a project with images."""
    return write_noise_images(project)


@pytest.mark.usefixtures("data")
def test_same_inputs_same_bytes() -> None:
    """A run trained twice leaves the same files, with every source of chance switched on."""
    augment = {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True}
    wanted = make_small_run_params(augment=augment, dropout=0.5, class_weight="balanced")
    train.run(wanted, "small", SILENT)
    first = read_outputs()
    train.run(wanted, "small", SILENT)
    assert read_outputs() == first
    assert set(first) == {
        *("model.json", "model.weights.h5", "history.csv", "predictions.npz", "run.json"),
        *("typical.npz", "layers.json", "inside.npz"),
    }


@pytest.mark.usefixtures("data")
def test_curves_are_unweighted_and_in_inference_mode() -> None:
    """The last point of a curve is what the saved predictions say, whatever the weights."""
    train.run(
        make_small_run_params(class_weight={"left": 10, "right": 10}, dropout=0.5), "small", SILENT
    )
    with np.load(files.stage_folder("train", "small") / "predictions.npz") as saved:
        probabilities = saved["validation"]
    labels = manifest.load_labels("validation")
    loss = -np.log(probabilities[np.arange(len(labels)), labels].astype(float)).mean()
    last = read_history()[-1]
    assert last["validation/loss"] == pytest.approx(loss, rel=1e-6)
    assert last["train/objective"] > 5 * last["train/loss"]


@pytest.mark.usefixtures("data")
def test_curves_are_of_log_loss_whatever_is_optimised() -> None:
    """With softer labels and focal loss too; what is optimised stands beside them."""
    changes = {"label_smoothing": 0.3, "loss": {"focal": {"gamma": 2.0}}, "epochs": 1}
    train.run(make_small_run_params(**changes), "small", SILENT)
    with np.load(files.stage_folder("train", "small") / "predictions.npz") as saved:
        probabilities = saved["validation"]
    labels = manifest.load_labels("validation")
    loss = -np.log(probabilities[np.arange(len(labels)), labels].astype(float)).mean()
    (last,) = read_history()
    assert last["validation/loss"] == pytest.approx(loss, rel=1e-6)
    assert last["train/objective"] < last["train/loss"]  # (1 - p) ** 2 is below 1
    network = (files.stage_folder("train", "small") / "model.json").read_text("utf-8")
    assert not [word for word in ("loss", "focal", "optimizer") if word in network]
    told = files.read_json(files.stage_folder("train", "small") / "run.json")["parameters"]
    assert told.items() >= changes.items()


@pytest.mark.usefixtures("data")
def test_what_is_inside_is_of_the_network_that_predicts() -> None:
    """The layer table's accuracy and the example's answer are those of the predictions."""
    train.run(make_small_run_params(), "small", SILENT)
    with np.load(files.stage_folder("train", "small") / "predictions.npz") as saved:
        validation, test = saved["validation"], saved["test"]
    table, shown = (
        layer_artifact.load_layer_report("small"),
        layer_artifact.load_activations("small"),
    )
    right = validation.argmax(axis=1) == manifest.load_labels("validation")
    assert table.accuracy == right.mean()
    assert [layer.name for layer in table.layers] == [
        *("image", "convolution_1", "pooling_1", "flat", "dense_1", "answer")
    ]
    place = int(manifest.load_labels("test").argmax())  # the first image of the class `right`
    np.testing.assert_array_equal(shown.image, manifest.load_images("test")[place])
    np.testing.assert_allclose(shown.probabilities, test[place], atol=1e-5)


@pytest.mark.usefixtures("data")
def test_early_stopping_keeps_the_best_epoch() -> None:
    """The kept epoch has the lowest validation loss, and its weights made the predictions."""
    stopping = {"monitor": "validation/loss", "patience": 2}
    train.run(
        make_small_run_params(epochs=30, learning_rate=0.05, early_stopping=stopping),
        "small",
        SILENT,
    )
    outcome, losses = (
        files.read_json(files.stage_folder("train", "small") / "run.json"),
        read_history(),
    )
    best = min(losses, key=lambda point: point["validation/loss"])
    assert outcome["stopped_early"]
    assert outcome["epochs"] == len(losses) == outcome["kept_epoch"] + 2 < 30
    assert outcome["kept_epoch"] == best["epoch"]
    with np.load(files.stage_folder("train", "small") / "predictions.npz") as saved:
        answers = saved["validation"].argmax(axis=1)
    accuracy = (answers == manifest.load_labels("validation")).mean()
    assert accuracy == pytest.approx(best["validation/accuracy"])


@pytest.mark.usefixtures("data")
def test_best_weights_return_at_a_natural_end() -> None:
    """Patience that never runs out keeps the best epoch all the same, and says which."""
    stopping = {"monitor": "validation/loss", "patience": 99}
    train.run(
        make_small_run_params(epochs=8, learning_rate=0.05, early_stopping=stopping),
        "small",
        SILENT,
    )
    outcome = files.read_json(files.stage_folder("train", "small") / "run.json")
    best = min(read_history(), key=lambda point: point["validation/loss"])
    assert (outcome["kept_epoch"], outcome["stopped_early"]) == (best["epoch"], False)


@pytest.mark.usefixtures("data")
def test_every_epoch_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The tracker is given each epoch as it ends; a log gets one line for it."""
    told: list[int] = []
    train.run(make_small_run_params(), "small", lambda epoch, _numbers: told.append(epoch))
    assert told == [1, 2, 3]
    lines = [line for line in capsys.readouterr().out.splitlines() if "validation/loss" in line]
    assert len(lines) == 3


@pytest.mark.usefixtures("data")
def test_divergence_is_one_line_and_leaves_nothing() -> None:
    """A learning rate that blows the objective up is told, and no half-made output stays."""
    with pytest.raises(TrainingError, match=r"runs\.small: the objective became .* learning_rate"):
        train.run(make_small_run_params(learning_rate=1e30, optimizer="sgd"), "small", SILENT)
    assert not files.stage_folder("train", "small").exists()
    assert not list(files.PARTIAL_FOLDER.glob("*"))


def test_what_changes_a_result_trains_again() -> None:
    """DVC looks at every key of `train` that is a run's, and not at how often it is saved."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert stages["train"]["do"]["params"] == [
        # What need not be there is for entries of `runs` alone (tests/config/test_params.py).
        *(f"train.{key}" for key, f in TrainParams.model_fields.items() if f.is_required()),
        "runs.${key}",
    ]


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    """Balanced weighs as scikit-learn's compute_class_weight does."""
    from sklearn.utils.class_weight import compute_class_weight

    three = make_noise_card(["a", "b", "c"], {"train": {"a": 7, "b": 2, "c": 1}})
    labels = np.repeat([0, 1, 2], [7, 2, 1])
    weights = trainer.compute_class_weights(
        make_small_run_params(class_weight="balanced").run("small"), three, "here"
    )
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    assert weights is not None
    assert list(weights.values()) == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"left": 1, "right": 2, "up": 3}, "found class 'up'; expected left or right"),
        ({"left": 1}, "class 'right' has no weight; give every class one"),
    ],
)
def test_class_weights_must_fit_the_classes(weights: dict[str, float], message: str) -> None:
    """A weight for no class, or a class without one, names the run and the class."""
    two = make_noise_card(["left", "right"], {"train": {"left": 2, "right": 1}})
    with pytest.raises(ParamsError, match=f"here.class_weight: .*{message}"):
        trainer.compute_class_weights(
            make_small_run_params(class_weight=weights).run("small"), two, "here"
        )


def test_mistakes_are_told_before_tensorflow_is_imported(data: Path) -> None:
    """A class weight that does not fit is refused without the 8 s that TensorFlow takes."""
    text = (data / "params.yaml").read_text(encoding="utf-8")
    text = text.replace('positive: "8"', "positive: null")
    text = text.replace(
        "  weighted:\n    class_weight: balanced", "  weighted: {class_weight: {a: 1}}"
    )
    (data / "params.yaml").write_text(text, encoding="utf-8")
    code = (
        "import sys; from stages import train; from secondlook.config import errors, params\n"
        "try: train.run(params.load_params(), 'weighted', print)\n"
        "except errors.ParamsError as error: print(error, 'tensorflow' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path(train.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert "found class 'a'; expected left or right False" in done.stdout


@pytest.mark.usefixtures("data")
def test_what_a_device_cannot_compute_twice_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TensorFlow names the operation; the line names the run, and nothing is left of it."""
    import keras
    import tensorflow as tf

    def refuse(*_args: object, **_settings: object) -> None:
        text = "A deterministic GPU implementation of Foo is not available.\n\t [[node Foo]]"
        raise tf.errors.UnimplementedError(None, None, text)

    monkeypatch.setattr(keras.Model, "fit", refuse)
    with pytest.raises(TrainingError) as caught:
        train.run(make_small_run_params(), "small", SILENT)
    told = str(caught.value)
    assert told.startswith("params.yaml: runs.small: this device cannot train it so that it comes ")
    assert "GPU implementation of Foo is not available.)" in told
    assert "\n" not in told
    assert not files.stage_folder("train", "small").exists()
