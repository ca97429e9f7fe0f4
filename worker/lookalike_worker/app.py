"""The worker's composition root: settings, encoder, pipeline, Celery, exit."""

from __future__ import annotations

import functools
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from celery import Celery
from celery.signals import worker_shutting_down
from sqlalchemy import Engine

from lookalike import store
from lookalike.database import check_schema, open_engine, transaction
from lookalike.errors import LookalikeError, Misconfigured, Unavailable
from lookalike.images import ImageKey
from lookalike.queue import broker, workers
from lookalike.queue.retries import RetryPolicy
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.consuming import consume_queries
from lookalike_worker.decoding.decoders import Decoders
from lookalike_worker.decoding.wire import Limits as DecodingLimits
from lookalike_worker.encoder import Encoder, Tagger
from lookalike_worker.encoders import load_encoder, load_tagger
from lookalike_worker.fetching import Fetcher, FetchPolicy
from lookalike_worker.golden import golden_images
from lookalike_worker.heartbeat import Heartbeat
from lookalike_worker.lookout import AGREEING, WARM, Lookout
from lookalike_worker.modules.record import identify_golden_images
from lookalike_worker.pipeline import Limits, Parts, Pipeline
from lookalike_worker.runtimes.faithfulness import check_reference
from lookalike_worker.runtimes.machine import usable_cores
from lookalike_worker.shutdown import Shutdown
from lookalike_worker.tasks import register_tasks

# Queries that one worker claims at a time beside its bulk chunks.
_QUERY_THREADS = 4

# Python lets a thread compute for 5 ms before another gets its turn; an accelerator whose batch
# takes 25 ms would idle a fifth of its time.
_SWITCH_S = 0.0005

# Before another consumer takes over, so that one that cannot start does not spin.
_PAUSE_S = 1

log = structlog.get_logger()


def main() -> int:
    """Run a worker until SIGTERM or SIGINT; the exit status."""
    configure_logs()
    try:
        run_worker(Settings.load())
    except Misconfigured as error:
        log.error("misconfigured", error=error.reason, message=str(error))
        return 2
    except LookalikeError as error:
        log.error("stopped", error=error.reason, message=str(error))
        return 1
    return 0


def run_worker(
    settings: Settings,
    *,
    load: Callable[[Settings], Encoder] = load_encoder,
    adapt: Callable[[Parts], Parts] = lambda parts: parts,
) -> None:
    """Load the encoder, then take chunks until a signal asks to stop.

    At the first SIGTERM what was taken is finished and committed, as far as
    `shutdown_s` allows; the rest goes back, at a second signal at once.
    Raises Misconfigured before any job is taken. `adapt` may exchange what
    the pipeline is built of: benchmarks do.
    """
    sys.setswitchinterval(_SWITCH_S)
    engine = open_engine(
        settings.require_database(),
        pool_size=settings.n_slots + settings.fetch_threads + 2,
        application="lookalike worker",
    )
    celery = broker.celery_app(settings.require_redis())
    check_schema(engine)
    lookout = Lookout(settings)
    decoders = _start_decoders(settings)
    encoder, tagger = _load(settings, load)
    decoders.wait_until_ready()
    lookout.has(WARM)
    worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    space_id = _join_space(engine, encoder)
    lookout.has(AGREEING)
    parts, fetcher = _build_parts(settings, engine, decoders, (encoder, tagger), space_id)
    pipeline = Pipeline(
        adapt(replace(parts, observers=lookout.observers)),
        Limits(worker, settings.lease_s, fetch_threads=settings.fetch_threads),
    )
    heartbeat = Heartbeat(
        engine,
        worker,
        space_id,
        lease_s=settings.lease_s,
        pipeline=pipeline,
    )
    shutdown = _connect(celery, pipeline, settings, space_id)
    pipeline.start()
    with transaction(engine) as connection:
        workers.announce(
            connection, worker, space_id, encoder.description, batch_size=encoder.batch_size
        )
    heartbeat.start()
    lookout.watch(pipeline, heartbeat, encoder, space_id)
    _exit_when_fatal(pipeline)
    try:
        _take_chunks(celery, settings, worker, shutdown)
        pipeline.close()
    finally:
        heartbeat.stop()
        fetcher.close()
        decoders.close()
        _leave(engine, worker)
        lookout.close()


