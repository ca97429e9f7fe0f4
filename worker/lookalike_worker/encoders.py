"""The encoder that the settings ask for."""

from __future__ import annotations

import structlog

from lookalike.settings import Settings
from lookalike_worker.encoder import Encoder, FakeEncoder
from lookalike_worker.modules.sources import resolve

_log = structlog.get_logger()


def load_encoder(settings: Settings) -> Encoder:
    """Load the encoder of the settings; its module is cached in `home/encoders`.

    `fake` is for tests and loads no TensorFlow. Raises WeightsMissing or
    InvalidSetting.
    """
    if settings.encoder == "fake":
        return FakeEncoder()
    module = resolve(
        settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders"
    )
    if module.note:
        _log.warning("encoder replaced", encoder=module.name, note=module.note)
    # TensorFlow takes seconds and memory, which a worker with the fake does without.
    from lookalike_worker.runtimes.hub_encoder import HubEncoder

    return HubEncoder(module)
