"""A steady load by every way in: the client's images and queries, and the API's requests."""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

import httpx

from lookalike.client import Lookalike
from lookalike.settings import Settings
from tests.faults.pictures import Kind, PictureHost, picture

# Searches go to a collection that stays small: what grows is the database, not their cost.
SEARCHED = "searched"
_IMPORTED = "imported"
_KINDS = (*[Kind.GOOD] * 20, Kind.MISSING, Kind.UNREADABLE, Kind.LARGE, Kind.FLAKY)


class Load:
    """Runs while it is entered; `counts` tells what was done, and what failed."""

    def __init__(self, settings: Settings, host: PictureHost) -> None:
        self._client = Lookalike(settings=settings)
        self._http = httpx.Client(
            base_url=f"http://{settings.api_host}:{settings.api_port}", timeout=60
        )
        self._host = host
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self.counts: Counter[str] = Counter()
        each_s: dict[Callable[[], None], float] = {
            self._import: 1.0,
            self._query: 0.5,
            self._ask_api: 0.5,
        }
        self._threads = [
            threading.Thread(target=self._repeat, args=(step, every_s), name=step.__name__)
            for step, every_s in each_s.items()
        ]

    def __enter__(self) -> Self:
        good = [self._host.reference(Kind.GOOD, number) for number in range(200)]
        self._client.wait(list(self._client.add_many(good, collection=SEARCHED)))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._http.close()
        self._client.close()

    def _repeat(self, step: Callable[[], None], every_s: float) -> None:
        while not self._stopping.wait(every_s):
            try:
                step()
                self.counts[step.__name__.strip("_")] += 1
            except Exception as error:  # noqa: BLE001 - counted and told; the load goes on
                self.counts["errors"] += 1
                sys.stderr.write(f"{step.__name__}: {error!r}\n")

    def _import(self) -> None:
        some = [
            self._host.reference(_KINDS[number % len(_KINDS)], number)
            for number in itertools.islice(self._numbers, 30)
        ]
        list(self._client.add_many(some, collection=_IMPORTED))

    def _query(self) -> None:
        number = next(self._numbers)
        assert self._client.search(picture(Kind.GOOD, number % 64), collection=SEARCHED, k=3)

    def _ask_api(self) -> None:
        data = picture(Kind.GOOD, next(self._numbers) % 64)
        added = self._http.post(
            "/v1/images", files={"file": ("a.png", data)}, data={"collection": _IMPORTED}
        )
        added.raise_for_status()
        self._http.get(f"/v1/images/{added.json()['image_id']}").raise_for_status()
        asked = self._http.post(
            "/v1/search", files={"file": ("a.png", data)}, data={"collection": SEARCHED}
        )
        asked.raise_for_status()
        self._http.get("/v1/status").raise_for_status()
        self._http.get("/readyz").raise_for_status()
