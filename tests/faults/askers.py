"""Somebody who asks for a picture's features again and again, through the interactive lane."""

from __future__ import annotations

import itertools
import threading
from typing import Self

from lookalike.client import Lookalike
from lookalike.errors import LookalikeError
from lookalike.settings import Settings
from tests.faults.pictures import N_GOOD, Kind, picture
from tests.faults.producers import COLLECTIONS

_EVERY_S = 0.2


class Askers:
    """Ask while they are entered; a query may go unanswered amid a fault, and is counted."""

    def __init__(self, settings: Settings) -> None:
        self._client = Lookalike(settings=settings)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker")
        self.n_answered = 0
        self.n_unanswered = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        for number in itertools.count():
            if self._stopping.wait(_EVERY_S):
                return
            try:
                self._client.embed(picture(Kind.GOOD, number % N_GOOD), collection=COLLECTIONS[0])
            except LookalikeError:
                self.n_unanswered += 1
            else:
                self.n_answered += 1
