r"""Master equations beyond the rotating-wave approximation: `MasterEquation`, `master_equation`.

Coupling operators A_a (Cartesian components of every dipole) have eigenoperators
[H₀, A_a(ω)] = −ωA_a(ω) at every Bohr frequency, negative and zero included. With the bath,

.. math:: B_a = \sum_{b,ω} [½γ_{ab}(ω) + iS_{ab}(ω)]\, A_b(ω), \qquad
          H_{LS} = \frac{1}{2i}\sum_a (A_aB_a − B_a^†A_a),

.. math:: \dot ρ = −i[H_0, ρ] + \sum_a (B_aρA_a + A_aρB_a^† − A_aB_aρ − ρB_a^†A_a)

is the Redfield equation; its pair part of H_LS is Σ(G^(P) + G^(D))ττ of `interaction`. The other
approximations keep H_LS or its secular part and replace the dissipator by one of Lindblad form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective import _checks
from collective._derivation import Derivation
from collective._lengths import warn_of_lengths
from collective._memory import require
from collective._operators import sum_of_levels
from collective._schemes import APPROXIMATIONS, assemble
from collective.emitters import Emitters, Multilevel
from collective.spectral import Bath, bath, checked_temperature

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity


@dataclass(frozen=True, eq=False, repr=False, init=False)
class MasterEquation:
    """A generator of time evolution in the laboratory frame, in QuTiP's terms.

    Wraps any operators of yours; `master_equation` derives one from dipoles in a field.

    Args:
        hamiltonian: QuTiP operator, in rates.
        collapse_operators: QuTiP operators.
        generator: superoperator to use instead, where it is not of Lindblad form.
        scheme: name of the approximation.
        multilevel: what the equation describes, if known: levels for populations and states.
        frame: (D,) energies whose phases "rotating" takes out of ρ.
        emission_operator: its expectation value is the emission rate.
        report: what `validity` prints.

    Raises:
        TypeError: for anything but QuTiP operators.
        ValueError: for a Hamiltonian that is not Hermitian, or dimensions that differ.

    Example:
        >>> import qutip, collective as co
        >>> co.MasterEquation(qutip.sigmaz(), [qutip.sigmam()])
        MasterEquation: dimension 2, 1 collapse operator
    """

    _hamiltonian: "Qobj"
    _jumps: "tuple[Qobj, ...]"
    _generator: "Qobj | None"
    scheme: str
    multilevel: Multilevel | None
    frame: NDArray[np.float64] | None
    emission_operator: "Qobj | None"
    report: Any

    __setstate__ = _checks.restored

    def __init__(
        self,
        hamiltonian: "Qobj",
        collapse_operators: "Sequence[Qobj]" = (),
        *,
        generator: "Qobj | None" = None,
        scheme: str = "given",
        multilevel: Multilevel | None = None,
        frame: NDArray[np.float64] | None = None,
        emission_operator: "Qobj | None" = None,
        report: Any = None,
    ):
        from qutip import Qobj

        operators = [hamiltonian, *collapse_operators]
        for k, operator in enumerate(operators):
            name = "hamiltonian" if k == 0 else f"collapse_operators[{k - 1}]"
            if not isinstance(operator, Qobj) or not operator.isoper:
                raise TypeError(f"{name} must be a QuTiP operator, got {type(operator).__name__}")
            if operator.dims != hamiltonian.dims:
                raise ValueError(
                    f"{name} has dims {operator.dims}, the hamiltonian {hamiltonian.dims}"
                )
            if not np.isfinite(operator.norm("one")):
                raise ValueError(f"{name} must be finite")
        size = hamiltonian.shape[0]
        if generator is not None and (
            not isinstance(generator, Qobj) or generator.shape != (size**2, size**2)
        ):
            raise ValueError(
                f"generator must be a QuTiP superoperator, shape ({size**2}, {size**2})"
            )
        if generator is not None and collapse_operators:
            raise ValueError("generator and collapse_operators exclude each other: give one")
        if emission_operator is not None and emission_operator.dims != hamiltonian.dims:
            raise ValueError(f"emission_operator must have dims {hamiltonian.dims}")
        if multilevel is not None and list(multilevel.levels) != hamiltonian.dims[0]:
            raise ValueError(
                f"multilevel has levels {list(multilevel.levels)}, the hamiltonian dims "
                f"{hamiltonian.dims[0]}"
            )
        if frame is not None:
            frame = _checks.finite("frame", frame)
            if frame.shape != (size,):
                raise ValueError(f"frame must be {size} energies, got shape {frame.shape}")
        if not hamiltonian.isherm:
            raise ValueError("hamiltonian must be Hermitian")
        _checks.freeze(
            self,
            _hamiltonian=hamiltonian,
            _jumps=tuple(collapse_operators),
            _generator=generator,
            scheme=scheme,
            multilevel=multilevel,
            frame=frame,
            emission_operator=emission_operator,
            report=report,
        )

    @property
    def dimension(self) -> int:
        """Size D of the Hilbert space."""
        return self._hamiltonian.shape[0]

    @property
    def levels(self) -> tuple[int, ...]:
        """Sizes of the tensor factors."""
        return tuple(self.dims)

    @property
    def dims(self) -> list[int]:
        """Dimensions of the tensor factors."""
        return self._hamiltonian.dims[0]

    @property
    def of_lindblad_form(self) -> bool:
        """Whether there are collapse operators; Redfield has none."""
        return self._generator is None

    def hamiltonian(self) -> "Qobj":
        """The Hamiltonian, H₀ and the field-induced part together."""
        return self._hamiltonian

    def collapse_operators(self) -> "list[Qobj]":
        """Jump operators.

        Raises:
            ValueError: for a generator that is not of Lindblad form: use `liouvillian`.
        """
        if self._generator is not None:
            raise ValueError(
                f"{self.scheme} is not of Lindblad form and has no collapse operators: use "
                'liouvillian(), or approximation="universal"'
            )
        return list(self._jumps)

    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, D² × D².

        Raises:
            ProblemTooLargeError: when it does not fit into memory.
        """
        if self._generator is not None:
            return self._generator
        from qutip import liouvillian

        require(
            liouvillian_bytes(self.dimension, len(self._jumps)),
            f"the Liouvillian of dimension {self.dimension}",
            "use evolve instead",
        )
        return liouvillian(self._hamiltonian, list(self._jumps))

    def validity(self) -> "Validity":
        """Scheme, positivity, what was dropped and secular gaps, with numbers; print it."""
        from collective import validity

        return validity.of_master_equation(self)

    def __repr__(self) -> str:
        if self._generator is not None:
            kind = "not of Lindblad form"
        else:
            kind = f"{len(self._jumps)} collapse operator" + "s" * (len(self._jumps) != 1)
        scheme = "" if self.scheme == "given" else f" ({self.scheme})"
        return f"MasterEquation{scheme}: dimension {self.dimension}, {kind}"


