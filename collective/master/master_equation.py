"""From dipoles in a field to a `MasterEquation`: `master_equation`."""

from typing import Any

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
from collective.spectral.sources import BathMatrices, FieldTensors


@Untidied()
def master_equation(
    system: "Multilevel | Emitters",
    environment: Any,
    *,
    approximation: str = "universal",
    temperature: float = 0.0,
    eigenoperators: str = "local",
) -> MasterEquation:
    r"""The master equation of dipoles in a field or bath, in the laboratory frame.

    Args:
        system: `Multilevel`, or `Emitters` with a frequency.
        environment: a `Field`, or a `spectral.Bath` over the coupling operators.
        approximation: "universal": Redfield's H_LS and at most M collapse operators
            L_λ = Σ_{ω,a} [γ(ω)^½]_{λa} A_a(ω), completely positive, as good as Redfield where γ
            varies slowly over a linewidth. "redfield": the equation above, not positive.
            "secular": only terms of equal frequency. "rwa": H₀, the resonant and permanent
            terms of G^(P) and level shifts by scattered light, jumps of ω > 0 and, at T > 0, those
            of ω < 0 apart; for two-level emitters the same as `couple`.
        temperature: T of the field in units of rate. The γ of a `Bath` is taken as it is; there
            T > 0 only says that "rwa" keeps the jumps that absorb.
        eigenoperators: "local" of H₀; "dressed" of H₀ + H_LS, for couplings that exceed the
            linewidth ("universal" and "secular" only).

    Returns:
        `MasterEquation` with `scheme` and a `validity()` of its own.

    Raises:
        ValueError: without a frequency, for a negative temperature, a bath whose γ is not
            positive or has the wrong size, a field that is not reciprocal, has no magnetic
            response, or is not known at imaginary wave numbers ("rwa" needs them only where light
            is scattered back to an emitter).
        ProblemTooLargeError: for "redfield" when the superoperator does not fit.

    Example:
        >>> import collective as co
        >>> pair = co.chain(2, 0.1, frequency=1e4)
        >>> co.master_equation(pair, co.Vacuum())
        MasterEquation (universal): dimension 4, 2 collapse operators
    """
    scheme = checks.choice("approximation", approximation, APPROXIMATIONS)
    checks.choice("eigenoperators", eigenoperators, ("local", "dressed"))
    if eigenoperators == "dressed" and scheme not in ("universal", "secular"):
        raise ValueError(f'eigenoperators="dressed" is for universal and secular, not {scheme}')
    derivation = derive(system, environment, temperature)
    if eigenoperators == "dressed":
        derivation = derivation.dressed()
    return equation_of(derivation, system, scheme, temperature)


def derive(system: "Multilevel | Emitters", environment: Any, temperature: float) -> Derivation:
    """What every scheme of one problem is made of: the field is asked once for all of them."""
    if isinstance(system, Emitters):
        warn_of_lengths(system)
        warn_of_field_lengths(answers.lengths(environment), system.wavelength)
        system = Multilevel.from_emitters(system)
    checks.instance("system", system, Multilevel, "co.Multilevel or co.Emitters")
    temperature = checked_temperature(temperature)
    if isinstance(environment, Bath):
        return Derivation(system, BathMatrices(system, environment))
    require_field("environment", environment, TENSORS, " or a spectral.Bath")
    return Derivation(system, FieldBath(FieldTensors(system, environment), temperature))


def equation_of(
    derivation: Derivation, system: "Multilevel | Emitters", scheme: str, temperature: float
) -> MasterEquation:
    """One scheme of a derivation as a `MasterEquation`."""
    multilevel = derivation.multilevel
    if isinstance(system, Emitters):  # the frame of `Couplings`: every emitter at ω₀
        frame = sum_of_levels([[system.frequency, 0.0]] * len(system))
    else:
        frame = sum_of_levels(multilevel.energies)
    found = assemble(derivation, scheme, absorbing=checked_temperature(temperature) > 0)
    return MasterEquation(
        found.hamiltonian,
        found.jumps,
        generator=found.generator,
        scheme=scheme,
        multilevel=multilevel,
        frame=frame,
        emission_operator=found.emission,
        report=found.report,
    )
