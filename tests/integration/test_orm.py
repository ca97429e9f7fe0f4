"""Neighbours beside a web app's own tables, in one query."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import ForeignKey, Text, select, true
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column

from lookalike.database import transaction
from lookalike.errors import FilterInvalid, Rejected
from lookalike.features import FeatureSpace
from lookalike.orm import Collection, Image, duplicates_of, neighbours_of, neighbours_to
from tests.integration.installation import Installation, random_features

N = 12
SPACE = FeatureSpace("small", "ab" * 32, 16, trained=False)
FEATURES = random_features(N, dimensions=SPACE.dimensions)


class Base(DeclarativeBase):
    pass


class Product(Base):
    """A table of the app's own."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    image_id: Mapped[int | None] = mapped_column(ForeignKey(Image.__table__.c.id))


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url, space=SPACE)
    for i in range(N):
        installation.client.add(f"https://example.org/{i}.jpg", metadata={"n": i})
    installation.embed(FEATURES)
    installation.client.add("https://example.org/waits.jpg", metadata={"n": N})
    with transaction(installation.engine) as connection:
        Base.metadata.create_all(connection)
    yield installation
    installation.close()


@pytest.fixture
def session(house: Installation) -> Iterator[Session]:
    with Session(house.engine) as session:
        images = session.scalars(select(Image).order_by(Image.id)).all()
        session.add_all(Product(name=f"p{image.meta['n']}", image_id=image.id) for image in images)
        session.add(Product(name="without", image_id=None))
        session.flush()
        yield session


def test_rows_can_be_queried(session: Session) -> None:
    image = session.scalars(select(Image).where(Image.meta["n"].as_integer() == 3)).one()
    assert image.reference == "https://example.org/3.jpg"
    assert image.collection.name == "default"
    assert session.scalars(select(Collection.name)).all() == ["default"]


def test_rows_cannot_be_written(session: Session) -> None:
    image = session.scalars(select(Image)).first()
    assert image is not None
    image.reference = "changed"
    with pytest.raises(Rejected, match="read only"):
        session.flush()


def test_neighbours_join_a_table_of_ones_own(house: Installation, session: Session) -> None:
    nearest = neighbours_of(1, k=3)
    found = session.execute(
        select(Product.name, nearest.c.distance)
        .join(nearest, nearest.c.image_id == Product.image_id)
        .order_by(nearest.c.distance)
    ).all()
    by_client = house.client.search(image_id=1, k=3)
    assert [(f"p{n.metadata['n']}", n.distance) for n in by_client] == [tuple(row) for row in found]


def test_every_row_of_a_table_has_its_neighbours(house: Installation, session: Session) -> None:
    nearest, other = neighbours_of(Image.id, k=1), aliased(Product)
    found = session.execute(
        select(Product.name, other.name)
        .select_from(Product)
        .join(Image, Image.id == Product.image_id)
        .where(Image.image_key.is_not(None))
        .join(nearest, true())
        .join(other, other.image_id == nearest.c.image_id)
        .order_by(Product.id)
    ).all()
    expected = [house.client.search(image_id=i, k=1)[0].metadata["n"] for i in range(1, N + 1)]
    assert [tuple(row) for row in found] == [(f"p{i}", f"p{n}") for i, n in enumerate(expected)]


def test_neighbours_are_narrowed(session: Session) -> None:
    nearest = neighbours_of(1, filter={"n": 5}, exact=True)
    assert session.scalars(select(nearest.c.metadata["n"].as_integer())).all() == [5]
    nearest = neighbours_of(1, predicate="$.n > 9", threshold=2.0)
    assert set(session.scalars(select(nearest.c.metadata["n"].as_integer()))) == {10, 11}
    with pytest.raises(FilterInvalid):
        neighbours_of(1, threshold=-1)


def test_neighbours_of_features_are_those_of_their_image(session: Session) -> None:
    nearest = neighbours_to(FEATURES[4], "default", k=2, filter={"n": 4})
    assert session.execute(select(nearest.c.image_id, nearest.c.distance)).all() == [(5, 0.0)]


def test_duplicates_can_be_selected_from(session: Session) -> None:
    same = duplicates_of(1)
    assert session.execute(select(same.c.image_id, same.c.tier)).all() == []
