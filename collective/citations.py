"""The references to cite for a calculation, as BibTeX: `citation`.

The file is longer than others: it holds every reference.
"""

from collective import engines
from collective._tools.version import __version__
from collective.couplings.channels import ChannelCouplings
from collective.couplings.couplings import Couplings
from collective.couplings.with_mode import CavityCouplings
from collective.fields import answers
from collective.master.equation import MasterEquation
from collective.results.result import Result

_TITLE = (
    "collective: time evolution of quantum emitters coupled through a common electromagnetic field"
)
_YEAR = "2026"

# key: (kind, fields)
REFERENCES = {
    "qutip": (
        "article",
        {
            "author": "Lambert, Neill and Gigu{\\`e}re, Eric and Menczel, Paul and Li, Boxi "
            "and others",
            "title": "{QuTiP} 5: The Quantum Toolbox in {Python}",
            "journal": "Phys. Rep.",
            "volume": "1153",
            "pages": "1--62",
            "year": "2026",
            "doi": "10.1016/j.physrep.2025.10.001",
        },
    ),
    "dicke1954": (
        "article",
        {
            "author": "Dicke, R. H.",
            "title": "Coherence in Spontaneous Radiation Processes",
            "journal": "Phys. Rev.",
            "volume": "93",
            "pages": "99",
            "year": "1954",
            "doi": "10.1103/PhysRev.93.99",
        },
    ),
    "tavis1968": (
        "article",
        {
            "author": "Tavis, Michael and Cummings, Frederick W.",
            "title": "Exact Solution for an {N}-Molecule-Radiation-Field Hamiltonian",
            "journal": "Phys. Rev.",
            "volume": "170",
            "pages": "379--384",
            "year": "1968",
            "doi": "10.1103/PhysRev.170.379",
        },
    ),
    "lehmberg1970": (
        "article",
        {
            "author": "Lehmberg, R. H.",
            "title": "Radiation from an {N}-Atom System. {I}. General Formalism",
            "journal": "Phys. Rev. A",
            "volume": "2",
            "pages": "883",
            "year": "1970",
            "doi": "10.1103/PhysRevA.2.883",
        },
    ),
    "gross1982": (
        "article",
        {
            "author": "Gross, M. and Haroche, S.",
            "title": "Superradiance: An essay on the theory of collective spontaneous emission",
            "journal": "Phys. Rep.",
            "volume": "93",
            "pages": "301",
            "year": "1982",
            "doi": "10.1016/0370-1573(82)90102-8",
        },
    ),
    "ficek2002": (
        "article",
        {
            "author": "Ficek, Z. and Tana{\\'s}, R.",
            "title": "Entangled states and collective nonclassical effects in two-atom systems",
            "journal": "Phys. Rep.",
            "volume": "372",
            "pages": "369",
            "year": "2002",
            "doi": "10.1016/S0370-1573(02)00368-X",
        },
    ),
    "dalibard1992": (
        "article",
        {
            "author": "Dalibard, Jean and Castin, Yvan and M{\\o}lmer, Klaus",
            "title": "Wave-function approach to dissipative processes in quantum optics",
            "journal": "Phys. Rev. Lett.",
            "volume": "68",
            "pages": "580",
            "year": "1992",
            "doi": "10.1103/PhysRevLett.68.580",
        },
    ),
    "molmer1993": (
        "article",
        {
            "author": "M{\\o}lmer, Klaus and Castin, Yvan and Dalibard, Jean",
            "title": "{Monte Carlo} wave-function method in quantum optics",
            "journal": "J. Opt. Soc. Am. B",
            "volume": "10",
            "pages": "524",
            "year": "1993",
            "doi": "10.1364/JOSAB.10.000524",
        },
    ),
    "kubo1962": (
        "article",
        {
            "author": "Kubo, Ryogo",
            "title": "Generalized Cumulant Expansion Method",
            "journal": "J. Phys. Soc. Jpn.",
            "volume": "17",
            "pages": "1100",
            "year": "1962",
            "doi": "10.1143/JPSJ.17.1100",
        },
    ),
    "kramer2015": (
        "article",
        {
            "author": 'Kr{\\"a}mer, Sebastian and Ritsch, Helmut',
            "title": "Generalized mean-field approach to simulate the dynamics of large open spin "
            "ensembles with long range interactions",
            "journal": "Eur. Phys. J. D",
            "volume": "69",
            "pages": "282",
            "year": "2015",
            "doi": "10.1140/epjd/e2015-60266-5",
        },
    ),
    "shammah2018": (
        "article",
        {
            "author": "Shammah, Nathan and Ahmed, Shahnawaz and Lambert, Neill and De Liberato, "
            "Simone and Nori, Franco",
            "title": "Open quantum systems with local and collective incoherent processes: "
            "Efficient numerical simulations using permutational invariance",
            "journal": "Phys. Rev. A",
            "volume": "98",
            "pages": "063815",
            "year": "2018",
            "doi": "10.1103/PhysRevA.98.063815",
        },
    ),
    "wiseman1993": (
        "article",
        {
            "author": "Wiseman, H. M. and Milburn, G. J.",
            "title": "Interpretation of quantum jump and diffusion processes illustrated on the "
            "{B}loch sphere",
            "journal": "Phys. Rev. A",
            "volume": "47",
            "pages": "1652",
            "year": "1993",
            "doi": "10.1103/PhysRevA.47.1652",
        },
    ),
    "zhang2023": (
        "misc",
        {
            "author": "Zhang, ZhiQing and Guo, HaiZhong and Wang, Lingrui and Chen, Gang and Shan, "
            "Chongxin and M{\\o}lmer, Klaus and Zhang, Yuan",
            "title": "Stochastic Mean-field Theory for Conditional Spin Squeezing by Homodyne "
            "Probing of Atom-Cavity Photon Dressed States",
            "year": "2023",
            "eprint": "2306.00868",
            "archiveprefix": "arXiv",
        },
    ),
    "mink2023": (
        "article",
        {
            "author": "Mink, Christopher D. and Fleischhauer, Michael",
            "title": "Collective radiative interactions in the discrete truncated Wigner "
            "approximation",
            "journal": "SciPost Phys.",
            "volume": "15",
            "pages": "233",
            "year": "2023",
            "doi": "10.21468/SciPostPhys.15.6.233",
        },
    ),
    "schachenmayer2015": (
        "article",
        {
            "author": "Schachenmayer, Johannes and Pikovski, Alexander and Rey, Ana Maria",
            "title": "Many-Body Quantum Spin Dynamics with {M}onte {C}arlo Trajectories on a "
            "Discrete Phase Space",
            "journal": "Phys. Rev. X",
            "volume": "5",
            "pages": "011022",
            "year": "2015",
            "doi": "10.1103/PhysRevX.5.011022",
        },
    ),
    "redfield1957": (
        "article",
        {
            "author": "Redfield, A. G.",
            "title": "On the Theory of Relaxation Processes",
            "journal": "IBM J. Res. Dev.",
            "volume": "1",
            "pages": "19",
            "year": "1957",
            "doi": "10.1147/rd.11.0019",
        },
    ),
    "davies1974": (
        "article",
        {
            "author": "Davies, E. B.",
            "title": "Markovian master equations",
            "journal": "Commun. Math. Phys.",
            "volume": "39",
            "pages": "91",
            "year": "1974",
            "doi": "10.1007/BF01608389",
        },
    ),
    "nathan2020": (
        "article",
        {
            "author": "Nathan, Frederik and Rudner, Mark S.",
            "title": "Universal {Lindblad} equation for open quantum systems",
            "journal": "Phys. Rev. B",
            "volume": "102",
            "pages": "115109",
            "year": "2020",
            "doi": "10.1103/PhysRevB.102.115109",
        },
    ),
}
_COLLECTIVE = ("dicke1954", "lehmberg1970", "gross1982", "ficek2002")
_APPROXIMATIONS = {
    "universal": ("nathan2020",),
    "rwa": ("nathan2020",),  # the jump operators are those of the universal equation
    "redfield": ("redfield1957",),
    "secular": ("davies1974",),
}


