"""A commit reads the rows that it writes, however many there are beside them."""

from __future__ import annotations

from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.collections import erasure
from lookalike.database import open_engine, transaction
from lookalike.features import FeatureSpace
from lookalike.store import outcomes


def test_a_commit_does_not_read_all_jobs_and_images(database_url: str) -> None:
    with Lookalike(database_url) as client:
        for _ in client.add_many(f"https://example.org/{i}.jpg" for i in range(3000)):
            pass
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        for digest in ("1" * 64, "0" * 64):
            space = FeatureSpace("test", digest, 8, True)
            space_id = outcomes.register_space(connection, space)
        connection.execute(text(outcomes._STAGING))
        tags: dict[str, list[object]] = {"tagged": [], "labels": [], "probabilities": []}
        plan = connection.scalars(
            text("EXPLAIN " + outcomes._COMMIT), {"space_id": space_id, **tags}
        ).all()
    engine.dispose()
    assert any("jobs_pkey" in line for line in plan)
    read_whole = ("Seq Scan on jobs", "Seq Scan on images", "Seq Scan on features")
    assert [line for line in plan if any(scan in line for scan in read_whole)] == []
    # Of the other space's partition, for images whose bytes have changed.
    assert any("features_1_pkey" in line for line in plan)


def test_an_erasure_finds_the_jobs_of_its_images_by_an_index(database_url: str) -> None:
    with Lookalike(database_url) as client:
        for _ in client.add_many(f"https://example.org/{i}.jpg" for i in range(3000)):
            pass
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE lookalike.jobs SET status = 'done', finished_at = now()"))
    with transaction(engine) as connection:
        connection.execute(text("ANALYZE lookalike.jobs"))
        plan = connection.scalars(
            text("EXPLAIN " + erasure._LOCK_JOBS), {"ids": list(range(1, 51))}
        ).all()
    engine.dispose()
    assert any("jobs_image_id_idx" in line for line in plan)
