"""One answer for each image, whatever the encoder does."""

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted, ImageNotEmbeddable, WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch, FakeEncoder, Pixels
from lookalike_worker.encoding import encode_each, to_batch


class Poisoned(FakeEncoder):
    """Fails on any batch that holds a black image, and gives NaN for a white one."""

    def encode(self, batch: Batch) -> Features:
        if (batch.max(axis=(1, 2, 3)) == 0).any():
            raise RuntimeError("black")
        features = super().encode(batch)
        features[batch.min(axis=(1, 2, 3)) == 1] = np.nan
        return features


class Small(FakeEncoder):
    """Runs out of memory above two images."""

    def encode(self, batch: Batch) -> Features:
        if len(batch) > 2:
            raise EncoderExhausted("too many")
        return super().encode(batch)


def grey(level: int) -> Pixels:
    return np.full((32, 32, 3), level, np.uint8)


def test_a_bad_image_does_not_fail_its_batch() -> None:
    answers = encode_each(Poisoned(), [grey(9), grey(0), grey(8), grey(255), grey(7)])
    kinds = [isinstance(answer, ImageNotEmbeddable) for answer in answers]
    assert kinds == [False, True, False, True, False]


def test_a_batch_too_large_for_memory_is_halved_and_keeps_its_order() -> None:
    images = [grey(level) for level in (10, 20, 30, 40, 50)]
    whole = FakeEncoder().encode(to_batch(images))
    answers = encode_each(Small(), images)
    np.testing.assert_allclose(np.stack([np.asarray(a) for a in answers]), whole, rtol=1e-5)


def test_what_concerns_every_image_is_raised() -> None:
    class Broken(FakeEncoder):
        def encode(self, batch: Batch) -> Features:
            raise WeightsMissing("gone")

    with pytest.raises(WeightsMissing):
        encode_each(Broken(), [grey(1), grey(2)])


def test_pixels_become_numbers_from_zero_to_one() -> None:
    batch = to_batch([grey(0), grey(255)])
    assert batch.dtype == np.float32
    assert (batch.min(), batch.max()) == (0, 1)
