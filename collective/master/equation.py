r"""Master equations beyond the rotating-wave approximation: `MasterEquation`.

Coupling operators A_a (Cartesian components of every dipole) have eigenoperators
[H₀, A_a(ω)] = −ωA_a(ω) at every Bohr frequency, negative and zero included. With the bath,

.. math:: B_a = \sum_{b,ω} [½γ_{ab}(ω) + iS_{ab}(ω)]\, A_b(ω), \qquad
          H_{LS} = \frac{1}{2i}\sum_a (A_aB_a − B_a^†A_a),

.. math:: \dot ρ = −i[H_0, ρ] + \sum_a (B_aρA_a + A_aρB_a^† − A_aB_aρ − ρB_a^†A_a)

is the Redfield equation. Its H_LS between emitters is Σ(G^(P) + G^(D))ττ of `interaction`. Within
one emitter H_LS shifts the levels by the light that is scattered back; the shift by the vacuum is
already in the levels. The other approximations keep H_LS or a part of it and replace the dissipator
by one of Lindblad form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable
from collective._tools.memory import require
from collective._tools.operators import (
    Untidied,
    operator_list,
    require_hermitian,
    require_operator,
    require_superoperator,
)
from collective.emitters import Multilevel
from collective.master.approximations import Report

if TYPE_CHECKING:
    from qutip import Qobj

    from collective.validity import Validity


@dataclass(frozen=True, eq=False, repr=False, init=False)
class MasterEquation:
    """A master equation in the laboratory frame, made of QuTiP operators.

    `master_equation` derives one from dipoles in a field; you can also give your own operators.

    Args:
        hamiltonian: a Hermitian QuTiP operator in units of rate.
        collapse_operators: a list of QuTiP operators.
        generator: a superoperator, instead of collapse operators, for a generator that is not of
            Lindblad form.
        approximation: the name of the approximation, for printing.
        multilevel: the emitters, if known; populations and states use their levels.
        frame: (D,) energies; in the "rotating" frame their phases are removed from ρ.
        emission_operator: a Hermitian operator; its expectation value is the emission rate.
        report: numbers for `validity`, made by `master_equation`.

    Raises:
        TypeError: if an argument is not of these classes.
        ValueError: for a Hamiltonian or emission operator that is not Hermitian, numbers that are
            not finite, or dimensions that differ.

    Example:
        >>> import qutip, collective as co
        >>> co.MasterEquation(qutip.sigmaz(), [qutip.sigmam()])
        MasterEquation: dimension 2, 1 collapse operator
    """

    _hamiltonian: "Qobj"
    _jumps: "tuple[Qobj, ...]"
    _generator: "Qobj | None"
    approximation: str
    multilevel: Multilevel | None
    frame: NDArray[np.float64] | None
    emission_operator: "Qobj | None"
    report: Report | None

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __init__(
        self,
        hamiltonian: "Qobj",
        collapse_operators: "Sequence[Qobj]" = (),
        *,
        generator: "Qobj | None" = None,
        approximation: str = "given",
        multilevel: Multilevel | None = None,
        frame: NDArray[np.float64] | None = None,
        emission_operator: "Qobj | None" = None,
        report: Report | None = None,
    ):
        jumps = operator_list("collapse_operators", collapse_operators)
        require_operator("hamiltonian", hamiltonian, None)
        dims = hamiltonian.dims
        if dims[0] != dims[1]:
            raise ValueError(f"hamiltonian must be square, got dims {dims}")
        require_hermitian("hamiltonian", hamiltonian)
        for k, operator in enumerate(jumps):
            require_operator(f"collapse_operators[{k}]", operator, dims)
        size = hamiltonian.shape[0]
        if size < 2:
            raise ValueError("hamiltonian must have at least two levels, got one")
        if generator is not None:
            require_superoperator(generator, dims, size)
            if jumps:
                raise ValueError("generator and collapse_operators exclude each other: give one")
        if emission_operator is not None:
            require_operator("emission_operator", emission_operator, dims)
            require_hermitian("emission_operator", emission_operator)
        if multilevel is not None:
            checks.instance("multilevel", multilevel, Multilevel, "co.Multilevel(...)")
            if list(multilevel.levels) != dims[0]:
                raise ValueError(
                    f"multilevel must have the levels of the hamiltonian, {dims[0]}; it has "
                    f"{list(multilevel.levels)}"
                )
        if frame is not None:
            frame = checks.finite("frame", frame)
            if frame.shape != (size,):
                raise ValueError(f"frame must be {size} energies, got shape {frame.shape}")
        if not isinstance(approximation, str):
            raise TypeError(f"approximation must be a str, got {type(approximation).__name__}")
        if report is not None:
            checks.instance("report", report, Report, "from co.master_equation; leave it out")
        checks.freeze(
            self,
            _hamiltonian=hamiltonian,
            _jumps=tuple(jumps),
            _generator=generator,
            approximation=approximation,
            multilevel=multilevel,
            frame=frame,
            emission_operator=emission_operator,
            report=report,
        )

    @property
    def dimension(self) -> int:
        """The dimension D of the Hilbert space."""
        return self._hamiltonian.shape[0]

    @property
    def levels(self) -> tuple[int, ...]:
        """Dimensions of the tensor factors, as a tuple."""
        return tuple(self.dims)

    @property
    def dims(self) -> list[int]:
        """Dimensions of the tensor factors, as a list like `Qobj.dims`."""
        return self._hamiltonian.dims[0]

    @property
    def of_lindblad_form(self) -> bool:
        """Whether the equation has collapse operators; Redfield's has none."""
        return self._generator is None

    def hamiltonian(self) -> "Qobj":
        """The Hamiltonian: H₀ plus the field-induced part."""
        return self._hamiltonian

    def collapse_operators(self) -> "list[Qobj]":
        """The jump operators.

        Raises:
            ValueError: if the generator is not of Lindblad form; use `liouvillian`.
        """
        if self._generator is not None:
            raise ValueError(
                f"{self.approximation} is not of Lindblad form and has no collapse operators: use "
                'liouvillian(), or approximation="universal"'
            )
        return list(self._jumps)

    @Untidied()
    def liouvillian(self) -> "Qobj":
        """The generator as a superoperator, D² × D².

        Raises:
            ProblemTooLargeError: if it does not fit into memory.
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
        """A report on the approximation, positivity and dropped terms, with numbers; print it."""
        from collective.master.assumptions import of_master_equation

        return of_master_equation(self)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        if self._generator is not None:
            kind = "not of Lindblad form"
        else:
            kind = f"{len(self._jumps)} collapse operator" + "s" * (len(self._jumps) != 1)
        name = "" if self.approximation == "given" else f" ({self.approximation})"
        return f"MasterEquation{name}: dimension {self.dimension}, {kind}"


def liouvillian_bytes(dimension: int, jumps: int) -> int:
    """Upper bound in bytes of a sparse superoperator whose operators have few entries per row."""
    per_row = 2 + dimension.bit_length() ** 2
    return 20 * 3 * dimension**2 * per_row * (1 + jumps)
