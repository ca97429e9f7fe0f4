"""The formats of pictures that are decoded; what a file is, its content says and never its name."""

from __future__ import annotations

# Tried in this order. Pillow's other plug-ins (EPS, PSD, ICNS, FITS, …) are rare as photographs
# and less tested on hostile files; EPS starts another program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")
FORMAT_NAMES = "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF"
