"""Some hundred damaged pictures, each run; `make fuzz` takes a hundred thousand."""

from __future__ import annotations

from tests.fuzz.campaign import run
from tests.fuzz.mutations import mutant


def test_damaged_pictures_end_decoded_or_with_their_typed_error() -> None:
    tally = run(1, 600, n_processes=2)
    assert tally.others == 0
    assert tally.decoded + tally.unreadable + tally.too_large == tally.inputs
    # Neither all sound nor all broken: the damage gets somewhere.
    assert tally.decoded > 30
    assert tally.unreadable > 30
    assert tally.worker_growth_mb < 50


def test_the_same_seed_makes_the_same_damage() -> None:
    assert [mutant(7, number) for number in range(50)] == [mutant(7, i) for i in range(50)]
    assert len({mutant(7, number) for number in range(50)}) == 50
