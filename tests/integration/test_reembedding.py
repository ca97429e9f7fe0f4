"""A collection changes its encoder: filled, flipped, rolled back, and dropped when told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lookalike import reembedding
from lookalike.client.asking import Asking
from lookalike.client.inputs import ImageLike
from lookalike.database import transaction
from lookalike.errors import ReembeddingRefused, UnknownFeatureSpace, WrongFeatureSpace
from lookalike.images import ImageRef
from lookalike.indexes import build_index
from lookalike.queue import enqueue_query
from lookalike.queue.failures import Selection
from lookalike.reembedding import Comparison
from lookalike.search import QueryFeatures
from tests.integration.two_spaces import (
    NEW,
    OLD,
    TwoSpaces,
    features_of,
    reference,
    two_spaces,
)

NAMES = [str(i) for i in range(40)]


@pytest.fixture
def both(database_url: str) -> Iterator[TwoSpaces]:
    with two_spaces(database_url, NAMES) as spaces:
        yield spaces


def serving(both: TwoSpaces) -> str | None:
    return both.client.status().collections[0].space


def test_the_new_space_is_named_by_its_encoder_or_in_full(both: TwoSpaces) -> None:
    assert both.reembedding.start("green").new.name == NEW.name
    assert both.reembedding.start(NEW.name).new.name == NEW.name
    with pytest.raises(UnknownFeatureSpace, match="LOOKALIKE_ENCODER=red lookalike worker"):
        both.reembedding.start("red")
    with pytest.raises(UnknownFeatureSpace, match="no other"):
        both.reembedding.start("blue")


def test_the_other_space_is_filled_while_the_first_serves(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    assert reembedding.sweep(both.old.engine) == 40
    assert reembedding.sweep(both.old.engine) == 0
    assert both.reembedding.progress().n_waiting == 40
    both.work(NEW)
    progress = both.reembedding.progress()
    assert (progress.n_serving, progress.n_other, progress.n_left) == (40, 40, 0)
    assert both.stored(NEW).keys() == both.stored(OLD).keys()
    assert serving(both) == OLD.name


def test_a_sweep_goes_on_from_where_the_last_one_ended(
    both: TwoSpaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.reembedding.sweeping.PORTION", 15)
    both.reembedding.start("green")
    made = [reembedding.sweep(both.old.engine) for _ in range(4)]
    assert made == [15, 15, 10, 0]


def test_a_filling_leaves_most_of_a_limit_to_producers(both: TwoSpaces) -> None:
    both.add(str(i) for i in range(40, 300))
    both.work(OLD)
    both.client.operator.limit(400)
    both.reembedding.start("green")
    assert reembedding.sweep(both.old.engine) == 100
    assert reembedding.sweep(both.old.engine) == 0


def test_images_that_come_during_the_change_are_embedded_in_both(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.add(["before"])
    both.work(OLD)
    both.fill()
    both.reembedding.flip()
    both.add(["after"])
    both.work(NEW)
    both.fill()
    names = {reference(name) for name in (*NAMES, "before", "after")}
    assert both.stored(OLD).keys() == both.stored(NEW).keys() == names


def test_changed_bytes_are_embedded_anew_in_both(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    both.change("3", "other bytes")
    both.work(OLD)
    assert reference("3") not in both.stored(NEW)
    both.fill()
    assert_embedded(both, "3", "other bytes")


def test_a_change_is_not_overtaken_by_a_job_with_the_bytes_from_before(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    reembedding.sweep(both.old.engine)
    outcomes = [both.outcome(job, NEW) for job in both.claim(NEW)]
    both.change("3", "other bytes")
    both.work(OLD)
    both.commit(NEW, outcomes)
    assert len(both.stored(NEW)) == 39
    both.fill()
    assert_embedded(both, "3", "other bytes")


def test_bytes_that_changed_unsaid_do_not_take_an_image_out_of_searches(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.data[reference("3")] = "other bytes"
    both.fill()
    assert len(both.stored(OLD)) == len(both.stored(NEW)) == 40


def test_what_fails_in_the_new_space_waits_for_the_operator(both: TwoSpaces) -> None:
    both.broken.add((reference("5"), "green"))
    both.reembedding.start("green")
    both.fill()
    missing = both.reembedding.missing()
    assert (missing.n, missing.n_failed) == (1, 1)
    with pytest.raises(ReembeddingRefused, match="1 of them failed"):
        both.reembedding.flip()
    both.broken.clear()
    both.client.operator.retry_failed(Selection(reason="ImageUnreadable"))
    both.work(NEW)
    assert both.reembedding.flip().serving.name == NEW.name


def test_a_flip_is_refused_while_images_are_missing(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    with pytest.raises(ReembeddingRefused, match="40 images have no features in green@"):
        both.reembedding.flip()
    assert both.reembedding.flip(force=True).serving.name == NEW.name == serving(both)


def test_searches_go_where_the_flip_and_the_rollback_say(both: TwoSpaces) -> None:
    image_id = int(str(both.scalar("SELECT min(id) FROM lookalike.images")))
    before = both.client.search(image_id=image_id)
    both.reembedding.start("green")
    both.fill()
    assert both.client.search(image_id=image_id) == before
    both.reembedding.flip()
    after = both.client.search(image_id=image_id)
    assert after != before
    assert both.client.features(image_id).space == NEW
    both.reembedding.rollback()
    assert both.client.search(image_id=image_id) == before
    both.reembedding.flip()
    assert both.client.search(image_id=image_id) == after


def test_a_query_that_was_embedded_before_the_flip_is_answered_in_its_space(
    both: TwoSpaces,
) -> None:
    both.reembedding.start("green")
    both.fill()
    query = QueryFeatures(OLD, features_of("query", OLD))
    before = both.client.search(features=query)
    both.reembedding.flip()
    assert both.client.search(features=query) == before
    both.reembedding.drop_old()
    with pytest.raises(WrongFeatureSpace, match="blue@"):
        both.client.search(features=query)


def test_a_picture_whose_space_was_dropped_meanwhile_is_embedded_again(
    both: TwoSpaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.reembedding.start("green")
    both.fill()
    spaces = iter((OLD, NEW))

    def embed_slowly(asking: Asking, image: ImageLike, collection: str) -> QueryFeatures:
        space = next(spaces)
        if space is OLD:
            both.reembedding.flip()
            both.reembedding.drop_old()
        return QueryFeatures(space, features_of("query", space))

    monkeypatch.setattr(Asking, "embed", embed_slowly)
    assert len(both.client.search("https://example.org/query.jpg")) == 10


def test_dropping_leaves_the_new_space_alone(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    with pytest.raises(ReembeddingRefused, match="still serves"):
        both.reembedding.drop_old()
    both.reembedding.flip()
    with pytest.raises(ReembeddingRefused, match="--rollback first"):
        both.reembedding.abort()
    assert both.reembedding.drop_old() == 40
    assert (len(both.stored(OLD)), len(both.stored(NEW))) == (0, 40)
    assert both.reembedding.find() is None
    with pytest.raises(ReembeddingRefused, match="does not change"):
        both.reembedding.drop_old()


def test_aborting_leaves_the_old_space_alone(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    reembedding.sweep(both.old.engine)
    jobs = both.claim(NEW)
    both.commit(NEW, [both.outcome(job, NEW) for job in jobs[:10]])
    assert both.reembedding.abort() == 10
    # Still in a worker's hands when the change ended.
    both.commit(NEW, [both.outcome(job, NEW) for job in jobs[10:]])
    assert (len(both.stored(OLD)), len(both.stored(NEW))) == (40, 0)
    assert both.client.status().n_open == 0


def test_an_image_that_waits_in_the_dropped_space_moves_to_the_one_that_serves(
    both: TwoSpaces,
) -> None:
    both.reembedding.start("green")
    both.fill()
    both.add(["late", "later"])
    (late, _) = both.claim(OLD)
    both.reembedding.flip()
    both.reembedding.drop_old()
    both.commit(OLD, [both.outcome(late, OLD)])
    both.work(NEW)
    assert both.stored(NEW).keys() == {reference(name) for name in (*NAMES, "late", "later")}
    assert both.stored(OLD) == {}


def test_a_query_that_nobody_answers_does_not_keep_the_end_waiting(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    with transaction(both.old.engine) as connection:
        enqueue_query(connection, "default", ImageRef(reference("query")))
    both.reembedding.flip()
    assert both.reembedding.drop_old() == 40
    assert both.work(OLD) == 1


def test_what_a_crash_left_is_dropped_when_told_again(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    both.reembedding.flip()
    both.run("DELETE FROM lookalike.reembeddings")
    assert both.reembedding.drop_old() == 40
    assert (len(both.stored(OLD)), len(both.stored(NEW))) == (0, 40)


def test_a_flip_waits_for_a_search_index_in_the_new_space_and_the_old_one_goes(
    both: TwoSpaces,
) -> None:
    both.add(str(i) for i in range(40, 120))
    both.work(OLD)
    index = build_index(both.old.engine, "default", dimensions=8)
    both.reembedding.start("green")
    both.fill()
    with pytest.raises(ReembeddingRefused, match="search index"):
        both.reembedding.flip()
    new = both.reembedding.build_index()
    both.reembedding.flip()
    both.reembedding.drop_old()
    assert both.scalar("SELECT id FROM lookalike.search_indexes") == new.id
    assert both.scalar(f"SELECT to_regclass('lookalike.keys_{index.id}')") is None


def test_an_image_whose_only_features_would_go_stops_the_end(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    both.reembedding.flip()
    both.add(["after"])
    both.work(NEW)
    both.reembedding.rollback()
    with pytest.raises(ReembeddingRefused, match="1 images have no features in blue@"):
        both.reembedding.abort()
    both.fill()
    assert both.reembedding.abort() == 41


def test_a_deleted_image_does_not_fail_the_batch_that_it_was_in(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    reembedding.sweep(both.old.engine)
    outcomes = [both.outcome(job, NEW) for job in both.claim(NEW)]
    # Its last job is another one now.
    both.change("3", "other bytes")
    both.run("DELETE FROM lookalike.images WHERE reference = :name", name=reference("3"))
    both.commit(NEW, outcomes)
    assert len(both.stored(NEW)) == 39
    n_orphans = both.scalar(
        "SELECT count(*) FROM lookalike.jobs j WHERE space_id = :id "
        "AND NOT EXISTS (SELECT FROM lookalike.images i WHERE i.id = j.image_id)",
        id=both.new.space_id,
    )
    assert n_orphans == 0


def test_neighbours_of_both_spaces_are_compared(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    images = both.reembedding.draw(20)
    assert images == both.reembedding.draw(20)
    comparison = Comparison(10, tuple(both.reembedding.compare(images)))
    one = comparison.compared[0]
    assert list(one.old) == both.client.search(image_id=one.image_id)
    assert len(one.new) == 10
    assert 0 < comparison.mean < 1
    assert sum(comparison.distribution.values()) == len(images)
    least, most = comparison.extremes(3)
    assert least[0].overlap <= least[-1].overlap <= most[-1].overlap <= most[0].overlap


def test_an_estimate_needs_something_measured(both: TwoSpaces) -> None:
    estimate = both.reembedding.estimate("green")
    assert (estimate.n_images, estimate.pace.n_workers) == (40, 1)
    assert estimate.pace.seconds(40) is None
    jobs = both.reembedding.enqueue_sample("green", n=36)
    both.work(NEW)
    assert len(both.client.wait(jobs)) == len(jobs) >= 20
    assert both.stored(NEW) == {}
    both.reembedding.start("green")
    both.fill()
    assert (both.reembedding.estimate("green").pace.seconds(40) or 0) > 0


def assert_embedded(both: TwoSpaces, name: str, data: str) -> None:
    for space in (OLD, NEW):
        expected = features_of(data, space)
        np.testing.assert_allclose(both.stored(space)[reference(name)], expected, rtol=1e-3)
