"""The worker: it takes chunks of jobs, embeds their images in batches and commits the outcomes."""

__all__: list[str] = []
