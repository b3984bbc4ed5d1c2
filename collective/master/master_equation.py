"""Derive a `MasterEquation` from dipoles in a field or a bath: `master_equation`."""

from typing import Any, Literal

import numpy as np

from collective._tools import checks
from collective._tools.operators import Untidied, sum_of_levels
from collective.emitters import Emitters, Multilevel
from collective.emitters.lengths import warn_of_field_lengths, warn_of_lengths
from collective.fields import answers
from collective.fields.protocol import TENSORS, require_field
from collective.master.approximations import APPROXIMATIONS, assemble
from collective.master.derivation import Derivation
from collective.master.equation import MasterEquation
from collective.spectral.baths import Bath, FieldBath, checked_temperature
from collective.spectral.brownian import BrownianModes
from collective.spectral.lossy import LossyModes
from collective.spectral.sources import BathMatrices, FieldTensors


@Untidied()
def master_equation(
    system: "Multilevel | Emitters",
    environment: Any,
    *,
    approximation: Literal["universal", "redfield", "secular", "rwa"] = "universal",
    temperature: float = 0.0,
    eigenoperators: Literal["local", "dressed"] = "local",
) -> MasterEquation:
    r"""The master equation of dipoles in a field or a bath, in the laboratory frame.

    Args:
        system: `Multilevel`, or `Emitters` with a frequency.
        environment: a `Field`, or a `spectral.Bath` for the coupling operators, also as
            `spectral.LossyModes` or `spectral.BrownianModes`.
        approximation: "universal": H_LS of Redfield and at most M collapse operators
            L_λ = Σ_{ω,a} [γ(ω)^½]_{λa} A_a(ω). It is completely positive, and as accurate as
            Redfield if γ varies slowly over a linewidth. "redfield": the Redfield
            equation, which is not positive. "secular": only terms of equal frequency. "rwa": H₀,
            the resonant and permanent terms of G^(P), level shifts by scattered light, jumps of
            ω > 0 and, at T > 0, separate jumps of ω < 0; for two-level emitters it is the same as
            `couple`.
        temperature: T of the field in units of rate. The γ of a `Bath` is used as given; with a
            `Bath`, T > 0 only means that "rwa" keeps the absorbing jumps. `LossyModes` and
            `BrownianModes` have their own temperature, and another one is refused.
        eigenoperators: "local": those of H₀. "dressed": those of H₀ + H_LS, for couplings larger
            than the linewidth ("universal" and "secular" only).

    Returns:
        A `MasterEquation`; its `approximation` is the given one, `validity()` is a report.

    Raises:
        ValueError: for emitters without a frequency, a negative temperature, a bath whose γ is
            not positive or has the wrong size, a field that is not reciprocal, magnetic dipoles in
            a field without `magnetic_green`, or a field that refuses imaginary wave numbers ("rwa"
            needs them only if light is scattered back to an emitter).
        ProblemTooLargeError: for "redfield", if the superoperator does not fit into memory.

    Example:
        >>> import collective as co
        >>> pair = co.chain(2, 0.1, frequency=1e4)
        >>> co.master_equation(pair, co.Vacuum())
        MasterEquation (universal): dimension 4, 2 collapse operators
    """
    name = checks.choice("approximation", approximation, APPROXIMATIONS)
    checks.choice("eigenoperators", eigenoperators, ("local", "dressed"))
    if eigenoperators == "dressed" and name not in ("universal", "secular"):
        raise ValueError(
            'eigenoperators must be "local" unless approximation is "universal" or "secular"; it '
            f'is "{name}"'
        )
    derivation = derive(system, environment, temperature)
    if eigenoperators == "dressed":
        derivation = derivation.dressed()
    return equation_of(derivation, system, name, temperature)


def derive(system: "Multilevel | Emitters", environment: Any, temperature: float) -> Derivation:
    """The parts for all approximations of one problem; the field is evaluated once for all."""
    if isinstance(system, Emitters):
        warn_of_lengths(system)
        warn_of_field_lengths(answers.lengths(environment), system.wavelength)
        system = Multilevel.from_emitters(system)
    checks.instance("system", system, Multilevel, "co.Multilevel or co.Emitters")
    temperature = checked_temperature(temperature)
    if isinstance(environment, Bath | LossyModes | BrownianModes):
        _require_its_own(environment, temperature)
        return Derivation(system, BathMatrices(system, environment))
    require_field("environment", environment, TENSORS, " or a spectral.Bath")
    return Derivation(system, FieldBath(FieldTensors(system, environment), temperature))


def _require_its_own(environment: Bath | LossyModes | BrownianModes, temperature: float) -> None:
    """Raise for a temperature that these modes do not have."""
    if temperature == 0:
        return
    if isinstance(environment, LossyModes) and np.all(environment.frequencies > 0):
        raise ValueError(
            f"temperature = {temperature:g} is for a field, but these LossyModes leak into the "
            f"vacuum; with modes.thermal({temperature:g}) they are at this temperature"
        )
    if isinstance(environment, BrownianModes) and temperature != environment.temperature:
        raise ValueError(
            f"temperature = {temperature:g} is for a field, but these BrownianModes are at "
            f"temperature = {environment.temperature:g}; leave it out, or make other modes"
        )


def equation_of(
    derivation: Derivation, system: "Multilevel | Emitters", approximation: str, temperature: float
) -> MasterEquation:
    """The `MasterEquation` of one approximation, from a derivation."""
    multilevel = derivation.multilevel
    if isinstance(system, Emitters):  # the frame of `Couplings`: every emitter at ω₀
        frame = sum_of_levels([[system.frequency, 0.0]] * len(system))
    else:
        frame = sum_of_levels(multilevel.energies)
    found = assemble(derivation, approximation, absorbing=checked_temperature(temperature) > 0)
    return MasterEquation(
        found.hamiltonian,
        found.jumps,
        generator=found.generator,
        approximation=approximation,
        multilevel=multilevel,
        frame=frame,
        emission_operator=found.emission,
        report=found.report,
    )
