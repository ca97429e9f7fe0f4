"""The benchmark's last line: one flat set of figures."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.search.comparison import OurResult, Result
from benchmarks.search.growth import Growth
from benchmarks.search.peers import HNSWLIB
from benchmarks.search.peers.pgvector_table import PgvectorScan


def summarize(
    ours: Sequence[OurResult],
    peers: Sequence[Result],
) -> dict[str, float | str]:
    """The figures of our better recipe; those over a peer that is absent are left out."""
    best = max(ours, key=lambda one: one.result.rank)
    rate, built = best.result.measured.queries_per_s, best.result.built
    rates = {one.name: one.measured.queries_per_s for one in peers}
    exact = rates[PgvectorScan.name]
    figures: dict[str, float | str] = {
        "recipe": best.recipe,
        "recall_at_10": round(best.result.measured.recall, 4),
        "qps": round(rate, 1),
        "qps_over_exact": round(rate / exact, 1),
        "p50_ms": round(best.result.measured.p50_ms, 3),
        "p99_ms": round(best.result.measured.p99_ms, 3),
        "index_over_table": round(built.index_bytes / built.table_bytes, 4),
        "index_and_keys_over_table": round(
            (built.index_bytes + built.keys_bytes) / built.table_bytes, 4
        ),
        "by_image_recall_at_10": round(best.by_image.recall, 4),
        "by_image_qps_over_exact": round(best.by_image.queries_per_s / exact, 1),
        "filtered_recall": round(min(one.recall for one in best.filtered), 4),
        "filtered_missing": sum(one.n_missing for one in best.filtered),
        "filtered_p99_ms": round(max(one.p99_ms for one in best.filtered), 1),
    }
    if HNSWLIB in rates:
        figures["qps_over_hnswlib"] = round(rate / rates[HNSWLIB], 3)
        figures["by_image_qps_over_hnswlib"] = round(
            best.by_image.queries_per_s / rates[HNSWLIB], 3
        )
    databases = [one for one in peers if one.is_database and one.name != PgvectorScan.name]
    if databases:
        peer = max(databases, key=lambda one: one.rank)
        figures["best_database_peer"] = peer.name
        figures["qps_over_best_database_peer"] = round(rate / peer.measured.queries_per_s, 2)
    return figures


def summarize_growth(growth: Growth) -> dict[str, float | str]:
    """Of whole searches."""
    return {
        "latency_growth": round(growth.ratio, 2),
        "latency_growth_bound": round(growth.bound, 2),
    }


def summarize_keys(one_effort: Growth, least_effort: Growth) -> dict[str, float | str]:
    """Of the shortlist alone, over more rows."""
    last = least_effort.points[-1]
    return {
        "keys_rows": last.n_rows,
        "keys_recall": round(last.recall, 4),
        "keys_p50_ms": round(last.p50_ms, 3),
        "keys_growth": round(least_effort.ratio, 2),
        "keys_growth_bound": round(least_effort.bound, 2),
        "keys_growth_at_one_effort": round(one_effort.ratio, 2),
        "keys_recall_at_one_effort": round(one_effort.points[-1].recall, 4),
    }