def liouvillian_bytes(dimension: int, jumps: int) -> int:
    """An upper bound for a sparse superoperator whose operators have a few entries per row."""
    per_row = 2 + dimension.bit_length() ** 2
    return 20 * 3 * dimension**2 * per_row * (1 + jumps)


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
            "secular": only terms of equal frequency. "rwa": H₀ and the resonant and permanent
            terms of G^(P), jumps of ω > 0 and, at T > 0, those of ω < 0 apart.
        temperature: T of the field in units of rate. The γ of a `Bath` is taken as it is; there
            T > 0 only says that "rwa" keeps the jumps that absorb.
        eigenoperators: "local" of H₀; "dressed" of H₀ + H_LS, for couplings that exceed the
            linewidth ("universal" and "secular" only).

    Returns:
        `MasterEquation` with `scheme` and a `validity()` of its own.

    Raises:
        ValueError: without a frequency, for a negative temperature, a bath whose γ is not
            positive or has the wrong size, a field without magnetic response.
        ProblemTooLargeError: for "redfield" when the superoperator does not fit.

    Example:
        >>> import collective as co
        >>> pair = co.chain(2, 0.1, frequency=1e4)
        >>> co.master_equation(pair, co.Vacuum())
        MasterEquation (universal): dimension 4, 2 collapse operators
    """
    reference = None
    if isinstance(system, Emitters):
        warn_of_lengths(system, environment)
        reference, system = system.frequency, Multilevel.from_emitters(system)
    _checks.instance("system", system, Multilevel, "co.Multilevel or co.Emitters")
    scheme = _checks.choice("approximation", approximation, APPROXIMATIONS)
    _checks.choice("eigenoperators", eigenoperators, ("local", "dressed"))
    if eigenoperators == "dressed" and scheme not in ("universal", "secular"):
        raise ValueError(f'eigenoperators="dressed" is for universal and secular, not {scheme}')
    temperature = checked_temperature(temperature)
    if reference is None:
        frame = sum_of_levels(system.energies)
    else:  # the frame of `Couplings`: every emitter at ω₀
        frame = sum_of_levels([[reference, 0.0]] * len(system))
    if isinstance(environment, Bath):
        the_bath = environment
    else:
        the_bath = bath(system, environment, temperature)
    derivation = Derivation(system, the_bath)
    if eigenoperators == "dressed":
        derivation = derivation.dressed()
    field = None if isinstance(environment, Bath) else environment
    found = assemble(derivation, scheme, field, absorbing=temperature > 0)
    return MasterEquation(
        found.hamiltonian,
        found.jumps,
        generator=found.generator,
        scheme=scheme,
        multilevel=system,
        frame=frame,
        emission_operator=found.emission,
        report=found.report,
    )
