"""The encoder that the settings ask for, on the runtime that suits this machine."""

from __future__ import annotations

from functools import partial

import structlog

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike.settings import Settings
from lookalike_worker.encoder import Encoder, FakeEncoder, Tagger
from lookalike_worker.golden import LEAST_COSINE
from lookalike_worker.graphs.head import load_head
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.batch_sizes import BatchSizes
from lookalike_worker.runtimes.choose import choose
from lookalike_worker.runtimes.faithfulness import least_cosine
from lookalike_worker.runtimes.loading import ask_for_gpus, load_runtime
from lookalike_worker.runtimes.machine import this_machine
from lookalike_worker.runtimes.module_encoder import ModuleEncoder

_log = structlog.get_logger()


def load_encoder(settings: Settings) -> Encoder:
    """Load the encoder of the settings; its module is cached in `home/encoders`.

    `fake` is for tests and loads no runtime. Raises WeightsMissing or
    InvalidSetting.
    """
    if settings.encoder == "fake":
        return FakeEncoder(batch_size=settings.batch_size or 8)
    module = resolve(
        settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders"
    )
    if module.note:
        _log.warning("encoder replaced", encoder=module.space.encoder, note=module.note)
    return load_module(module, settings)


def load_tagger(encoder: Encoder, settings: Settings) -> Tagger | None:
    """Load what gives images their tags, the head of the encoder's module; None if not asked for.

    Raises InvalidSetting where the module has no head, WeightsMissing where
    it is damaged or of other features.
    """
    if not settings.tags:
        return None
    head = encoder.directory and load_head(encoder.directory)
    if not head:
        raise InvalidSetting(
            f"LOOKALIKE_TAGS is {settings.tags}, but the encoder {encoder.space} has no labels; "
            "expected a module with a head: `lookalike encoder add` a classifier (with --labels) "
            "or `lookalike encoder finetune`, or set LOOKALIKE_TAGS=0",
            value=settings.tags,
        )
    if len(head.kernel) != encoder.space.dimensions:
        raise WeightsMissing(
            f"the head in {encoder.directory} takes {len(head.kernel)} features; expected "
            f"{encoder.space.dimensions}, as {encoder.space} has: add the module's source again",
            value=len(head.kernel),
        )
    return partial(head.tags, top=settings.tags, least_probability=settings.tag_probability)


def load_module(module: Module, settings: Settings) -> ModuleEncoder:
    """Load a module into the runtime that the settings and the machine ask for.

    Where neither asks for a precision, fp32 replaces a bf16 that is not faithful.
    """
    machine = ask_for_gpus(this_machine())
    n_threads = settings.threads or machine.n_cores
    choice = choose(
        machine,
        architecture=module.architecture,
        runtime=settings.runtime,
        precision=settings.precision,
    )
    runtime = load_runtime(module, choice, n_threads=n_threads)
    if choice.precision == "bf16" and settings.precision == "auto":
        least = least_cosine(runtime, module)
        if least < LEAST_COSINE:
            choice = choice.in_fp32(f"bf16 is not faithful (cosine {least:.4f} to fp32)")
            runtime = load_runtime(module, choice, n_threads=n_threads)
    _log.info("runtime chosen", runtime=runtime.name, reason=choice.reason)
    return ModuleEncoder(
        module,
        runtime,
        batch_sizes=BatchSizes(settings.home / "batch_sizes.json"),
        machine=f"{machine.processor}, {n_threads} threads",
        batch_size=settings.batch_size,
        on_gpu=choice.on_gpu,
    )
