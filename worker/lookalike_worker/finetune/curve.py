"""A run's curves as a PNG: losses on the left, validation accuracy on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from lookalike_worker.finetune.progress import Progress

_WIDTH, _HEIGHT = 1200, 480
_INK, _GRID, _GROUND = "#222222", "#dddddd", "#ffffff"
_BLUE, _ORANGE, _GREEN = "#1f77b4", "#d95f02", "#1b9e77"
_N_LINES = 5


@dataclass(frozen=True, slots=True)
class _Line:
    """One curve: a name, a colour and its points, (epoch, value)."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A field of the picture, in pixels, and the values that its edges stand for."""

    box: tuple[int, int, int, int]
    most_epochs: float
    values: tuple[float, float]

    def at(self, epoch: float, value: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        low, high = self.values
        x = left + (right - left) * epoch / self.most_epochs
        return x, bottom - (bottom - top) * (value - low) / (high - low)


def draw_curve(progress: Progress, title: str, file: Path) -> None:
    """Write the curves of all epochs so far; raises OSError where the file cannot be written."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _GROUND)
    draw = ImageDraw.Draw(image)
    draw.text((24, 14), title, _INK, _font(18))
    epochs = progress.epochs
    losses = (
        _Line("training loss", _BLUE, [(e.number, e.training_loss) for e in epochs if e.number]),
        _Line("validation loss", _ORANGE, [(e.number, e.validation_loss) for e in epochs]),
    )
    shares = [(e.number, 100 * e.validation_accuracy) for e in epochs]
    most = max(epoch.number for epoch in epochs) or 1
    _draw_panel(draw, _Panel((70, 80, 570, 420), most, _range(losses)), losses, progress.best)
    accuracies = (_Line("validation accuracy, %", _GREEN, shares),)
    panel = _Panel((670, 80, 1170, 420), most, _range(accuracies))
    _draw_panel(draw, panel, accuracies, progress.best)
    unfinished = file.with_suffix(".unfinished")
    image.save(unfinished, "PNG", optimize=True)
    unfinished.replace(file)


def _range(lines: Sequence[_Line]) -> tuple[float, float]:
    values = [value for line in lines for _, value in line.points]
    margin = max((max(values) - min(values)) * 0.06, 1e-3)
    return min(values) - margin, max(values) + margin


def _draw_panel(
    draw: ImageDraw.ImageDraw, panel: _Panel, lines: Sequence[_Line], best: int
) -> None:
    left, top, right, bottom = panel.box
    low, high = panel.values
    for step in range(_N_LINES + 1):
        value = low + (high - low) * step / _N_LINES
        y = panel.at(0, value)[1]
        draw.line((left, y, right, y), _GRID)
        draw.text((left - 8, y), f"{value:.4g}", _INK, _font(13), anchor="rm")
    for epoch in _marks(panel.most_epochs):
        draw.text((panel.at(epoch, low)[0], bottom + 8), str(epoch), _INK, _font(13), anchor="mt")
    draw.text(((left + right) / 2, bottom + 30), "epoch", _INK, _font(13), anchor="mt")
    x = panel.at(best, low)[0]
    draw.line((x, top, x, bottom), _GRID, 3)
    draw.text((x, top - 6), "best", _INK, _font(13), anchor="mb")
    _draw_lines(draw, panel, lines)


def _draw_lines(draw: ImageDraw.ImageDraw, panel: _Panel, lines: Sequence[_Line]) -> None:
    x = float(panel.box[0])
    for line in lines:
        points = [panel.at(*point) for point in line.points]
        if len(points) > 1:
            draw.line(points, line.colour, 3, joint="curve")
        for point in points:
            draw.circle(point, 4, line.colour)
        draw.circle((x + 5, 53), 5, line.colour)
        draw.text((x + 16, 44), line.name, line.colour, _font(14))
        x += 40 + draw.textlength(line.name, _font(14))


def _marks(most: float) -> range:
    return range(0, int(most) + 1, max(-(-int(most) // 10), 1))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
