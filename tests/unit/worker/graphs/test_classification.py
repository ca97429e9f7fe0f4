from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.classification import export_classification
from lookalike_worker.graphs.head import Head, load_head, save_head, softmax
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import hub, tf

SIZE, DIMENSIONS, N_CLASSES = 16, 6, 5
IMAGES = np.random.default_rng(1).random((3, SIZE, SIZE, 3), np.float32)


def classifier(top: str) -> Any:
    """A convolution, normalisation and pooling, and then one of several tops."""
    layers = keras.layers
    tops: dict[str, list[Any]] = {
        "logits": [layers.Flatten(), layers.Dense(N_CLASSES)],
        "softmax": [layers.Flatten(), layers.Dense(N_CLASSES, activation="softmax")],
        "no bias": [layers.Flatten(), layers.Dense(N_CLASSES, use_bias=False)],
        "convolution": [layers.Conv2D(N_CLASSES, 1), layers.Flatten()],
        "sigmoid": [layers.Flatten(), layers.Dense(N_CLASSES, activation="sigmoid")],
        "pooled": [layers.Flatten()],
    }
    body = [
        keras.Input((SIZE, SIZE, 3)),
        layers.Conv2D(DIMENSIONS, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(keepdims=True),
    ]
    model = keras.Sequential(body + tops[top])
    generator = np.random.default_rng(4)
    weights = [generator.random(w.shape).astype(np.float32) + 0.1 for w in model.get_weights()]
    model.set_weights(weights)
    return model


def save(
    model: Any, folder: Path, *, labels: Path | None = None, variables: str = "variables"
) -> Path:
    """As a classification module of the hub: callable, with lists of variables."""
    root = tf.train.Checkpoint()
    setattr(root, variables, [variable.value for variable in model.variables])
    root.trainable_variables = [variable.value for variable in model.trainable_variables]
    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)
    root.__call__ = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    if labels:
        root.labels = tf.saved_model.Asset(str(labels))
    tf.saved_model.save(root, str(folder))
    return folder


def exported(tmp_path: Path, top: str, labels: Path | None = None) -> tuple[Any, Head]:
    export_classification(save(classifier(top), tmp_path / "whole"), labels, tmp_path / "module")
    head = load_head(tmp_path / "module")
    assert head
    return hub.load(str(tmp_path / "module")), head


def names(path: Path, n: int) -> Path:
    path.write_text("".join(f"thing {number}\n" for number in range(n)))
    return path


@pytest.mark.parametrize("top", ["logits", "softmax", "no bias", "convolution"])
def test_features_and_head_answer_as_the_whole_did(tmp_path: Path, top: str) -> None:
    module, head = exported(tmp_path, top)
    features = module(IMAGES).numpy()
    assert features.shape == (3, DIMENSIONS)
    logits = features @ head.kernel + head.bias
    answers = softmax(logits) if top == "softmax" else logits
    np.testing.assert_allclose(answers, classifier(top)(IMAGES), rtol=1e-4)
    (served,) = module.signatures["serving_default"](tf.constant(IMAGES)).values()
    np.testing.assert_array_equal(served, features)


def test_the_module_can_be_trained_further(tmp_path: Path) -> None:
    module, _ = exported(tmp_path, "logits")
    assert [tuple(v.shape) for v in module.trainable_variables] == [(3, 3, 3, 6), (6,), (6,)]
    assert len(module.variables) == 5
    with tf.GradientTape() as tape:
        features = module(IMAGES, training=True, batch_norm_momentum=0.9)
    gradients = tape.gradient(features, module.trainable_variables)
    assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in gradients)


def test_variables_need_not_be_listed(tmp_path: Path) -> None:
    model = classifier("logits")
    export_classification(
        save(model, tmp_path / "whole", variables="hidden"), None, tmp_path / "module"
    )
    module, head = hub.load(str(tmp_path / "module")), load_head(tmp_path / "module")
    assert head is not None
    assert len(module.variables) == 5
    logits = module(IMAGES).numpy() @ head.kernel + head.bias
    np.testing.assert_allclose(logits, model(IMAGES), rtol=1e-4)


def test_a_model_that_keras_3_exported_is_taken(tmp_path: Path) -> None:
    model = classifier("softmax")
    model.export(tmp_path / "whole", verbose=False)
    export_classification(tmp_path / "whole", None, tmp_path / "module")
    assert hub.load(str(tmp_path / "module"))(IMAGES).shape == (3, DIMENSIONS)


@pytest.mark.parametrize(("top", "operation"), [("sigmoid", "Sigmoid"), ("pooled", "Mean")])
def test_another_last_layer_is_named(tmp_path: Path, top: str, operation: str) -> None:
    with pytest.raises(WeightsMissing, match=f"no dense one: .* is a {operation}"):
        exported(tmp_path, top)


def test_given_labels_are_taken(tmp_path: Path) -> None:
    _, head = exported(tmp_path, "logits", names(tmp_path / "labels", N_CLASSES - 1))
    assert head.labels == ("background", "thing 0", "thing 1", "thing 2", "thing 3")


def test_labels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="9 labels were given for 5 classes"):
        exported(tmp_path, "logits", names(tmp_path / "labels", 9))


def test_labels_are_found_among_the_assets_of_the_module(tmp_path: Path) -> None:
    labels = names(tmp_path / "labels.txt", N_CLASSES)
    whole = save(classifier("logits"), tmp_path / "whole", labels=labels)
    export_classification(whole, None, tmp_path / "module")
    head = load_head(tmp_path / "module")
    assert head is not None
    assert head.labels[0] == "thing 0"


def test_without_labels_there_are_numbers(tmp_path: Path) -> None:
    assert exported(tmp_path, "logits")[1].labels == ("0", "1", "2", "3", "4")


def test_a_module_with_a_head_gets_other_labels(tmp_path: Path) -> None:
    folder = save(classifier("pooled"), tmp_path / "whole")
    old = Head(np.ones((6, 2), np.float32), np.ones(2, np.float32), ("0", "1"))
    save_head(old, folder)
    export_classification(folder, names(tmp_path / "labels", 2), tmp_path / "module")
    head = load_head(tmp_path / "module")
    assert head is not None
    assert head.labels == ("thing 0", "thing 1")
    assert hub.load(str(tmp_path / "module"))(IMAGES).shape == (3, DIMENSIONS)


def test_a_damaged_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(WeightsMissing, match="cannot be used as a classifier"):
        export_classification(tmp_path, None, tmp_path / "module")
