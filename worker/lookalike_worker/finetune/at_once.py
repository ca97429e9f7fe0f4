"""How many images are on the device at a time: fewer from the moment that memory runs out."""

from __future__ import annotations

from lookalike.errors import EncoderExhausted


class AtOnce:
    """A bound on images, shared by all that puts images on the device."""

    def __init__(self, n_images: int) -> None:
        self.n_images = n_images

    def halve(self, error: Exception) -> None:
        """Take half as many from now on; raises EncoderExhausted where it is one already."""
        if self.n_images == 1:
            raise EncoderExhausted(
                "memory ran out with a single image on the device; expected one to fit: free "
                "memory of this machine or of its accelerator, take a smaller encoder, or train "
                "on a larger machine; the same command goes on from the last checkpoint",
                value=1,
            ) from error
        self.n_images = -(-self.n_images // 2)
