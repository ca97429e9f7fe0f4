"""Fine-tuning: class folders in, an encoder of its own feature space out."""

__all__: list[str] = []
