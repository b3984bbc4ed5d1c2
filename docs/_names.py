"""Names in backticks: which public name is meant, and the link to its page of the reference.

`meant` says what a text in backticks names, and complains about names that do not exist. The pages
are linked by `link`, when they are written.
"""

import dataclasses
import importlib.util
import inspect
import re
from functools import cache
from pathlib import Path

import collective

API = Path(__file__).parent / "api.rst"
# by custom these variables hold objects of these classes
VARIABLES = {"result": "Result", "couplings": "Couplings"}
# words that pages also use for other things, such as a chain of atoms or the name of a variable
WORDS = {"chain", "ring", "square", "cubic", "cloud", "atoms", "spin", "methods", "interaction"}
# words that pages use for one name: of observables, and of engines as `method=` takes them
SHORT = {"g1": "observables.g1", "g2": "observables.g2"} | {
    getattr(collective.engines, kind).name: f"engines.{kind}"
    for kind in collective.engines.__all__
    if isinstance(getattr(getattr(collective.engines, kind), "name", None), str)
}
METHOD = re.compile(r'(?:method=)?"(\w+)"')
# its words in backticks are names of folders and files
ROOMS = "architecture"
# its names may be those of earlier versions
HISTORY = "changelog"
TEXT = re.compile(r"(co\.|collective\.)?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(.*)", re.DOTALL)


@cache
def listed():
    """The names on the page of all names, such as "couple" and "observables.g2"."""
    return set(re.findall(r"^   ([A-Za-z_][\w.]*)$", API.read_text(encoding="utf-8"), flags=re.M))


@cache
def thing(name):
    """The object of a listed name."""
    found = collective
    for part in name.split("."):
        found = getattr(found, part)
    return found


def meant(text, owner=None):
    """The public name that a text in backticks names, such as "Result" or "Couplings.validity".

    Args:
        text: what stands between the backticks: a name, a call, or any other code.
        owner: the listed name in whose docstring the text stands; None for a page.

    Returns:
        A listed name, perhaps with one member, or None if the text names nothing public.

    Raises:
        LookupError: for a name of the package that does not exist.
    """
    method = METHOD.fullmatch(text)
    if method and (owner is None or text.startswith("method=")):
        return SHORT.get(method.group(1))
    match = TEXT.fullmatch(text.removeprefix("method="))
    if match is None:
        return None
    prefix, path, rest = match.groups()
    if prefix:
        return _existing(path)
    if rest and rest[0] not in "([":
        return None
    head, _, members = path.partition(".")
    if head in VARIABLES and members:
        return _existing(f"{VARIABLES[head]}.{members}")
    if path in listed() and "." in path:
        return path
    if head[0].isupper():
        name = _class(head, owner)
        return name and _existing(f"{name}.{members}" if members else name)
    return None if members or (rest and path in SHORT) else _function(path, owner)


def _existing(path):
    """A listed name with at most one member; None for a module; complains about anything else."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name not in listed():
            continue
        if length == len(parts):
            return name
        if not _has(thing(name), parts[length]):
            raise LookupError(f"{name} has no member {parts[length]!r}")
        return f"{name}.{parts[length]}"
    try:
        if importlib.util.find_spec(f"collective.{path}"):
            return None
    except ModuleNotFoundError:
        pass
    raise LookupError(f"collective has no public name {path!r}")


def _has(kind, member):
    """Whether objects of a class have this member."""
    if not inspect.isclass(kind):
        return False
    return hasattr(kind, member) or any(
        member in inspect.get_annotations(base) for base in kind.__mro__
    )


def _class(name, owner):
    """The listed class with this last name: of the module of the owner, else the only one."""
    found = [each for each in listed() if each.split(".")[-1] == name]
    near = [each for each in found if each.rpartition(".")[0] == _module(owner)]
    if near:
        return near[0]
    return found[0] if len(found) == 1 else None


def _module(owner):
    """The module of a listed name: "observables" of "observables.Spectrum.total"."""
    parts = (owner or "").split(".")
    return parts[0] if parts[0] and inspect.ismodule(getattr(collective, parts[0], None)) else ""


def _function(word, owner):
    """A function, method or property with this bare name, unless the owner has such an argument."""
    if owner is None:
        return word if word in listed() - WORDS else SHORT.get(word)
    name = owner if owner in listed() else owner.rpartition(".")[0]
    if word in _arguments(owner) | _arguments(name) or word == owner.split(".")[-1]:
        return None
    member = getattr(thing(name), word, None) if inspect.isclass(thing(name)) else None
    if callable(member) or isinstance(member, property):
        return f"{name}.{word}"
    module = _module(owner)
    near = f"{module}.{word}" if module else word
    return near if near in listed() else word if word in listed() - WORDS else None


def _arguments(name):
    """The arguments and fields of a listed name or of a member of one."""
    outer, _, inner = name.rpartition(".")
    found = thing(name) if name in listed() else getattr(thing(outer), inner, None)
    fields = dataclasses.fields(found) if dataclasses.is_dataclass(found) else ()
    try:
        arguments = inspect.signature(found).parameters
    except (TypeError, ValueError):
        arguments = ()
    return {*arguments, *(each.name for each in fields)}


def link(app, doctree, page):
    """Link the names in the literals of a page to the reference; a name that is not there warns."""
    from docutils import nodes
    from sphinx import addnodes
    from sphinx.util import logging
    from sphinx.util.nodes import make_refnode

    targets = {entry[0]: entry for entry in app.env.get_domain("py").get_objects()}
    linked_or_heading = (nodes.reference, nodes.title, addnodes.desc_signature)
    for literal in list(doctree.findall(nodes.literal)):
        owner, above = None, literal.parent
        while above is not None and not isinstance(above, linked_or_heading):
            if isinstance(above, addnodes.desc) and owner is None:
                owner = above[0]["ids"][0].removeprefix("collective.") if above[0]["ids"] else None
            above = above.parent
        if above is not None or (page == ROOMS and "." not in literal.astext()):
            continue
        try:
            name = meant(literal.astext(), owner)
        except LookupError as error:
            if page != HISTORY:
                logging.getLogger(__name__).warning("%s", error, location=literal)
            continue
        full = f"collective.{name}"
        target = targets.get(full) or targets.get(full.rpartition(".")[0])
        if name is None or target is None or name == owner:
            continue
        _, _, _, where, anchor, _ = target
        reference = make_refnode(app.builder, page, where, anchor, literal.deepcopy(), full)
        literal.replace_self(reference)
