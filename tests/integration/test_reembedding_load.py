"""No query fails, and no answer is of two spaces, while a collection changes its encoder."""

from __future__ import annotations

from benchmarks.reembed.answers import Truth
from benchmarks.reembed.load import by_features, by_id, searching
from tests.integration.two_spaces import NEW, OLD, two_spaces

N_ANSWERS = 40


def test_queries_are_answered_all_along_each_in_one_space(database_url: str) -> None:
    with two_spaces(database_url, map(str, range(300))) as both:
        image_ids = [one.image_id for one in both.client.add_many(both.stored(OLD))]
        truths = [Truth.read(both.old.engine, OLD.name)]
        change = both.reembedding
        asks = [by_id(both.client, image_ids)] * 2 + [by_features(both.client, image_ids)]
        with searching(asks) as load:
            change.start("green")
            both.fill()
            truths.append(Truth.read(both.old.engine, NEW.name))
            for step in (change.flip, change.rollback, change.flip, change.drop_old):
                load.wait_for(N_ANSWERS)
                step()
            load.wait_for(N_ANSWERS)
    assert load.errors == []
    spaces = [answer.space(truths) for answer in load.answers]
    assert spaces.count(None) == 0
    assert {OLD.name, NEW.name} == set(spaces)
