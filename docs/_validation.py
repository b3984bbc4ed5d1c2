"""Our value for every number of validation.json, and the tables of the validation page.

Each function before `compared` computes {key: value} for the rows of one chapter.
"""

import json
from pathlib import Path

import numpy as np

import collective as co

DATA = json.loads(Path(__file__).with_name("validation.json").read_text(encoding="utf-8"))
AXES = {"perp": (1, 0, 0), "par": (0, 0, 1)}
SILVER = co.materials.Drude.from_value(-50 + 0.6j, 2 * np.pi)


def two_atoms():
    ours = {}
    for name, dipole in AXES.items():
        for r in (0.1, 0.5):
            pair = co.couple(co.chain(2, r, dipoles=dipole), co.Vacuum())
            ours[f"vacuum decay {name} {r}"] = pair.decay[0, 1]
            ours[f"vacuum shift {name} {r}"] = pair.shift[0, 1]
    return ours


def near_field():
    return {
        f"near {shift} {name}": co.couple(
            co.chain(2, 0.03, dipoles=dipole), co.Vacuum(), shift=shift
        ).shift[0, 1]
        for name, dipole in AXES.items()
        for shift in ("full", "rwa")
    }


def superradiance():
    from scipy.optimize import brentq

    ours = {}
    for n in (3, 10, 100):
        # a parabola through the three highest points of a fine grid is good to 1e-8
        times = np.linspace(0, 2.5 * np.log(n) / n, 2001)
        ladder = co.Couplings(np.ones((n, n)), np.zeros((n, n)))
        burst = co.evolve(ladder, "inverted", times, method="symmetric")
        top = burst.emission.argmax()
        c, b, a = np.polynomial.polynomial.polyfit(
            times[top - 1 : top + 2] - times[top], burst.emission[top - 1 : top + 2], 2
        )
        ours[f"dicke peak {n}"] = c - b**2 / (4 * a)
        ours[f"dicke time {n}"] = times[top] - b / (2 * a)

        def excess(spacing, n=n):
            return co.couple(co.chain(n, spacing), co.Vacuum()).collective_rates().var() - 1

        ours[f"critical spacing {n}"] = brentq(excess, 0.1, 0.3, xtol=1e-9)

    # the mean over the Brillouin zone; modes outside the light cone do not decay
    nodes, weights = np.polynomial.legendre.leggauss(8)
    for name, dipole in (("across", (1, 0, 0)), ("along", (0, 0, 1))):

        def surplus(spacing, dipole=dipole):
            bands = co.observables.bands("chain", spacing, 2 * np.pi * nodes, dipole=dipole)
            return spacing * (weights @ bands.rates**2) - 2

        ours[f"critical spacing {name}"] = brentq(surplus, 0.2, 0.4, xtol=1e-12)
    return ours


def subradiance():
    return {
        f"subradiant {n}": co.couple(co.chain(n, 0.3), co.Vacuum()).modes().rates.min()
        for n in (10, 20, 40)
    }


def silver_wire():
    ours = {}
    k = 2 * np.pi
    for radius in (0.01, 0.02):
        plasmon = co.Nanowire(radius, SILVER).plasmon(k) / k
        ours[f"plasmon k {radius}"], ours[f"plasmon decay {radius}"] = plasmon.real, plasmon.imag
    wire = co.Nanowire(0.01, SILVER)
    for name, dipole in (("rr", (1, 0, 0)), ("pp", (0, 1, 0)), ("zz", (0, 0, 1))):
        atom = co.Emitters([[0.015, 0, 0]], dipoles=dipole)
        ours[f"purcell {name}"] = wire.purcell(atom)[0]
        if name == "rr":
            ours["plasmon rate"] = wire.plasmon_rate(atom)[0]
    apart = (0.1, 0.4, 1.5)
    atoms = co.Emitters([[0.015, 0, z] for z in (0, *apart)], dipoles=(1, 0, 0))
    tensor = wire.green(atoms.positions[0], atoms.positions[1:], k)[:, 0, 0]
    for z, g in zip(apart, tensor, strict=True):
        ours[f"wire decay {z}"], ours[f"wire shift {z}"] = 3 * g.imag, -1.5 * g.real
    one, pair = (co.Emitters(atoms.positions[:n], dipoles=(1, 0, 0)) for n in (1, 2))
    rwa = co.couple(pair, wire, shift="rwa").shift
    ours |= {"wire own rwa": rwa[0, 0], "wire rwa 0.1": rwa[0, 1]}
    return ours | {"wire own full": co.couple(one, wire).shift[0, 0]}


