"""What Prometheus reads of a relay, and of the backlog that all processes share.

No label's values grow with the work: lanes and states are fixed, feature
spaces are as many as encoders were ever used. Images, hosts and workers'
names are no labels: each of their values would cost the Prometheus server a
series for ever. Collections are one of the indexes' metrics alone, where each
has an index that takes far more than a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, text

from lookalike.database import tallies, transaction
from lookalike.errors import LookalikeError
from lookalike.jobs import JobStatus
from lookalike.queue.workers import live_workers

# A scraper waits ten seconds by default.
_STATEMENT_TIMEOUT_MS = 5000

# Of these there are as many as were ever done: how many were done lately, the workers say.
_UNTOLD = (JobStatus.DONE,)

# Of those that serve: nobody waits to remove them, so none of their locks is waited for.
_INDEXES = """
    SELECT c.name, x.recall, x.recall_target, (
        SELECT sum(pg_total_relation_size(p.oid)) FROM (
            SELECT to_regclass('lookalike.keys_' || x.id)
            UNION ALL SELECT inhrelid FROM pg_inherits
            WHERE inhparent = to_regclass('lookalike.keys_' || x.id)
        ) p (oid)
    ) AS n_bytes
    FROM lookalike.search_indexes x JOIN lookalike.collections c
        ON c.id = x.collection_id AND c.space_id = x.space_id
    WHERE x.state = 'serving' ORDER BY c.name
"""

# Along two partial indexes.
_DELIVERIES = """
    SELECT count(*) FILTER (WHERE died_at IS NULL) AS pending,
        count(*) FILTER (WHERE died_at IS NOT NULL) AS dead
    FROM lookalike.webhook_deliveries
"""
_ENDS = """
    SELECT count(*) FROM lookalike.webhook_ends e
    JOIN lookalike.webhooks w ON w.id = e.webhook_id AND w.disabled_at IS NULL
"""
_WEBHOOKS = """
    SELECT count(*) FILTER (WHERE disabled_at IS NULL AND n_failures = 0) AS good,
        count(*) FILTER (WHERE disabled_at IS NULL AND n_failures > 0) AS failing,
        count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled
    FROM lookalike.webhooks
"""

log = structlog.get_logger()

Counts = dict[tuple[str, ...], int]
"""Numbers by the values of their labels."""


def new_registry() -> CollectorRegistry:
    """A registry with what is to be known of any process: processor time, memory, files, Python."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry, accept: str = "") -> tuple[str, bytes]:
    """The media type and text of a registry's metrics, in the format that the scraper prefers."""
    encode, media_type = choose_encoder(accept)
    return media_type, encode(registry)


class BacklogCollector(Collector):
    """Reads how many jobs there are, from Postgres, whenever it is scraped.

    Every process that has it tells the same: take the maximum, not the sum.
    """

    def __init__(self, engine: Engine, *, lease_s: float) -> None:
        self._engine = engine
        self._lease_s = lease_s

    def describe(self) -> Iterable[Metric]:
        return _backlog_families()

    def collect(self) -> Iterator[Metric]:
        """An outage of Postgres leaves the backlog out and sets `lookalike_postgres_up` to 0."""
        up, *counted, recall, target, n_bytes = _backlog_families()
        try:
            with transaction(self._engine) as connection:
                connection.execute(text(f"SET LOCAL statement_timeout = {_STATEMENT_TIMEOUT_MS}"))
                counts = self._count(connection)
                values = [tuple(row) for row in connection.execute(text(_INDEXES))]
        except LookalikeError as error:
            log.warning("backlog not read", error=error.reason, message=str(error))
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        for family, numbers in zip(counted, counts, strict=True):
            for labels, n in sorted(numbers.items()):
                family.add_metric(labels, n)
        for collection, *measured in values:
            for family, number in zip((recall, target, n_bytes), measured, strict=True):
                if number is not None:
                    family.add_metric([collection], number)
        yield from (up, *counted, recall, target, n_bytes)

    def _count(self, connection: Connection) -> tuple[Counts, ...]:
        """Jobs, workers, webhooks, what they are to be told, and their deliveries."""
        live: Counts = {}
        for worker in live_workers(connection, lease_s=self._lease_s):
            live[worker.space,] = live.get((worker.space,), 0) + 1
        return (
            _count_jobs(connection),
            live,
            _count_states(connection, _WEBHOOKS),
            {(): int(connection.scalar(text(_ENDS)) or 0)},
            _count_states(connection, _DELIVERIES),
        )


