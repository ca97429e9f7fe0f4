"""NASNet-A Large on an accelerator, beside its roofline: `python -m benchmarks.gpu`."""

__all__: list[str] = []
