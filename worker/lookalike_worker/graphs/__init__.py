"""Graphs of encoders: what Keras builds, where weights go, how they are saved as a module."""

__all__: list[str] = []
