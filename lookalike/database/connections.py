"""Connections to Postgres, and the translation of its errors."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as DriverConnection  # noqa: N812 - it is a class
from sqlalchemy import Connection, Engine, create_engine, event, exc, text

from lookalike.database.pooling import try_before_use
from lookalike.errors import InvalidSetting, SchemaOutdated, StoreUnavailable
from lookalike.tables import SCHEMA_VERSION

# A dead peer is noticed within half a minute instead of the kernel's two hours.
_CONNECT_ARGS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # The same where something was sent that nobody acknowledges; the kernel gives it 15 minutes.
    "tcp_user_timeout": 30_000,
}

# The server's side of the same: whoever is frozen, or lost with its machine, in the midst of a
# transaction does not keep his locks, and every relay waiting for them, for ever.
_SESSION = """
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""


def open_engine(database_url: str, *, pool_size: int = 5, application: str = "lookalike") -> Engine:
    """An engine with a small pool; it connects when first used.

    Raises InvalidSetting where the text is no Postgres URL.
    """
    try:
        url = _driver_url(database_url)
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            # Those used last have their plans ready.
            pool_use_lifo=True,
            connect_args={**_CONNECT_ARGS, "application_name": application},
        )
    except exc.ArgumentError as error:
        raise InvalidSetting(
            "LOOKALIKE_DATABASE_URL is no database URL; expected "
            "postgresql://user:password@host:5432/database",
            value=database_url,
        ) from error
    event.listen(engine, "connect", _begin_session)
    try_before_use(engine)
    return engine


def _begin_session(connection: DriverConnection, _: object) -> None:
    # By statements: poolers such as PgBouncer refuse them among a connection's parameters.
    with connection.cursor() as cursor:
        cursor.execute(_SESSION)
    connection.commit()


def _driver_url(database_url: str) -> str:
    scheme, separator, rest = database_url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg2") or not separator:
        raise InvalidSetting(
            f"LOOKALIKE_DATABASE_URL begins with {scheme!r}; expected postgresql://", value=scheme
        )
    return f"postgresql+psycopg2://{rest}"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into StoreUnavailable or SchemaOutdated."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise _unavailable(error) from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        # Of the driver's own cursor, in the midst of a COPY.
        raise _unavailable(error) from error
    except exc.ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) in ("42P01", "42883", "42703", "3F000"):
            raise SchemaOutdated(
                f"the database lacks something that this release needs ({_first_line(error)}): "
                "run `lookalike migrate`"
            ) from error
        raise
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(error) from error
        raise


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits at the end, with errors translated."""
    with translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose every statement stands alone, with errors translated.

    For questions of one statement: the beginning and the end of a transaction
    are a round trip each. After a refused statement others go on.
    """
    with translated(), engine.connect() as connection:
        # Not by SQLAlchemy's isolation level: on its way back it costs a round trip again.
        driver = connection.connection.driver_connection
        assert isinstance(driver, DriverConnection)
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


def check_schema(engine: Engine) -> None:
    """Raise SchemaOutdated unless the database's schema is this release's."""
    with transaction(engine) as connection:
        is_there = connection.scalar(text("SELECT to_regclass('lookalike.alembic_version')"))
        version = is_there and connection.scalar(
            text("SELECT version_num FROM lookalike.alembic_version")
        )
    if version != SCHEMA_VERSION:
        raise SchemaOutdated(
            f"the database's schema has version {version or 'none'}; this release expects "
            f"{SCHEMA_VERSION}: run `lookalike migrate`, or install the matching release",
            value=version,
        )


class Listener:
    """Waits for a notification on a channel; survives the loss of its connection."""

    def __init__(self, database_url: str, channel: str) -> None:
        self._dsn = _driver_url(database_url).replace("+psycopg2", "", 1)
        self._channel = channel
        self._connection: psycopg2.extensions.connection | None = None

    def open(self) -> None:
        """Start to listen now, so that nothing sent from here on is missed."""
        if self._connection is None:
            try:
                self._connection = psycopg2.connect(self._dsn, None, None, **_CONNECT_ARGS)
                self._connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
                with self._connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {self._channel}")
            except psycopg2.Error as error:
                self.close()
                raise _unavailable(error) from error

    def wait(self, timeout_s: float) -> bool:
        """Whether something was notified within `timeout_s` seconds, or since the last wait.

        Raises StoreUnavailable where the connection is lost; the next call opens another.
        """
        self.open()
        connection = self._connection
        assert connection is not None
        try:
            connection.poll()
            if not connection.notifies and select.select([connection], [], [], timeout_s)[0]:
                connection.poll()
        except (psycopg2.Error, OSError, ValueError) as error:
            self.close()
            raise _unavailable(error) from error
        is_notified = bool(connection.notifies)
        connection.notifies.clear()
        return is_notified

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _unavailable(error: Exception) -> StoreUnavailable:
    if getattr(getattr(error, "orig", None), "pgcode", None) == "55P03":
        return StoreUnavailable(
            f"another transaction holds a lock for too long ({_first_line(error)}): try again "
            "when it has ended; pg_stat_activity tells whose it is"
        )
    return StoreUnavailable(
        f"Postgres cannot be reached ({_first_line(error)}): is LOOKALIKE_DATABASE_URL right "
        "and the server up?"
    )


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