def _start_decoders(settings: Settings) -> Decoders:
    """Processes that load while the encoder does."""
    limits = DecodingLimits.of(max_pixels=settings.max_pixels, cpu_s=settings.decode_timeout_s)
    n_processes = settings.decoders or min(usable_cores(), settings.fetch_threads)
    decoders = Decoders(limits, n_processes=n_processes, thumbnail_px=settings.thumbnail_px)
    decoders.start()
    return decoders


def _load(settings: Settings, load: Callable[[Settings], Encoder]) -> tuple[Encoder, Tagger | None]:
    encoder = load(settings)
    tagger = load_tagger(encoder, settings)
    started = time.monotonic()
    encoder.warm_up()
    log.info("encoder ready", encoder=encoder.description, warm_up_s=_seconds(started))
    return encoder, tagger


def _join_space(engine: Engine, encoder: Encoder) -> int:
    """Register the encoder's feature space, and give its id.

    Raises RuntimeDisagrees, with nothing written, where the database holds a
    reference of the space that this encoder's features do not agree with.
    """
    ours = encoder.encode(golden_images(encoder.input_size))
    module = ours if encoder.reference is None else encoder.reference
    with transaction(engine) as connection:
        space_id = store.register_space(connection, encoder.space)
        stored = store.keep_reference(connection, space_id, identify_golden_images(), module)
        check_reference(stored, encoder.space, runtime=encoder.runtime, ours=ours, module=module)
    return space_id


def _build_parts(
    settings: Settings,
    engine: Engine,
    decoders: Decoders,
    loaded: tuple[Encoder, Tagger | None],
    space_id: int,
) -> tuple[Parts, Fetcher]:
    encoder, tagger = loaded
    fetcher = _build_fetcher(settings, engine)
    parts = Parts(
        engine=engine,
        encoder=encoder,
        space_id=space_id,
        fetch=fetcher.fetch,
        decode=functools.partial(decoders.decode, size=encoder.input_size),
        policy=RetryPolicy(settings.max_attempts, settings.backoff_s, settings.max_backoff_s),
        tagger=tagger,
    )
    return parts, fetcher


def _build_fetcher(settings: Settings, engine: Engine) -> Fetcher:
    def load_upload(key: ImageKey) -> bytes | None:
        with transaction(engine) as connection:
            return store.load_upload(connection, key)

    policy = FetchPolicy(
        connect_timeout_s=settings.connect_timeout_s,
        total_timeout_s=settings.fetch_timeout_s,
        max_bytes=settings.max_bytes,
        file_roots=settings.file_roots,
        allow_hosts=settings.allow_hosts,
        buckets=settings.buckets,
    )
    return Fetcher(policy, load_upload=load_upload)


def _connect(celery: Celery, pipeline: Pipeline, settings: Settings, space_id: int) -> Shutdown:
    """Lead both lanes' chunks, and the signals that end the worker, to the pipeline."""
    queries, bulk = broker.queues(space_id)
    celery.conf.task_queues = [bulk]
    register_tasks(celery, pipeline.run_chunk)
    consume_queries(celery, queries, pipeline.take_chunk, n_threads=_QUERY_THREADS)
    shutdown = Shutdown(pipeline, bound_s=settings.shutdown_s)
    # Weakly referenced otherwise, and gone at once.
    worker_shutting_down.connect(lambda **_: shutdown.ask(), weak=False)
    return shutdown


def _take_chunks(celery: Celery, settings: Settings, worker: str, shutdown: Shutdown) -> None:
    while True:
        consumer = celery.Worker(
            pool="threads",
            # A thread a slot: what is taken from Redis is claimed at once.
            concurrency=settings.n_slots,
            hostname=worker,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            quiet=True,
        )
        consumer.start()
        if shutdown.is_asked or not consumer.exitcode:
            return
        # Celery 5.7 and kombu 5.7 tripped over their own cleaning up in 7 of 16 deaths of a
        # server under load. The encoder need not be loaded anew for that.
        log.warning("consumer ended; another one takes over", exit_code=consumer.exitcode)
        time.sleep(_PAUSE_S)


def _exit_when_fatal(pipeline: Pipeline) -> None:
    """End the process when the encoder cannot go on; its supervisor starts another."""

    def watch() -> None:
        while pipeline.fatal is None:
            time.sleep(0.5)
        sys.stderr.flush()
        # Nothing is lost: what was taken is leased again when its lease runs out.
        os._exit(3)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def _leave(engine: Engine, worker: str) -> None:
    try:
        with transaction(engine) as connection:
            workers.leave(connection, worker)
    except Unavailable as error:
        log.warning("could not sign off", message=str(error))
    engine.dispose()
    log.info("worker stopped", worker=worker)


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 1)