def nanofibre():
    ours = {}
    for line, wavelength in (("D2", 852.3472758), ("D1", 894.592959)):
        fibre = co.Nanowire(225 / wavelength, 1.4469**2)
        for name, distance in (("1.05", 1.05), ("1.845", 1.05 + 1.55 * 20 / 39)):
            places = np.tile([distance * fibre.radius, 0, 0], (3, 1))
            rates = fibre.guided(co.Emitters(places, dipoles=np.eye(3)))["HE11"]
            ours[f"{line} radial {name}"] = rates[0]
            ours[f"{line} others {name}"] = rates[1:].mean()
    return ours


def multilevel_pair(given):
    """Two dipoles of validation.json, and the element [y, x, u, v] of the reference numbers."""
    m = [np.array(given[name])[:, 0] + 1j * np.array(given[name])[:, 1] for name in ("m1", "m2")]
    dipoles = np.zeros((2, 2, 2, 3), dtype=complex)
    if given["Omega"] == [0, 0]:  # permanent dipoles in the upper level
        dipoles[:, 0, 0] = m
        energies, element = [[0.0, -1.0]] * 2, (0, 0, 0, 0)
    else:
        dipoles[:, 0, 1], dipoles[:, 1, 0] = m, np.conj(m)
        energies, element = [[omega, 0.0] for omega in given["Omega"]], (0, 1, 0, 1)
    pair = co.Multilevel([given["r"], [0, 0, 0]], energies, list(dipoles), kind="magnetic")
    return pair, element, m


def beyond_the_rwa():
    ours = {}
    for name, given in DATA["pairs"].items():
        pair, element, (m1, m2) = multilevel_pair(given)
        omega = np.array(given["Omega"][0])
        decay, shift = co.spectral.decay_and_shift(pair, co.Vacuum(), 0, 1, omega)
        ours[f"J {name}"], ours[f"K {name}"] = m1 @ decay @ m2, m1 @ shift @ m2
        screened = co.spectral.decay_and_shift(pair, co.Plasma(1.0), 0, 1, omega)[1]
        ours[f"plasma {name}"] = m1 @ screened @ m2
        found = co.interaction(pair, co.Vacuum())
        ours[f"G_P {name}"] = found.principal(0, 1)[element]
        ours[f"G_D {name}"] = found.dissipative(0, 1)[element]
    pair, _, (m1, m2) = multilevel_pair(DATA["pairs"]["generic_real_detuned"])
    for omega, temperature in ((0.7, 0), (0.7, 1), (-0.7, 0)):
        half = co.spectral.bath(pair, co.Vacuum(), float(temperature)).shift(omega)[:3, 3:]
        ours[f"S w={omega},T={temperature}"] = m1 @ half @ m2
    return ours | bohr_magnetons()


def bohr_magnetons():
    from scipy.constants import h, physical_constants

    moment = np.einsum("xy,a->xya", [[0, 1], [1, 0]], (1, 0, 0))
    moment = moment * physical_constants["Bohr magneton"][0]
    pair = co.Multilevel.from_si(
        [[0, 0, 0], [0, 0, 1e-8]], [[2.87e9 * h, 0.0]] * 2, [moment] * 2, kind="magnetic"
    )
    own = co.spectral.coupling_tensor(pair, co.Vacuum(), 0, 0, 2 * np.pi * 2.87e9).imag
    m = pair.dipoles[0][0, 1]
    exchange = co.interaction(pair, co.Vacuum()).principal(0, 1)[0, 1, 1, 0]
    return {"si K": exchange.real / (2 * np.pi), "si decay": (m @ own @ m).real}


