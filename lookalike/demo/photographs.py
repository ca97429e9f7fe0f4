"""Real photographs to embed: those in scikit-image's wheel, or a folder of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lookalike.errors import ImageNotFound, Misconfigured
from lookalike.images import find_images


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file of `skimage/data`, what it shows, and what its documentation says of its origin."""

    file: str
    subject: str
    origin: str


# The wheel's other pictures are drawings, a scan of print, a second view of the
# same scene, smaller than an encoder's input, or (moon, motorcycle) without a
# word on their licence.
BUNDLED = (
    Photograph("astronaut.png", "Eileen Collins", "NASA, public domain"),
    Photograph("brick.png", "a brick wall", "CC0 Textures, CC0"),
    Photograph("camera.png", "a man with a camera", "Lav Varshney, CC0"),
    Photograph("cell.png", "a cell under the microscope", "CC0"),
    Photograph("chelsea.png", "a cat", "Stéfan van der Walt, CC0"),
    Photograph("clock_motion.png", "a blurred clock", "Stéfan van der Walt, public domain"),
    Photograph("coffee.png", "a cup of espresso", "Rachel Michetti, CC0"),
    Photograph("coins.png", "coins from Pompeii", "Brooklyn Museum, no known restrictions"),
    Photograph("grass.png", "grass", "CC0 Textures, CC0"),
    Photograph("gravel.png", "gravel", "CC0 Textures, CC0"),
    Photograph("hubble_deep_field.jpg", "distant galaxies", "NASA, public domain"),
    Photograph("ihc.png", "stained tissue", "CMMI, no known restrictions"),
    Photograph("retina.jpg", "a retina", "Wikimedia Commons, CC0"),
    Photograph("rocket.jpg", "a rocket before its start", "SpaceX, public domain"),
    Photograph("text.png", "handwriting", "Wikimedia Commons, public domain"),
)


def bundled_photographs() -> list[Path]:
    """The paths of the photographs in scikit-image's wheel, in place, in the order of BUNDLED.

    Raises Misconfigured where the wheel, or a photograph in it, is missing.
    """
    spec = find_spec("skimage")  # looks the package up without loading SciPy
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "found no scikit-image, whose wheel carries the demo's photographs: "
            "run `make install`, or give a folder of your own with IMAGES=folder"
        )
    folder = Path(spec.origin).parent / "data"
    paths = [folder / photograph.file for photograph in BUNDLED]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise Misconfigured(
            f"scikit-image's wheel lacks {', '.join(missing)}; expected {len(BUNDLED)} "
            "photographs: run `make install`, or give a folder of your own with IMAGES=folder",
            value=missing,
        )
    return paths


def own_photographs(folder: Path) -> list[Path]:
    """The absolute paths of all pictures below a folder; raises ImageNotFound if there is none."""
    paths = find_images(folder.expanduser().absolute())
    if not paths:
        raise ImageNotFound(
            f"found no picture below {folder}; expected files such as .jpg, .png or .heic: "
            "give another folder",
            value=str(folder),
        )
    return paths


def spread(paths: list[Path], n: int) -> list[Path]:
    """At most `n` of the paths, evenly spread over the list; the same ones every time."""
    if len(paths) <= n:
        return list(paths)
    return [paths[i * len(paths) // n] for i in range(n)]
