"""The index of the gallery: a small figure and the question of each example.

A figure in the size of a page cannot be read in an index. So one panel of it is drawn again, small,
with letters of the usual size. Below stands the question that the example asks: the first sentence
of its text, between asterisks.
"""

import ast
import html
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.gridspec import GridSpec

EXAMPLES = Path(__file__).parent.parent / "examples"
SIZE = (4.4, 3.1)  # inches
DPI = 130
WIDE = 1.8  # width over height, from which a figure is too wide for a phone
# the panel that is shown, if it is not the first one, of the first figure
PANELS = {
    "a_gold_sphere_between_two_emitters": 2,
    "a_pi_pulse_and_its_echo": 1,
    "an_erbium_array": 2,
    "bring_your_own_field": 1,
    "light_takes_its_time": 1,
    "one_dimensional_light": 2,
    "when_cumulants_lie": 1,
}
# figures with long legends, which are drawn with smaller letters
CROWDED = {
    "a_permanent_dipole_next_door",
    "how_big_is_it_really",
    "rwa_on_trial",
    "squeezing_by_one_axis_twisting",
    "two_nv_centres_and_a_nuclear_spin",
    "where_the_light_goes",
}
_QUESTION = re.compile(r"^\*(.+?)\*", re.DOTALL | re.MULTILINE)
_CARD = re.compile(
    r'( tooltip="[^"]*")(>.*?:doc:`/gallery/(?:\w+/)?(\w+)`.*?thumbnail-title">.*?</div>\n)',
    re.DOTALL,
)


def question(example):
    """What an example asks, from the path of its file."""
    text = ast.get_docstring(ast.parse(Path(example).read_text(encoding="utf-8")))
    return " ".join(_QUESTION.search(text).group(1).split())


def scrape(block, block_vars, gallery_conf):
    """Save the figures of a block of an example, and the small one of its first figure."""
    from sphinx_gallery.scrapers import matplotlib_scraper

    figures = [plt.figure(number) for number in plt.get_fignums()]
    first = len(block_vars["image_path_iterator"]) == 0
    text = matplotlib_scraper(block, block_vars, gallery_conf)
    if figures and first:
        name = Path(block_vars["src_file"]).stem
        draw_small(figures[0], name, _small(Path(gallery_conf["src_dir"]), name))
    return text


def draw_small(figure, name, target):
    """Save one panel of the figure of an example, without colour bars; the others are removed."""
    for ax in figure.axes:
        for drawn in (*ax.collections, *ax.images):
            if drawn.colorbar is not None:
                drawn.colorbar.remove()
    shown = figure.axes[PANELS.get(name, 0)]
    # panels that share an axis have its label and its numbers on one of them
    for ax in figure.axes:
        if not shown.get_xlabel() and shown.get_shared_x_axes().joined(shown, ax):
            shown.set_xlabel(ax.get_xlabel())
        if not shown.get_ylabel() and shown.get_shared_y_axes().joined(shown, ax):
            shown.set_ylabel(ax.get_ylabel())
    shown.tick_params(labelleft=True, labelbottom=True)
    for ax in figure.axes:
        if ax is not shown:
            ax.remove()
    shown.set_subplotspec(GridSpec(1, 1, figure=figure)[0])
    shown.set_anchor("C")  # a colour bar has moved it
    factor = 1.4 if name in CROWDED else 1.0
    figure.set_size_inches(factor * np.array(SIZE))
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=DPI / factor)


def wide_figures(app, doctree, _page):
    """Put each figure of several panels into a box, which scrolls where the page is narrow."""
    from docutils import nodes
    from sphinx_gallery.directives import imgsgnode

    for image in list(doctree.findall(imgsgnode)):
        height, width = plt.imread(Path(app.srcdir) / image["uri"].removeprefix("/")).shape[:2]
        if width > WIDE * height:
            image.replace_self(nodes.container("", image.deepcopy(), classes=["wide-figure"]))


def finish(app):
    """Put the small figures and the questions into the index that sphinx-gallery has written."""
    source = Path(app.srcdir)
    for example in EXAMPLES.glob("*/*.py"):
        name, small = example.stem, _small(source, example.stem)
        thumb = f"gallery/{example.parent.name}/images/thumb/sphx_glr_{name}_thumb.png"
        if small.exists():
            (source / thumb).write_bytes(small.read_bytes())
    for index in source.glob("gallery/**/index.rst"):
        index.write_text(with_questions(index.read_text(encoding="utf-8")), encoding="utf-8")


def with_questions(index):
    """The text of an index in which each example has its question, and no tooltip."""
    asked = {example.stem: question(example) for example in EXAMPLES.glob("*/*.py")}

    def card(match):
        words = html.escape(asked[match.group(3)])
        return f'{match.group(2)}      <div class="gallery-question">{words}</div>\n'

    return _CARD.sub(card, index)


def _small(source, name):
    """Where the small figure of an example is kept between builds."""
    return source / "generated" / "thumbnails" / f"{name}.png"
