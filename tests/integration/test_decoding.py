"""Pictures through a pipeline with real decoder processes, into rows."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from lookalike import store
from lookalike.database import transaction
from lookalike.images import ImageRef
from lookalike.jobs import JobStatus, Lane
from lookalike.queue import windows
from lookalike.queue.retries import RetryPolicy
from lookalike_worker.decoding.decoders import Decoders
from lookalike_worker.decoding.wire import Limits as DecodingLimits
from lookalike_worker.encoder import FakeEncoder
from lookalike_worker.pipeline import Limits, Parts, Pipeline
from tests.integration.installation import Installation
from tests.security.bombs import endless_jpeg
from tests.unit.worker.corpus import encoded

LIMITS = DecodingLimits.of(max_pixels=50_000_000, cpu_s=0.5)


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def run(house: Installation, lane: Lane) -> None:
    """Run what is ready in a lane through a pipeline, and close it."""

    def fetch(ref: ImageRef) -> bytes:
        with transaction(house.engine) as connection:
            return store.load_upload(connection, ref.upload_key) or b""

    encoder = FakeEncoder()
    decoders = Decoders(LIMITS, n_processes=2, thumbnail_px=64)
    decode = functools.partial(decoders.decode, size=encoder.input_size)
    policy = RetryPolicy(max_attempts=3, backoff_s=1, max_backoff_s=1)
    pipeline = Pipeline(
        Parts(house.engine, encoder, house.space_id, fetch, decode, policy),
        Limits("w", 60, fetch_threads=2),
    )
    pipeline.start()
    with transaction(house.engine) as connection:
        (chunk,) = windows.lease_jobs(
            connection, house.space_id, lane, n=9, chunk_size=9, lease_s=60
        )
    pipeline.run_chunk(chunk)
    pipeline.close()
    decoders.close()


def test_a_picture_that_ends_its_decoder_fails_alone_and_for_good(house: Installation) -> None:
    pictures = [encoded(Image.new("RGB", (90, 60), colour), "PNG") for colour in ("red", "blue")]
    added = list(house.client.add_many([pictures[0], endless_jpeg(3000), pictures[1]]))
    run(house, Lane.BULK)
    jobs = house.client.wait(added)
    assert [job.status for job in jobs] == [JobStatus.DONE, JobStatus.FAILED, JobStatus.DONE]
    assert (jobs[1].error, jobs[1].attempts) == ("ImageUnreadable", 1)
    assert "0.5 s of computing" in str(jobs[1].message)


def test_images_get_thumbnails_in_their_own_shape(house: Installation) -> None:
    added = house.client.add(encoded(Image.new("RGB", (90, 60), "red"), "PNG"))
    run(house, Lane.BULK)
    thumbnail = house.client.thumbnail(added.image_id)
    assert thumbnail
    with Image.open(BytesIO(thumbnail)) as opened:
        assert opened.format == "JPEG"
        assert opened.size == (64, 43)