def currents():
    from scipy import constants

    estimates, volt = co.currents, constants.e / constants.hbar
    ours = {}
    for g in (0.1, 0.5, 1.0):
        phonon = constants.k * 200 / constants.e  # 200 K in eV
        ours[f"phonon {g}"] = estimates.phonon_ratio(10.2, phonon, g, electrons_per_ion=4).printed
    speed = estimates.velocity_ratio([1e6, 0, 0], [1e6, 0, 0], [0, 3, 0])
    ours["velocity printed"], ours["velocity darwin"] = speed.printed, speed.corrected
    kick = estimates.momentum_ratio(1e10, 10 * volt)
    ours["momentum printed"], ours["momentum"] = kick.printed, kick.corrected
    bohr = constants.value("Bohr radius")
    copper = estimates.plasma_frequency(8.49e28 * bohr**3, units="atomic")
    ours["screening"] = estimates.screening_wavenumber(copper, units="atomic") / bohr
    axis = np.linspace(-7, 7, 42)
    rings = [estimates.gaussian(1, m) for m in (1, -1)]
    balls = [estimates.gaussian(centre=(0, 0, z)) for z in (-1, 1)]
    ring, ball = (
        estimates.interactions(estimates.Orbitals([axis] * 3, shapes), progress=False)
        for shapes in (rings, balls)
    )
    ours |= {"Ua_pp_au": ring.ampere[0, 0], "Uc_pp_au": ring.coulomb[0, 0]}
    return ours | {"Jc_ss": ball.exchange[0, 1], "Ja_ss": ball.ampere_exchange[0, 1]}


def light():
    """Bands, photon statistics, a mirror of atoms, spectra, entanglement and patterns."""
    from scipy.optimize import minimize_scalar

    obs = co.observables
    band = obs.bands("chain", 0.2, [0.0], dipole=(1, 0, 0))
    alike = co.Couplings(np.ones((10, 10)), np.zeros((10, 10)))
    resonance = obs.bands("square", 0.6, [[0.0, 0.0]], dipole=(1, 0, 0)).shifts
    mirror = obs.infinite_array(0.6, resonance, dipole=(1, 0, 0))
    atom = co.Couplings([[1.0]], [[0.0]], drive=2.0)
    strong = atom.replace(drive=20.0)
    sideband = minimize_scalar(
        lambda omega: -obs.spectrum(strong, [omega]).values[0],
        bounds=(19, 21),
        method="bounded",
        options={"xatol": 1e-9},
    )
    pair = co.couple(co.chain(2, 0.2), co.Vacuum())
    opposite = co.states.timed_dicke([0, 0, np.pi / 0.2])  # neighbours with opposite phases
    dark = obs.moment(pair, opposite)
    decaying = obs.moment(pair, "inverted")
    everywhere, weights = obs.sphere(24, 48)
    return {
        "band shift": band.shifts[0],
        "band rate": band.rates[0],
        "inverted g2": obs.inverted_g2(alike),
        "mirror": mirror.reflection[0],
        "antibunching": obs.g2(atom, [0.0, 1.0])[1],
        "sideband": sideband.x,
        "dark concurrence": obs.concurrence(dark, 0, 1)[0],
        "all light": obs.angular_pattern(decaying, everywhere)[0] @ weights / decaying.emission[0],
        "square rate": obs.bands("square", 0.6, [[0.0, 0.0]], dipole=(1, 0, 0)).rates[0],
    }


CHAPTERS = (
    two_atoms,
    near_field,
    superradiance,
    subradiance,
    silver_wire,
    nanofibre,
    beyond_the_rwa,
    currents,
    light,
)


def compared():
    """Yield (chapter, row, theirs, ours, relative difference) of every row, as in the file."""
    for chapter, compute in zip(DATA["chapters"], CHAPTERS, strict=True):
        ours = compute()
        for row in chapter["rows"]:
            theirs = row["value"]
            theirs = complex(*theirs) if isinstance(theirs, list) else theirs
            value = complex(ours[row["key"]])
            scale = abs(theirs) or 1.0
            yield chapter, row, theirs, value, abs(value - theirs) / scale


def write(path):
    """Write the tables of the validation page, as Markdown."""
    lines, last = [], None
    for chapter, row, theirs, ours, difference in compared():
        if chapter is not last:
            lines += ["", f"## {chapter['chapter']}", "", f"Theirs: {chapter['source']}.", ""]
            lines += [
                "| quantity | theirs | ours | difference | tolerance |",
                "|---|--:|--:|--:|--:|",
            ]
            last = chapter
        numbers = f"{number(theirs)} | {number(ours)} | {difference:.0e} | {row['tolerance']:.0e}"
        lines.append(f"| {row['quantity']} | {numbers} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def number(value):
    """A number as text with ten digits, with an imaginary part only if it is not zero."""
    value = complex(value)
    real = f"{value.real:.10g}"
    if abs(value.imag) > 1e-12 * abs(value):
        sign = "−" if value.imag < 0 else "+"
        real = f"{value.real:.9g} {sign} {abs(value.imag):.9g}i"
        if abs(value.real) <= 1e-12 * abs(value):
            real = f"{value.imag:.10g}i"
    return real.replace("-", "−")
