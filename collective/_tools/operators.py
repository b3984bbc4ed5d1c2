"""Sparse operators of N two-level emitters, as QuTiP objects, and checks of a user's operators.

Basis order is QuTiP's: emitter 0 is the leftmost tensor factor and `basis(2, 0)`, bit 0, is the
excited state. Each operator is assembled once from bit tables instead of N² tensor products.
"""

from collections.abc import Iterable
from contextlib import ContextDecorator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective._tools.locks import free_after_fork
from collective._tools.memory import require

if TYPE_CHECKING:
    from qutip import Qobj

_HERMITIAN = 1e-12  # allowed deviation, relative to the largest entry
_BYTES_PER_ENTRY = 16 + 4  # a complex value and its column
_ROUNDING = 1e-10  # allowed deviation of a user's operator, relative to its largest entry
_COPIES = 4  # triplets, scipy's CSR, QuTiP's CSR, and the sum to which it is added


class Untidied(ContextDecorator):
    """Inside this context QuTiP keeps every entry; it is also a decorator, `@Untidied()`.

    Sums and products of QuTiP's sparse operators drop entries below 1e-14, although a small entry
    may matter in the user's unit of rate. The setting holds for the whole process. So contexts in
    several threads are counted, and the last one restores the setting.
    """

    _inside = 0
    _lock: Any = free_after_fork(lambda: Untidied._begin_anew())
    _core: Any = None  # QuTiP's options when the first context was entered
    _before = True

    def __enter__(self) -> None:
        import qutip

        with Untidied._lock:
            if Untidied._inside == 0:
                Untidied._core = qutip.settings.core
                Untidied._before = Untidied._core["auto_tidyup"]
                Untidied._core["auto_tidyup"] = False
            Untidied._inside += 1

    def __exit__(self, *error: Any) -> None:
        with Untidied._lock:
            Untidied._inside = max(Untidied._inside - 1, 0)
            if Untidied._inside == 0:
                Untidied._core["auto_tidyup"] = Untidied._before

    @classmethod
    def _begin_anew(cls) -> None:
        """Leave the contexts of other threads, which a forked process does not have."""
        if cls._inside > 0:
            cls._core["auto_tidyup"] = cls._before
        cls._inside = 0


def is_hermitian(operator: "Qobj") -> bool:
    """Whether an operator is Hermitian, up to round-off relative to its largest entry.

    `Qobj.isherm` allows an absolute deviation of 1e-12, which depends on the unit.
    """
    if operator.dims[0] != operator.dims[1]:
        return False
    with Untidied():
        deviation = largest_entry(operator - operator.dag())
    return deviation <= _HERMITIAN * largest_entry(operator)


def excited(n: int) -> NDArray[np.bool_]:
    """Whether each emitter is excited in each basis state: (2ⁿ, n)."""
    states = np.arange(2**n)
    return (states[:, None] >> np.arange(n - 1, -1, -1)) & 1 == 0


def exchange(matrix: NDArray[Any], pair_energies: NDArray[np.float64] | None = None) -> "Qobj":
    """Σ_mn M_mn σ⁺_mσ⁻_n, diagonal included, and Σ_{m<n} V_mn n_m n_n of given pair energies V."""
    n = len(matrix)
    pairs = [(m, k) for m, k in np.argwhere(matrix != 0) if m != k]
    require(
        (len(pairs) * 2 ** max(n - 2, 0) + 2**n) * _BYTES_PER_ENTRY * _COPIES,
        f"an operator of {n} emitters",
        "use fewer emitters",
    )
    up = excited(n)
    states = np.arange(2**n)
    own = up @ np.diag(matrix).astype(complex)
    if pair_energies is not None:
        own += np.einsum("sm,sm->s", up @ pair_energies, up) / 2
    rows, columns, values = [states], [states], [own]
    for m, k in pairs:
        column = states[up[:, k] & ~up[:, m]]
        rows.append(column ^ _bit(n, m) ^ _bit(n, k))
        columns.append(column)
        values.append(np.full(len(column), complex(matrix[m, k])))
    return _qobj(n, rows, columns, values)


def lowering(coefficients: NDArray[Any]) -> "Qobj":
    """Σ_n c_n σ⁻_n."""
    n = len(coefficients)
    require(
        n * 2 ** (n - 1) * _BYTES_PER_ENTRY * _COPIES,
        f"an operator of {n} emitters",
        "use fewer emitters",
    )
    up = excited(n)
    states = np.arange(2**n)
    rows, columns, values = [], [], []
    for m in range(n):
        column = states[up[:, m]]
        rows.append(column ^ _bit(n, m))
        columns.append(column)
        values.append(np.full(len(column), complex(coefficients[m])))
    return _qobj(n, rows, columns, values)