def _count_states(connection: Connection, statement: str) -> Counts:
    row = connection.execute(text(statement)).one()
    return {(state,): n for state, n in row._asdict().items()}


def _count_jobs(connection: Connection) -> Counts:
    counts: Counts = {}
    spaces = tallies.space_names(connection)
    for tally in tallies.read(connection):
        if tally.status not in _UNTOLD:
            # Jobs have no feature space before the first worker comes.
            space = "none" if tally.space_id is None else spaces[tally.space_id]
            labels = (tally.status.value, tally.lane.name.lower(), space)
            counts[labels] = counts.get(labels, 0) + tally.n
    return counts


def _backlog_families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily("lookalike_postgres_up", "Whether Postgres answered this scrape"),
        GaugeMetricFamily(
            "lookalike_jobs",
            "Jobs that are queued, to be retried, leased, or failed",
            labels=["state", "lane", "space"],
        ),
        GaugeMetricFamily("lookalike_workers", "Workers whose heartbeat is live", labels=["space"]),
        GaugeMetricFamily(
            "lookalike_webhooks", "Webhooks that are good, failing or disabled", labels=["state"]
        ),
        GaugeMetricFamily("lookalike_webhook_ends", "Ends that are in no delivery yet", labels=[]),
        GaugeMetricFamily(
            "lookalike_webhook_deliveries",
            "Deliveries that are pending, or had all their tries",
            labels=["state"],
        ),
        *(
            GaugeMetricFamily(f"lookalike_index_{name}", what, labels=["collection"])
            for name, what in (
                ("recall", "Recall of the index that serves, as it was measured last"),
                ("recall_target", "The recall that the index was tuned to last"),
                ("bytes", "Size of the index that serves and of its keys"),
            )
        ),
    )


class CapturedCollector(Collector):
    """Tells how far each index has drifted, as upkeep has seen it."""

    def __init__(self, captured: Mapping[str, float]) -> None:
        self._captured = captured

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "lookalike_index_captured_ratio",
            "What the axes keep of the variance now, as a share of what they kept at the fit",
            labels=["collection"],
        )
        # A copy: upkeep adds to it meanwhile.
        for collection, ratio in sorted(dict(self._captured).items()):
            family.add_metric([collection], ratio)
        yield family


@dataclass(slots=True)
class RelayCounts:
    """What a relay has seen and done since its start; one thread writes, others read.

    `last_round` is a moment of the monotonic clock: when the last round succeeded.
    """

    n_chunks: int = 0
    n_unclaimed: int = 0
    n_retried: int = 0
    n_failed: int = 0
    n_losses: int = 0
    n_outages: int = 0
    last_round: float | None = None


class RelayCollector(Collector):
    """Tells a relay's counts."""

    def __init__(self, counts: RelayCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield CounterMetricFamily(
            "lookalike_relay_chunks_published", "Chunks sent to Redis", value=counts.n_chunks
        )
        expired = CounterMetricFamily(
            "lookalike_relay_leases_expired",
            "Jobs taken back: never claimed, to be tried again, failed for good",
            labels=["kind"],
        )
        expired.add_metric(["unclaimed"], counts.n_unclaimed)
        expired.add_metric(["retried"], counts.n_retried)
        expired.add_metric(["failed"], counts.n_failed)
        yield expired
        yield CounterMetricFamily(
            "lookalike_relay_redis_losses",
            "Times that Redis was found empty or new",
            value=counts.n_losses,
        )
        yield CounterMetricFamily(
            "lookalike_relay_outages",
            "Rounds that Postgres or Redis could not serve",
            value=counts.n_outages,
        )
