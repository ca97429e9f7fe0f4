"""The worker's pipeline on a real database, with encoders that misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from lookalike.database import transaction
from lookalike.features import Features
from lookalike.images import ImageRef
from lookalike.jobs import JobStatus, Lane
from lookalike.queue import windows
from lookalike.queue.retries import RetryPolicy
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.encoder import Batch, Encoder, FakeEncoder, Tagger
from lookalike_worker.graphs.head import Head
from lookalike_worker.pipeline import Limits, Parts, Pipeline
from tests.integration.installation import Installation


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def decode(data: bytes, _: Lane) -> Decoded:
    return Decoded(np.full((32, 32, 3), len(data), np.uint8))


def fetch(ref: ImageRef) -> bytes:
    if ref.text.endswith("bug.jpg"):
        raise ZeroDivisionError("a bug of ours")
    return ref.text.encode()


def run(
    house: Installation, encoder: Encoder, names: list[str], tagger: Tagger | None = None
) -> Pipeline:
    """Add images, run one chunk of them through a pipeline, and close it."""
    list(house.client.add_many([f"https://example.org/{name}" for name in names]))
    policy = RetryPolicy(max_attempts=1, backoff_s=1, max_backoff_s=1)
    parts = Parts(house.engine, encoder, house.space_id, fetch, decode, policy, tagger)
    limits = Limits("w", 60, fetch_threads=2)
    pipeline = Pipeline(parts, limits)
    pipeline.start()
    with transaction(house.engine) as connection:
        (chunk,) = windows.lease_jobs(
            connection, house.space_id, Lane.BULK, n=9, chunk_size=9, lease_s=60
        )
    pipeline.run_chunk(chunk)
    pipeline.close()
    return pipeline


def statuses(house: Installation) -> dict[JobStatus, int]:
    return house.client.status().collections[0].jobs


def test_a_row_that_the_database_refuses_fails_alone(house: Installation) -> None:
    class Short(FakeEncoder):
        def encode(self, batch: Batch) -> Features:
            return super().encode(batch)[:, :100]

    pipeline = run(house, Short(), ["a.jpg", "b.jpg"])
    assert statuses(house) == {JobStatus.FAILED: 2}
    assert pipeline.holds.leases() == []


def test_a_bug_in_one_fetch_is_that_jobs_outcome_only(house: Installation) -> None:
    run(house, FakeEncoder(), ["a.jpg", "bug.jpg", "c.jpg"])
    assert statuses(house) == {JobStatus.DONE: 2, JobStatus.FAILED: 1}


def test_nothing_is_held_once_a_chunk_is_committed(house: Installation) -> None:
    pipeline = run(house, FakeEncoder(), [f"{i}.jpg" for i in range(9)])
    assert pipeline.holds.leases() == []
    assert pipeline.n_finished == 9


def test_tags_are_committed_with_the_features_that_they_are_of(house: Installation) -> None:
    kernel = np.zeros((4032, 2), np.float32)
    kernel[0, 1] = 1
    head = Head(kernel, np.array([40, 0], np.float32), ("dark", "light"))
    tagger = partial(head.tags, top=1, least_probability=0.5)
    # Their names' lengths are their brightness.
    run(house, FakeEncoder(), ["a.jpg", "bug.jpg", "c" * 200 + ".jpg"], tagger)
    tags = [[tag.label for tag in house.client.tags(image_id)] for image_id in (1, 2, 3)]
    assert tags == [["dark"], [], ["light"]]
