"""What can be asked of a drawn figure."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text


def written(picture: Figure) -> list[str]:
    """Every text in it that is not empty."""
    return [text.get_text() for text in picture.findobj(Text) if text.get_text()]


def clipped(picture: Figure) -> bool:
    """Whether anything drawn sticks out of the paper."""
    width, height = picture.get_size_inches()
    box = picture.get_tightbbox()
    return bool(box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height)


def overlapping(picture: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that run into each other."""
    picture.draw_without_rendering()
    hidden = {id(label) for label in _labels_out_of_sight(picture)}
    texts = [text for text in picture.findobj(Text) if text.get_text().strip() and id(text) not in hidden]
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, other_box in boxes[place + 1 :]
        if box.overlaps(other_box)
    ]


def _labels_out_of_sight(picture: Figure) -> Iterator[Text]:
    """Labels of ticks beyond the ends of their axis, which matplotlib keeps and does not draw."""
    for axes in picture.axes:
        for axis in (axes.xaxis, axes.yaxis):
            first, last = sorted(axis.get_view_interval())
            yield from (tick.label1 for tick in axis.get_major_ticks() if not first <= tick.get_loc() <= last)
            yield from (tick.label2 for tick in axis.get_major_ticks())


def legend(picture: Figure) -> list[str]:
    """The names in its legend."""
    return [text.get_text() for one in picture.legends for text in one.get_texts()]


def points(line: Line2D) -> list[tuple[float, float]]:
    """Where a line goes."""
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]
