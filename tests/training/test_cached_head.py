"""A head that learns from what a frozen backbone made once is the head of the whole network."""

from typing import Any

import numpy as np
import pytest

from secondlook.config.params import load_params
from secondlook.config.training import BackboneParams, TrainParams

pytestmark = pytest.mark.slow  # a backbone takes seconds to build
SHAPE = (32, 32, 3)
AUGMENT = {"rotation": 0.1, "shift": 0.0, "zoom": 0.0, "flip": True}


def make_params(**changes: Any) -> TrainParams:  # noqa: ANN401 - whatever a run may change
    """Return a pretrained run of the smallest backbone, its weights random."""
    backbone = BackboneParams(name="mobilenet_v3_small", sha256="0" * 64)
    entry = {"model": "pretrained", "backbone": backbone.model_dump(), "dropout": 0.2, **changes}
    return load_params().model_copy(update={"runs": {"x": entry}}).run("x")


def test_the_head_is_that_of_the_whole() -> None:
    """It answers features as the whole answers the images, before it has learned and after."""
    from secondlook.training.backbone import CachedHead
    from secondlook.training.model import build_model, predict_probabilities
    from secondlook.training.optimization import Batches

    random, train = np.random.default_rng(5), make_params()
    images = random.integers(0, 256, (70, *SHAPE)).astype(np.uint8)
    labels = random.integers(0, 3, 70)
    model = build_model(train, SHAPE, 3)
    batches = Batches(images, labels, np.ones(3, np.float32), batch_size=16, seed=1)
    head = CachedHead(model, train, batches, {"validation": (images[:10], labels[:10])})
    features, told = head.measured["validation"]
    assert head.data.images.shape == (70, 576)
    np.testing.assert_array_equal(told, labels[:10])
    np.testing.assert_array_equal(features[:10], head.data.images[:10])
    before = predict_probabilities(model, images)
    np.testing.assert_allclose(head.predict(head.data.images), before, atol=1e-6)
    frozen = [layer.get_weights() for layer in model.layers if not layer.trainable]
    head.network.fit(head.data.build_dataset(), steps_per_epoch=len(batches), epochs=2, verbose=0)
    after = predict_probabilities(model, images)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(head.predict(head.data.images), after, atol=1e-6)
    for layer, weights in zip((e for e in model.layers if not e.trainable), frozen, strict=True):
        for now, then in zip(layer.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(now, then)


def test_what_changes_from_epoch_to_epoch_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Augmented images, networks without a backbone, more features than memory should hold."""
    from secondlook.training import backbone
    from secondlook.training.model import build_model

    train = make_params()
    model = build_model(train, SHAPE, 3)
    assert backbone.is_cacheable(train, model, 1000)
    assert not backbone.is_cacheable(make_params(augment=AUGMENT), model, 1000)
    cnn = load_params().run("unweighted")
    assert not backbone.is_cacheable(cnn, build_model(cnn, SHAPE, 3), 1000)
    monkeypatch.setattr(backbone, "MAX_FEATURE_BYTES", 4 * 576 * 1000)
    assert backbone.is_cacheable(train, model, 1000)
    assert not backbone.is_cacheable(train, model, 1001)
