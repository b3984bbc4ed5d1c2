"""Sphinx configuration."""

import os
import sys
import warnings
from pathlib import Path

import collective

os.environ.setdefault("MPLBACKEND", "Agg")
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import _gallery  # noqa: E402
import _pages  # noqa: E402
import _scenarios  # noqa: E402
import _validation  # noqa: E402

project = "collective"
author = copyright = "the collective developers"
version = release = collective.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas also where the reader has no network
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "_static", "generated/validation.md", "generated/scenarios.md"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath", "amsmath", "substitution"]
myst_substitutions = {"version": release}
myst_heading_anchors = 3
smartquotes_action = "D"  # dashes, but quotes stay as a reader types them
default_role = "literal"  # a name in single backticks is code, as in Markdown

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # shapes are in the text; the types of numpy are long

html_theme = "pydata_sphinx_theme"
html_title = "collective"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {"*": []}  # a page that has no pages below it has no list of them
html_theme_options = {
    "show_nav_level": 2,
    "navbar_align": "left",
    "navbar_center": ["topbar"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}

# the pages in the top bar; the others are in its menu
TOPBAR = {
    "tutorial/index": "Tutorial",
    "gallery/index": "Gallery",
    "engines": "Which engine?",
    "conventions": "Conventions",
    "api": "API",
}

# the order in which the examples are best read
STORY = {
    "first_steps": [
        "one_atom_then_two",
        "how_close_is_close",
        "bright_and_dark_modes",
        "two_detuned_emitters",
        "a_pi_pulse_and_its_echo",
        "five_engines_one_system",
    ],
    "superradiance_and_subradiance": [
        "the_dicke_burst",
        "climbing_down_the_ladder",
        "a_burst_in_warm_light",
        "fourteen_atoms_exactly",
        "chain_square_cube",
        "the_shift_you_forgot",
        "where_the_light_goes",
        "dark_state_entanglement",
        "clicks",
        "photons_one_by_one",
        "subradiance_and_the_light_cone",
        "a_mirror_of_atoms",
        "mollow_triplet_of_a_pair",
        "a_superradiant_laser",
        "correlations_between_two_sites",
    ],
    "hundreds_of_atoms": [
        "a_hundred_atoms_burst",
        "when_cumulants_lie",
        "single_shots_of_a_superradiant_burst",
        "an_erbium_array",
        "ten_thousand_atoms_in_a_cloud",
        "a_phase_diagram_overnight",
        "missing_atoms",
        "a_pulse_for_unlike_ions",
        "from_laptop_to_cluster",
    ],
    "real_atoms": [
        "strontium_in_an_array",
        "scalar_light_vector_light",
        "a_magnetic_field_makes_a_mirror",
        "competing_lines",
        "squeezing_by_one_axis_twisting",
        "a_rydberg_array_exchanges_its_excitation",
    ],
    "environments": [
        "light_on_a_wire",
        "the_part_everyone_drops",
        "superradiance_through_a_wire",
        "a_wire_seen_from_the_side",
        "one_dimensional_light",
        "light_takes_its_time",
        "a_mirror_far_away",
        "when_markov_fails",
        "a_bad_cavity",
        "from_bad_to_good_cavity",
        "a_gold_sphere_between_two_emitters",
        "how_thick_a_fibre",
        "a_ring_around_a_nanofibre",
        "mirror_mirror",
        "a_film_that_catches_light",
        "bring_your_own_field",
    ],
    "beyond_the_rwa": [
        "rwa_on_trial",
        "two_colours",
        "a_permanent_dipole_next_door",
        "two_nv_centres_and_a_nuclear_spin",
        "currents_that_attract",
        "a_spin_exchange_from_magnetism",
        "how_big_is_it_really",
    ],
}


class ByStory:
    """Sorts chapters and examples of the gallery; one that is not listed stops the build."""

    def __init__(self, source):
        self.source = source

    def __call__(self, name):
        """Place of a chapter (a folder) or an example (a file) in the story."""
        order = [*STORY, *(example for chapter in STORY.values() for example in chapter)]
        return order.index(Path(name).name.removesuffix(".py"))


sphinx_gallery_conf = {
    "subsection_order": ByStory(None),
    "within_subsection_order": ByStory,
    "backreferences_dir": "generated/backreferences",
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "image_scrapers": (_gallery.scrape,),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,  # a page of seconds of whichever machine built the site
    "min_reported_time": 10,
    "abort_on_example_error": True,
    "doc_module": ("collective",),
    "reference_url": {"collective": None},
}


def top_bar(app, page, _template, context, _doctree):
    """Give the templates the pages of the top bar and of its menu: (page, title, is here)."""
    env = app.env
    others = [other for other in env.toctree_includes["index"] if other not in TOPBAR]
    entries = TOPBAR | {other: env.titles[other].astext() for other in others}
    rows = [(name, title, _is_below(page, name)) for name, title in entries.items()]
    context["topbar"], context["more_pages"] = rows[: len(TOPBAR)], rows[len(TOPBAR) :]


def _is_below(page, above):
    """Whether a page is another one or in its folder; the pages of names are below the API."""
    folder = "generated/" if above == "api" else above.removesuffix("index")
    return page == above or (folder.endswith("/") and page.startswith(folder))


def names_in_backticks(app, doctree, page):
    """Link the names in backticks to their reference pages."""
    import _names

    _names.link(app, doctree, page)


def long_cells(_app, doctree, _page):
    """Mark the cells of tables by the length of their text, for site.css to give them a width."""
    from docutils import nodes

    for cell in doctree.findall(nodes.entry):
        length = len(cell.astext())
        if length <= 12:
            cell["classes"].append("short")
        elif length > 18:
            cell["classes"].append("words" if length <= 60 else "sentence")


def computed_pages(app):
    """Run the code that stands on the pages, for their figures, and compare with golden numbers."""
    generated = Path(app.srcdir) / "generated"
    generated.mkdir(exist_ok=True)
    _pages.draw(generated)
    _validation.write(generated / "validation.md")
    _scenarios.write(generated / "scenarios.md")


def demo_pages(app):
    """Write the static pages of the teaching demos."""
    import teaching_pages

    teaching_pages.write(Path(app.srcdir) / "_static" / "teaching")


def exercise_notebooks(app):
    """Write the exercises and their solutions as notebooks, for download."""
    import exercise_notebooks

    exercise_notebooks.write(Path(app.srcdir) / "_static" / "exercises")


def setup(app):
    """Hook what is computed into the build."""
    app.connect("doctree-resolved", names_in_backticks)
    app.connect("doctree-resolved", long_cells)
    app.connect("doctree-resolved", _gallery.wide_figures)
    app.connect("html-page-context", top_bar)
    app.connect("builder-inited", computed_pages)
    app.connect("builder-inited", demo_pages)
    app.connect("builder-inited", exercise_notebooks)
    app.connect("builder-inited", _gallery.finish, priority=900)  # after sphinx-gallery


suppress_warnings = ["config.cache"]
warnings.filterwarnings("ignore", message=".*non-interactive.*")
