"""What near-duplicate and similar mean in a collection, measured on its own images.

thresholds  distances that mean near-duplicate and similar; pure
records     rows of calibrations, and what is read to measure one
measuring   edits of some images, and how far they are from their originals
"""

__all__: list[str] = []
