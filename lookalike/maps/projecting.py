"""Features laid out in a plane; the only module that imports openTSNE."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from lookalike.errors import Misconfigured
from lookalike.features import Features
from lookalike.indexes.recipes import fit, unit

# van der Maaten & Hinton 2008 reduce to so many before t-SNE; distances hardly change.
_N_COMPONENTS = 50
# Their default; each point needs three times as many others.
_PERPLEXITY = 30.0
_LEAST = 10

Points = npt.NDArray[np.float32]
"""Shape (n, 2), each number from 0 to 1."""


def check_projection() -> None:
    """Raise Misconfigured where `project` cannot be called on this machine."""
    if find_spec("openTSNE") is None:
        raise Misconfigured(
            "openTSNE is not installed where upkeep runs: pip install 'lookalike[map]'",
            value="openTSNE",
        )


def project(features: Features) -> Points:
    """Lay features of shape (n, d) out so that neighbours stay neighbours, by t-SNE.

    The same features give the same points. About a minute for 10,000 images
    on two cores. Fewer than ten are laid out by their two leading
    components. Raises Misconfigured without openTSNE.
    """
    if len(features) < _LEAST:
        return _within_unit(_components(features, 2))
    check_projection()
    from openTSNE import TSNE

    reduced = _components(features, _N_COMPONENTS)
    layout = TSNE(
        perplexity=min(_PERPLEXITY, (len(reduced) - 1) / 3),
        initialization="pca",
        random_state=0,
        n_jobs=-1,
    ).fit(reduced)
    return _within_unit(np.asarray(layout, dtype=np.float32))


def _components(features: Features, n: int) -> Features:
    if len(features) < 2:
        return np.zeros((len(features), n), np.float32)
    transform = fit("pca", features, dimensions=n)
    components: Features = unit(features) @ transform.axes.T - transform.origins
    missing = max(0, n - components.shape[1])
    return np.pad(components, ((0, 0), (0, missing)))


def _within_unit(points: npt.NDArray[np.float32]) -> Points:
    low = points.min(axis=0, initial=np.inf)
    extent = float((points.max(axis=0, initial=-np.inf) - low).max()) if len(points) else 0.0
    scaled = (points - low) / (extent or 1.0)
    return np.asarray(scaled, dtype=np.float32)
