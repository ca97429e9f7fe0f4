"""Recall against latency as a picture; the only module that imports matplotlib."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lookalike.errors import Misconfigured, Rejected
from lookalike.indexes.quality import SearchQuality


def check_plot(path: Path) -> None:
    """Raise what would keep `plot_quality` from writing there, before anything is measured."""
    if find_spec("matplotlib") is None:
        raise Misconfigured(
            "matplotlib is not installed: pip install 'lookalike[plot]'", value="matplotlib"
        )
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise Rejected(
            f"found {path} as the plot's file; expected a name ending in .png in a folder that "
            "exists",
            value=str(path),
        )


def plot_quality(quality: SearchQuality, path: Path) -> None:
    """Write the line of efforts, the one that serves and the exact search as a PNG."""
    check_plot(path)
    from matplotlib.figure import Figure

    # Without pyplot: it keeps figures, and asks for a display.
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    if quality.report is not None:
        line, current = quality.report.pareto, quality.report.current
        axes.plot([m.p50_ms for m in line], [m.recall for m in line], "o-", label="efforts")
        for m in line:
            axes.annotate(
                f"{m.effort.ef_search}/{m.effort.n_shortlist}",
                (m.p50_ms, m.recall),
                xytext=(4, -12),
                textcoords="offset points",
                fontsize=8,
            )
        axes.plot(current.p50_ms, current.recall, "s", markersize=10, fillstyle="none", label="now")
    axes.plot(quality.exact.p50_ms, 1.0, "*", markersize=12, label="exact")
    axes.axhline(quality.target, linestyle=":", color="grey", label=f"target {quality.target:g}")
    axes.set_xscale("log")
    axes.set_xlabel("median of a search, ms")
    axes.set_ylabel(f"recall@{quality.k}")
    axes.set_title(f"{quality.collection}: {quality.n_rows:,} images")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise Rejected(f"{path} cannot be written: {error}", value=str(path)) from error
