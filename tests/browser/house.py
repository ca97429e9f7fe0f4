"""A whole installation for the page: servers, a relay, a worker with the fake encoder, the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.jobs import Job
from lookalike.maps import make_wanted
from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.browser.pictures import Picture
from tests.processes import Processes
from tests.serving import serving


@dataclass(frozen=True, slots=True)
class House:
    """Where the page is, and a client to look behind it."""

    url: str
    client: Lookalike
    settings: Settings

    def add(self, pictures: Sequence[Picture], *, collection: str) -> list[Job]:
        """Embed pictures, named as they are; their jobs in order."""
        added = [
            self.client.add(one.data, collection=collection, metadata=one.metadata)
            for one in pictures
        ]
        return self.client.wait(added)

    def make_maps(self) -> None:
        """Make the maps that were asked for, as a round of upkeep does."""
        engine = open_engine(self.settings.database_url)
        for _ in make_wanted(engine):
            pass
        engine.dispose()

    def forget_thumbnail(self, image_id: int) -> None:
        """Make an image one that was embedded when no thumbnails were made."""
        engine = open_engine(self.settings.database_url)
        with transaction(engine) as connection:
            connection.execute(
                text("DELETE FROM lookalike.thumbnails WHERE image_id = :image_id"),
                {"image_id": image_id},
            )
        engine.dispose()


@contextmanager
def running_house(
    database_url: str, redis_url: str, folder: Path, **options: object
) -> Iterator[House]:
    """Everything runs until the context ends."""
    with Processes(database_url, redis_url, folder, api_keys="off", **options) as processes:
        processes.start("relay")
        processes.start_worker()
        with serving(create_app(processes.settings)) as http:
            yield House(str(http.base_url), processes.client, processes.settings)
