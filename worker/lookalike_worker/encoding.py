"""From the pixels of a batch to features, one answer for each image whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import structlog

from lookalike.errors import EncoderExhausted, ImageNotEmbeddable, LookalikeError, Misconfigured
from lookalike.features import Features
from lookalike.jobs import Embedded, Outcome
from lookalike_worker.encoder import Batch, Encoder, Pixels, Tagger

# Rows hold half-precision numbers.
_LARGEST = float(np.finfo(np.float16).max)

log = structlog.get_logger()


def encode_each(encoder: Encoder, pixels: Sequence[Pixels]) -> list[Features | LookalikeError]:
    """Features or the error of each image, in order; one image never fails its batch mates.

    A batch that fails, or runs out of memory, is halved until the guilty
    image stands alone. Misconfigured is raised: it concerns every image.
    """
    try:
        features = encoder.encode(to_batch(pixels))
    except Misconfigured:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary to the runtimes: any failure
        if len(pixels) > 1:
            log.warning("batch failed, halving it", n=len(pixels), error=str(error)[:200])
            middle = len(pixels) // 2
            return encode_each(encoder, pixels[:middle]) + encode_each(encoder, pixels[middle:])
        return [_as_error(error)]
    if _is_storable(features):
        return list(features)
    return [_checked(row) for row in features]


def tagged(tagger: Tagger | None, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The same outcomes, those that are embedded with their tags; without a tagger as they are."""
    embedded = [outcome for outcome in outcomes if isinstance(outcome, Embedded)]
    if tagger is None or not embedded:
        return list(outcomes)
    tags = iter(tagger(np.stack([outcome.features for outcome in embedded])))
    return [
        replace(outcome, tags=next(tags)) if isinstance(outcome, Embedded) else outcome
        for outcome in outcomes
    ]


def to_batch(pixels: Sequence[Pixels]) -> Batch:
    """Stack images, uint8 (size, size, 3), into float32 (n, size, size, 3) in [0, 1]."""
    return np.stack(pixels).astype(np.float32) / np.float32(255)


def _is_storable(features: Features) -> bool:
    """Whether half precision holds all of these numbers."""
    # Not a number fails every comparison, and the largest of some is not one if any is not.
    return bool(np.abs(features).max() <= _LARGEST)


def _checked(features: Features) -> Features | LookalikeError:
    if _is_storable(features):
        return features
    return ImageNotEmbeddable(
        "the encoder gave numbers that are not finite, or above 65504, for this image: look at "
        "the picture, and at the weights if many images are concerned"
    )


def _as_error(error: Exception) -> LookalikeError:
    if isinstance(error, LookalikeError):
        return error
    if isinstance(error, MemoryError):
        return EncoderExhausted("the encoder ran out of memory for one image: free some memory")
    return ImageNotEmbeddable(
        f"the encoder fails on this image alone: {type(error).__name__}: {str(error)[:500]}"
    )
