"""The contact sheet: each query beside its nearest neighbours, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from lookalike.errors import ImageUnreadable
from lookalike.pictures.opening import open_picture

WIDTH = 1400
_MARGIN = 56
_TILE = 188
_GAP = 16
_GUTTER = 96  # between a query and its neighbours; holds the arrow
_CAPTION = 74
_HEADER = 148
_FOOTER = 20
_RADIUS = 12
_N_NEIGHBOURS = 5

_PAPER = "#ffffff"
_INK = "#17202a"
_FAINT = "#6b7785"
_LINE = "#e3e8ee"
_RIGHT = "#17964a"
_WRONG = "#c2410c"


@dataclass(frozen=True, slots=True)
class SheetNeighbour:
    """A neighbour as drawn: its picture, its cosine distance, whether it is what was looked for."""

    path: Path
    distance: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A query as drawn: the edited copy, the edit's name, and the neighbours, nearest first."""

    query: Path
    edit: str
    neighbours: tuple[SheetNeighbour, ...]


def write_contact_sheet(
    path: Path, rows: list[SheetRow], *, title: str, subtitle: str, n_framed: int = 1
) -> None:
    """Draw the rows and write them as a PNG, 1400 pixels wide."""
    sheet = draw_contact_sheet(rows, title=title, subtitle=subtitle, n_framed=n_framed)
    sheet.save(path, "PNG", optimize=True)


def draw_contact_sheet(
    rows: list[SheetRow], *, title: str, subtitle: str, n_framed: int = 1
) -> Image.Image:
    """An RGB picture with one line a row: the query and its five nearest.

    The nearest neighbour, or so many of them, has a green frame where it is
    right, an orange one where it is not. Pictures that cannot be read are
    drawn as empty tiles.
    """
    step = _TILE + _CAPTION
    sheet = Image.new("RGB", (WIDTH, _HEADER + len(rows) * step + _FOOTER), _PAPER)
    _draw_header(sheet, title, subtitle)
    for i, row in enumerate(rows):
        _draw_row(sheet, _HEADER + i * step, row, n_framed)
    return sheet


def _draw_header(sheet: Image.Image, title: str, subtitle: str) -> None:
    pen = ImageDraw.Draw(sheet)
    room = WIDTH - 2 * _MARGIN
    pen.text((_MARGIN, 36), _fitting(title, 34, room), fill=_INK, font=_font(34))
    pen.text((_MARGIN, 80), _fitting(subtitle, 18, room), fill=_FAINT, font=_font(18))
    pen.line((_MARGIN, 118, WIDTH - _MARGIN, 118), fill=_LINE, width=2)


def _draw_row(sheet: Image.Image, top: int, row: SheetRow, n_framed: int) -> None:
    _draw_tile(sheet, (_MARGIN, top), row.query, frame=None)
    _draw_caption(sheet, (_MARGIN, top), row.edit, "query", ink=_INK)
    _draw_arrow(sheet, _MARGIN + _TILE + _GUTTER // 2, top + _TILE // 2)
    left = _MARGIN + _TILE + _GUTTER
    for rank, neighbour in enumerate(row.neighbours[:_N_NEIGHBOURS]):
        corner = (left + rank * (_TILE + _GAP), top)
        verdict = (_RIGHT if neighbour.is_right else _WRONG) if rank < n_framed else None
        _draw_tile(sheet, corner, neighbour.path, frame=verdict)
        distance = f"{max(neighbour.distance, 0):.3f}"
        _draw_caption(sheet, corner, distance, neighbour.path.stem, ink=verdict or _INK)


def _draw_tile(
    sheet: Image.Image, corner: tuple[int, int], path: Path, *, frame: str | None
) -> None:
    if frame is not None:
        # A gap of paper between picture and frame keeps both readable.
        sheet.paste(frame, _outset(corner, 7), _rounded(_TILE + 14, _RADIUS + 7))
        sheet.paste(_PAPER, _outset(corner, 3), _rounded(_TILE + 6, _RADIUS + 3))
    try:
        picture = ImageOps.fit(open_picture(path), (_TILE, _TILE), Image.Resampling.LANCZOS)
    except ImageUnreadable:
        picture = Image.new("RGB", (_TILE, _TILE), _LINE)
    sheet.paste(picture, corner, _rounded(_TILE, _RADIUS))


def _draw_caption(
    sheet: Image.Image, corner: tuple[int, int], upper: str, lower: str, *, ink: str
) -> None:
    pen, (left, top) = ImageDraw.Draw(sheet), (corner[0], corner[1] + _TILE)
    pen.text((left, top + 12), _fitting(upper, 17, _TILE), fill=ink, font=_font(17))
    pen.text((left, top + 34), _fitting(lower, 13, _TILE), fill=_FAINT, font=_font(13))


def _draw_arrow(sheet: Image.Image, x: int, y: int) -> None:
    pen = ImageDraw.Draw(sheet)
    pen.line((x - 16, y, x + 14, y), fill=_FAINT, width=2)
    pen.line((x + 6, y - 8, x + 14, y, x + 6, y + 8), fill=_FAINT, width=2, joint="curve")


def _outset(corner: tuple[int, int], by: int) -> tuple[int, int, int, int]:
    left, top = corner
    return (left - by, top - by, left + _TILE + by, top + _TILE + by)


@cache
def _rounded(side: int, radius: int) -> Image.Image:
    """A mask of a square with round corners, drawn four times as large for smooth edges."""
    large = Image.new("L", (side * 4, side * 4), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, *large.size), radius * 4, fill=255)
    return large.resize((side, side), Image.Resampling.LANCZOS)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitting(text: str, size: int, room: int) -> str:
    """The text, or its beginning and an ellipsis where it is wider than `room` pixels."""
    if _font(size).getlength(text) <= room:
        return text
    while text and _font(size).getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"
