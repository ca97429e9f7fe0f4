"""Every runtime against what a user would write by hand: `python -m benchmarks.encoder`."""

__all__: list[str] = []