def citation(
    calculation: Result | Couplings | CavityCouplings | ChannelCouplings | MasterEquation,
) -> str:
    """BibTeX of what to cite: this package, QuTiP, the equation, the engine and the field.

    The field is cited for couplings only, because a master equation does not store its field. An
    engine has what to cite for it in `cite`, and `Result.diagnostics["cite"]` keeps this.

    Args:
        calculation: a result, couplings or a master equation.

    Returns:
        Entries of a .bib file, separated by empty lines.

    Raises:
        TypeError: if the calculation is none of these.
        ValueError: for a result of an engine of your own whose `cite` has a key without an entry.

    Example:
        >>> import collective as co
        >>> text = co.citation(co.couple(co.chain(2, 0.1), co.Vacuum()))
        >>> print(text.split("@")[3].strip())
        article{lehmberg1970,
          author = {Lehmberg, R. H.},
          title = {Radiation from an {N}-Atom System. {I}. General Formalism},
          journal = {Phys. Rev. A},
          volume = {2},
          pages = {883},
          year = {1970},
          doi = {10.1103/PhysRevA.2.883},
        }
    """
    of_engine: tuple[str, ...] = ()
    of_field = ""
    problem: object = calculation
    if isinstance(calculation, Result):
        of_engine, problem = _of_engine(calculation), calculation.couplings or calculation.equation
    of_mode: tuple[str, ...] = ()
    if isinstance(problem, CavityCouplings):
        of_mode, problem = ("tavis1968",), problem.couplings
    if isinstance(problem, Couplings | ChannelCouplings):
        keys = list(_COLLECTIVE)
        of_field = answers.citation(problem.field)
    elif isinstance(problem, MasterEquation):
        keys = list(_APPROXIMATIONS.get(problem.approximation, ()))
    else:
        raise TypeError(
            "calculation must be a Result, Couplings or a MasterEquation (co.evolve, co.couple, "
            f"co.master_equation), got {type(calculation).__name__}"
        )
    keys += [*of_mode, *of_engine, "qutip"]  # every engine uses its operators and states
    entries = [_package(), *map(_found, dict.fromkeys(keys)), of_field]
    return "\n\n".join(entry for entry in entries if entry)


