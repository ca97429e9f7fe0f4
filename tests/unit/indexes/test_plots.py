"""Recall against latency, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import Misconfigured, Rejected
from lookalike.indexes import Effort, Latency, Measured, RecallReport, SearchQuality, plots
from tests.unit.indexes.test_decisions import INDEX

LINE = [
    Measured(Effort(40, 20), 0.95, 0.9, 1.5),
    Measured(Effort(100, 50), 0.99, 1.4, 2.5),
    Measured(Effort(100, 100), 0.98, 1.9, 2.5),
]


def quality(report: RecallReport | None) -> SearchQuality:
    latency = Latency(1.4, 2.5, 100)
    return SearchQuality("photos", 9000, 10, latency, Latency(90, 110, 20), report)


@pytest.mark.parametrize("report", [RecallReport(INDEX, 10, 100, LINE[0], LINE[1:]), None])
def test_the_plot_is_a_png(tmp_path: Path, report: RecallReport | None) -> None:
    path = tmp_path / "recall.png"
    plots.plot_quality(quality(report), path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_another_kind_of_file_or_a_missing_folder_is_refused_at_once(tmp_path: Path) -> None:
    for name in ("recall.doc", "nowhere/recall.png"):
        with pytest.raises(Rejected, match="png"):
            plots.check_plot(tmp_path / name)


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match=r"lookalike\[plot\]"):
        plots.check_plot(tmp_path / "recall.png")


def test_the_line_leaves_out_what_another_beats_in_both() -> None:
    assert RecallReport(INDEX, 10, 100, LINE[0], LINE[1:]).pareto == LINE[:2]


def test_exact_searches_are_enough() -> None:
    assert (quality(None).recall, quality(None).is_enough) == (1.0, True)
    short = quality(RecallReport(INDEX, 10, 100, LINE[0], LINE[1:]))
    assert (short.target, short.is_enough) == (0.99, False)
