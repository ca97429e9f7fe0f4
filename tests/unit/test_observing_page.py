"""The page about metrics names those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from lookalike.database import open_engine
from lookalike.status.metrics import (
    BacklogCollector,
    CapturedCollector,
    RelayCollector,
    RelayCounts,
)
from lookalike_api.metrics import Requests
from lookalike_worker.metrics import WorkerMetrics

PAGE = (Path(__file__).parents[2] / "docs" / "observing.md").read_text()


async def no_app(*_: object) -> None:
    """Nobody asks it."""


def registered() -> set[str]:
    """Every metric's name, as Prometheus shows it."""
    registry = CollectorRegistry()
    WorkerMetrics(registry).show(
        n_held=lambda: 0, is_ready=lambda: True, space="a space", runtime="a runtime"
    )
    registry.register(RelayCollector(RelayCounts()))
    registry.register(CapturedCollector({}))
    Requests(no_app, registry)
    engine = open_engine("postgresql://nobody@127.0.0.1/nothing")
    backlog = BacklogCollector(engine, lease_s=60)
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in [*registry.collect(), *backlog.describe()]
    }


def test_the_table_names_the_metrics_that_there_are() -> None:
    documented = re.findall(r"^\| `(lookalike_\w+)` \|", PAGE, flags=re.M)
    assert len(documented) == len(set(documented))
    assert set(documented) == registered()


def test_the_examples_use_metrics_that_there_are() -> None:
    _, _, examples = PAGE.partition("## PromQL")
    used = {name.removesuffix("_bucket") for name in re.findall(r"lookalike_\w+", examples)}
    assert used <= registered()


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 100
