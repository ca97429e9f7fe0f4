"""Many images into a backlog that may be full: what fits now, and the rest when there is room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass

from sqlalchemy import Engine

from lookalike.client.adding import add_alike
from lookalike.client.inputs import ImageLike, portions
from lookalike.database import Listener, transaction
from lookalike.database.pairs import in_pairs
from lookalike.errors import BacklogFull
from lookalike.queue import Enqueued, limits
from lookalike.tables import OUTCOMES_CHANNEL

# Should a notification be lost, there is another try all the same.
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Where images with the same metadata are to be enqueued."""

    engine: Engine
    database_url: str
    collection: str
    metadata: Mapping[str, object] | None
    upload: bool
    max_bytes: int

    def fill(self, images: Iterable[ImageLike], *, patience_s: float) -> Iterator[list[Enqueued]]:
        """Enqueue images in portions, two at a time, and give each committed portion's answers.

        A full backlog is waited out; BacklogFull is raised where there was no
        room at all for so many seconds. Without patience a portion that does not fit
        raises it at once, with none of its images enqueued.
        """
        add = self._add_all if patience_s <= 0 else self._add_some
        for done in in_pairs(add, portions(images, upload=self.upload)):
            yield done.answers
            if done.left:
                yield from self._add_later(done, patience_s)

    def _add_all(self, images: list[ImageLike]) -> _Added:
        with transaction(self.engine) as connection:
            answers = add_alike(
                connection,
                self.collection,
                images,
                self.metadata,
                upload=self.upload,
                max_bytes=self.max_bytes,
            )
            return _Added(list(answers), [])

    def _add_some(self, images: list[ImageLike]) -> _Added:
        """Enqueue the first of the images, as many as there is room for; read no others."""
        some = images
        while some := self._first(some):
            try:
                return _Added(self._add_all(some).answers, images[len(some) :])
            except BacklogFull:
                # Others have taken the room meanwhile. Less each time, so this ends.
                some = some[:-1]
        return _Added([], images)

    def _first(self, images: list[ImageLike]) -> list[ImageLike]:
        """The first of the images, as many as there is room for now; none of them is read."""
        with transaction(self.engine) as connection:
            n_room = limits.room(connection, self.collection)
        if n_room is None or n_room >= len(images):
            return images
        # One that is given twice has one job.
        seen: set[ImageLike] = set()
        for n, image in enumerate(images):
            seen.add(image)
            if len(seen) > n_room:
                return images[:n]
        return images

    def _add_later(self, added: _Added, patience_s: float) -> Iterator[list[Enqueued]]:
        with closing(Listener(self.database_url, OUTCOMES_CHANNEL)) as listener:
            listener.open()
            deadline = time.monotonic() + patience_s
            while added.left:
                added = self._add_some(added.left)
                if added.answers:
                    yield added.answers
                    deadline = time.monotonic() + patience_s
                elif (left_s := deadline - time.monotonic()) > 0:
                    listener.wait(min(left_s, _LOOK_S))
                else:
                    self._check_room(len(added.left))

    def _check_room(self, n_jobs: int) -> None:
        with transaction(self.engine) as connection:
            limits.check_room(connection, self.collection, n_jobs)


@dataclass(frozen=True, slots=True)
class _Added:
    """What is enqueued of a portion, and what there was no room for."""

    answers: list[Enqueued]
    left: list[ImageLike]


def enqueueing_bar(
    images: object, *, is_shown: bool
) -> AbstractContextManager[Callable[[int], None]]:
    """Call what it gives with each further count; a bar to an end, where the images have a number.

    Rich is loaded for it alone.
    """
    if not is_shown:
        return nullcontext(lambda _: None)
    from lookalike.bars import progress_bar, stderr

    total = len(images) if isinstance(images, Sized) else None
    return progress_bar("enqueueing", total, "images", stderr())
