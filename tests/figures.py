"""What a reader would complain of in a figure, found by looking at its pixels and boxes."""

import numpy as np
from matplotlib.collections import QuadMesh

INK = 140  # of 255: a pixel with a darker colour is part of a curve; bands and guides are lighter
ENTRIES = 10  # of a legend at most
SPECKS = 4  # pixels of a curve that may touch a legend


def complaints(figure):
    """Sentences about legends, colour bars and units of a figure; none if it is good."""
    figure.canvas.draw()
    layout = figure.get_layout_engine()
    figure.set_layout_engine("none")  # nothing moves when a legend is hidden
    found = [*_of_legends(figure), *_of_boxes(figure), *_of_units(figure)]
    figure.set_layout_engine(layout)
    return found


def _of_legends(figure):
    panels = [ax for ax in figure.axes if ax.get_legend() is not None]
    for ax in panels:
        legend = ax.get_legend()
        words = [text.get_text() for text in legend.get_texts()]
        if len(words) > ENTRIES:
            yield f"{len(words)} entries of a legend: {words}"
        if legend.get_frame_on():
            yield f"a legend with a frame: {words}"
        if any(isinstance(drawn, QuadMesh) for drawn in ax.collections) or ax.images:
            continue  # a legend on a map
        box = legend.get_window_extent()
        legend.set_visible(False)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3].min(axis=2)
        legend.set_visible(True)
        inside = pixels[round(box.y0) + 2 : round(box.y1) - 1, round(box.x0) + 2 : round(box.x1)]
        if np.sum(inside < INK) > SPECKS:
            yield f"a legend on a curve: {words}"


def _of_boxes(figure):
    boxes = [(ax, ax.get_tightbbox()) for ax in figure.axes]
    for i, (one, box) in enumerate(boxes):
        for other, beside in boxes[i + 1 :]:
            wide = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            high = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            if wide > 1 and high > 1:
                names = f"{one.get_xlabel()!r}, {one.get_ylabel()!r} and {other.get_ylabel()!r}"
                yield f"panels or colour bars that collide: {names}"
        if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1:
            yield f"a panel beyond the edge of the figure: {one.get_xlabel()!r}"


def _of_units(figure):
    for ax in figure.axes:
        for label in (ax.get_xlabel(), ax.get_ylabel()):
            if label.startswith("time") and "(" not in label and "/" not in label:
                yield f"a time without a unit: {label!r}"
