"""The reference of a feature space in the database: what every worker of it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, text

from lookalike import store
from lookalike.database import open_engine, transaction
from lookalike.features import Features
from lookalike.jobs import JobStatus
from lookalike_worker.encoder import FakeEncoder
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.record import identify_golden_images
from tests.integration.installation import Installation, random_features
from tests.processes import Processes

FAKE = FakeEncoder()
GOLDEN = FAKE.encode(golden_images(FAKE.input_size))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def keep(house: Installation, golden_images: str, reference: Features) -> Features:
    with transaction(house.engine) as connection:
        return store.keep_reference(connection, house.space_id, golden_images, reference)


def test_the_first_reference_of_a_space_stays(house: Installation) -> None:
    first, second = random_features(8), random_features(8, seed=1)
    np.testing.assert_array_equal(keep(house, "these", first), first)
    np.testing.assert_array_equal(keep(house, "these", second), first)


def test_a_reference_of_other_golden_images_is_replaced(house: Installation) -> None:
    first, second = random_features(8), random_features(4, seed=1)
    keep(house, "these", first)
    np.testing.assert_array_equal(keep(house, "others", second), second)


def test_a_worker_stores_the_reference_of_its_space(
    database_url: str, engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, redis_url, tmp_path) as processes:
        processes.start_worker()
    with transaction(engine) as connection:
        row = connection.execute(
            text("SELECT golden_images, reference FROM lookalike.feature_spaces")
        ).one()
    assert row.golden_images == identify_golden_images()
    np.testing.assert_array_equal(np.frombuffer(row.reference, "<f4"), GOLDEN.ravel())


def test_a_worker_that_disagrees_with_the_stored_reference_leaves_before_any_job(
    database_url: str, engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    with transaction(engine) as connection:
        space_id = store.register_space(connection, FAKE.space)
        store.keep_reference(connection, space_id, identify_golden_images(), random_features(8))
    with Processes(database_url, redis_url, tmp_path) as processes:
        job = processes.client.add("https://example.org/a.jpg")
        processes.start("relay")
        assert processes.start("worker").wait(timeout=60) == 2
        assert "RuntimeDisagrees" in processes.logs()
        assert "runtime fake" in processes.logs()
        assert processes.client.status().workers == []
        assert processes.client.job(job.job_id or 0).status is JobStatus.QUEUED