def _of_engine(result: Result) -> tuple[str, ...]:
    """The keys and BibTeX entries that the engine of a result has in `cite`.

    A file of an earlier release does not hold them; then the engine of the same name gives them.
    """
    kept = result.diagnostics.get("cite")
    if kept is None:
        name = engines.NAMES.get(result.method)
        kept = () if name is None else getattr(engines, name).cite
    unknown = [each for each in kept if each not in REFERENCES and not each.startswith("@")]
    if unknown:
        raise ValueError(
            f"method {result.method!r} cites {unknown[0]!r}, which is not a key of "
            f"collective.citations ({', '.join(REFERENCES)}): its `cite` must hold the BibTeX "
            "entry itself, '@article{...}'"
        )
    return tuple(kept)


def _found(cited: str) -> str:
    """The entry of a key, or the entry itself."""
    return cited.strip() if cited.startswith("@") else _entry(cited, *REFERENCES[cited])


def _package() -> str:
    """The entry of this package."""
    fields = {
        "author": "{The collective developers}",
        "title": "{" + _TITLE + "}",
        "year": _YEAR,
        "version": __version__,
    }
    return _entry("collective", "software", fields)


def _entry(key: str, kind: str, fields: dict[str, str]) -> str:
    """One BibTeX entry."""
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