def pair_table(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The entries of a density matrix whose sum is ⟨σ⁺_mσ⁻_n⟩.

    Returns:
        pairs, (P, 2) with m < n; rows and columns, (P, 2ⁿ⁻²): the entries of ρ that sum to
        tr(σ⁺_mσ⁻_n ρ).
    """
    up = excited(n)
    states = np.arange(2**n)
    pairs = np.array([(m, k) for m in range(n) for k in range(m + 1, n)], int)
    pairs = pairs.reshape(-1, 2)
    before = [states[up[:, k] & ~up[:, m]] for m, k in pairs]
    after = [b ^ _bit(n, m) ^ _bit(n, k) for b, (m, k) in zip(before, pairs, strict=True)]
    shape = (len(pairs), 2 ** max(n - 2, 0))
    return pairs, np.array(before, int).reshape(shape), np.array(after, int).reshape(shape)


def _bit(n: int, m: int) -> int:
    """The bit of emitter m of n in the number of a basis state."""
    return 1 << (n - 1 - int(m))


def _qobj(n: int, rows: list[Any], columns: list[Any], values: list[Any]) -> "Qobj":
    """A sparse QuTiP operator of n emitters from lists of rows, columns and values."""
    from qutip import Qobj
    from scipy.sparse import csr_array

    data, row, column = (np.concatenate(part) for part in (values, rows, columns))
    kept = np.flatnonzero(data)
    kept = kept[np.lexsort((column[kept], row[kept]))]
    starts = np.zeros(2**n + 1, dtype=np.int32)
    np.cumsum(np.bincount(row[kept], minlength=2**n), out=starts[1:])
    parts = data[kept], column[kept].astype(np.int32), starts
    matrix = csr_array(parts, shape=(2**n, 2**n))  # no entry comes twice
    return Qobj(matrix, dims=[[2] * n, [2] * n], copy=False)


def sum_of_levels(energies: Any) -> NDArray[np.float64]:
    """Σ_i E_i of every product state, (D,); emitter 0 is the leftmost factor."""
    total = np.zeros(1)
    for local in energies:
        total = np.add.outer(total, local).ravel()
    return total


def local(levels: tuple[int, ...], i: int, matrix: NDArray[Any]) -> Any:
    """The sparse matrix of an operator that acts on emitter i alone."""
    from scipy.sparse import csr_array, identity, kron

    before, after = (identity(prod(part)) for part in (levels[:i], levels[i + 1 :]))
    found = csr_array(kron(kron(before, csr_array(matrix)), after))
    found.eliminate_zeros()
    return found


def operator_list(name: str, value: Any) -> list[Any]:
    """A list of operators; a single operator and None are refused."""
    from qutip import Qobj

    if isinstance(value, Qobj):
        raise TypeError(f"{name} must be a list of QuTiP operators: write [operator] for one")
    if isinstance(value, np.ndarray) and (value.ndim != 1 or value.dtype.kind != "O"):
        raise TypeError(f"{name} must be a list of QuTiP operators; got {checks.short(value)}")
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        raise TypeError(
            f"{name} must be a list of QuTiP operators, empty for none; got {type(value).__name__}"
        )
    return list(value)


def require_operator(name: str, value: Any, dims: Any) -> None:
    """Raise unless the value is a QuTiP operator with finite entries and these dims."""
    from qutip import Qobj, QobjEvo

    if isinstance(value, QobjEvo):
        raise TypeError(f"{name} must not depend on time: give a QobjEvo to qutip.mesolve")
    if not isinstance(value, Qobj) or not value.isoper:
        kind = f" of type {value.type}" if isinstance(value, Qobj) else ""
        raise TypeError(f"{name} must be a QuTiP operator, got {type(value).__name__}{kind}")
    if dims is not None and value.dims != dims:
        raise ValueError(
            f"{name} has dims {value.dims}; they must be those of the hamiltonian, {dims}"
        )
    _require_finite(name, value)


def require_superoperator(generator: Any, dims: Any, size: int) -> None:
    """Raise unless the generator is a finite QuTiP superoperator for these dims."""
    from qutip import Qobj

    found = generator.dims if isinstance(generator, Qobj) else type(generator).__name__
    if not isinstance(generator, Qobj) or not generator.issuper or generator.dims != [dims, dims]:
        raise ValueError(
            f"generator must be a QuTiP superoperator of shape ({size**2}, {size**2}) and dims "
            f"{[dims, dims]}, as qutip.liouvillian makes them; got {found}"
        )
    _require_finite("generator", generator)


def _require_finite(name: str, operator: Any) -> None:
    """Raise if an entry of the operator is not finite."""
    entries = entries_of(operator)
    wrong = np.flatnonzero(~np.isfinite(entries.data))
    if len(wrong):
        row, column = int(entries.row[wrong[0]]), int(entries.col[wrong[0]])
        raise ValueError(
            f"{name} must be finite: entry [{row}, {column}] is {entries.data[wrong[0]]}"
        )


def require_hermitian(name: str, operator: Any) -> None:
    """Raise unless the operator is Hermitian, up to rounding relative to its largest entry."""
    entries = entries_of(operator)
    deviation = (entries - entries.conj().T).tocoo()
    size = float(np.abs(entries.data).max(initial=0.0))
    worst = int(np.argmax(np.abs(deviation.data))) if deviation.nnz else 0
    if deviation.nnz and abs(deviation.data[worst]) > _ROUNDING * size:
        row, column = int(deviation.row[worst]), int(deviation.col[worst])
        raise ValueError(
            f"{name} must be Hermitian: [{row}, {column}] and [{column}, {row}]* differ by "
            f"{abs(deviation.data[worst]):.3g}, the largest entry is {size:.3g}"
        )


def entries_of(operator: "Qobj") -> Any:
    """Every entry that is not zero, however small, as scipy's `coo_array`."""
    from scipy.sparse import coo_array

    if operator.dtype.__name__ == "Dense":  # QuTiP's conversion drops what is below 1e-15
        return coo_array(operator.full())
    return coo_array(operator.to("CSR").data_as("csr_matrix"))


def largest_entry(operator: "Qobj") -> float:
    """The size of the largest entry; QuTiP's `norm("max")` squares and gives 0 below 10⁻¹⁶²."""
    return float(np.abs(entries_of(operator).data).max(initial=0.0))


def sparse_of(matrix: NDArray[Any], dims: Any) -> "Qobj":
    """A sparse QuTiP operator of every entry that is not zero, however small."""
    from qutip import Qobj
    from scipy.sparse import csr_array

    return Qobj(csr_array(matrix), dims=dims)
