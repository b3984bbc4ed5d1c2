"""`SampledField`: a Green's tensor from any Maxwell solver, at the places of the emitters.

The file is longer than others because each way to make such a field is documented here.
"""

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import checks, equality
from collective._tools.console import printable
from collective.emitters import Emitters
from collective.emitters.si import unit
from collective.fields import answers
from collective.fields.checking import FieldCheck
from collective.fields.free_space import vacuum_green
from collective.fields.points import checked_points, checked_shapes
from collective.fields.protocol import Field, require_field
from collective.fields.sampled import arguments, files, laws
from collective.fields.sampled.interpolation import Samples
from collective.materials import wavenumbers as checked_wavenumbers

_TIMES = ("exp(-iwt)", "exp(+iwt)")


@dataclass(frozen=True, eq=False, repr=False)
class SampledField(Field):
    r"""A Green's tensor that a Maxwell solver has computed at some places and wave numbers.

    It solves :math:`∇×∇×G − k^2εG = 1δ(r − r')`. A point dipole p at r' has the electric field
    :math:`E(r) = μ_0ω^2\,G(r, r')·p`. So one dipole at a time gives :math:`G = E/(μ_0ω^2p)`, with
    :math:`\mathrm{Im}\,G(r, r) = k/6π·1` in vacuum. The unit of length is that of the emitters;
    `from_si` takes metres.

    The samples are checked when the field is made. They must be reciprocal, real on the imaginary
    axis, without negative decay rates, and causal, to within a `tolerance`. What violates a law by
    less is made to keep to it: G is replaced by (G + Gᵀ)/2 and negative eigenvalues of Im G become
    zero. `check` says how large the violations were. Causality compares both axes. It is checked if
    there are 20 real wave numbers over a factor of 100.

    A point belongs to a sample that is nearer than 10⁻⁹ of the shortest wavelength. A wave number
    belongs to one that differs by less than 10⁻⁹ of itself. Between at least four wave numbers the
    scattered part is interpolated by cubic splines, and a warning is given if the error is
    estimated at more than 10⁻³. The field is never extrapolated. (On the imaginary axis κ²G of the
    scattered part is constant below its first sample if that lies below a thousandth of the
    smallest real wave number. It is zero above the last sample if it has fallen there below 10⁻⁶ of
    its largest value. Otherwise wave numbers outside are refused.)

    Shifts of levels by scattered light need samples at imaginary wave numbers. Without them use
    `couple(..., shift="resonant")`, or compute them: a solver that takes complex frequencies and a
    permittivity ε(iκ), which is real, can do so.

    Args:
        positions: (P, 3), all different.
        wavenumbers: (K,) ω/c, each positive, or i times positive; at least one is real.
        tensors: (K, P, P, 3, 3), [k, r, r', component at r, component at r'].
        content: "total" for the whole tensor, "scattered" for the whole minus that of the vacuum.
            At equal positions the real part of the vacuum diverges. A whole tensor must be given
            without it, as `Field.green` has it. A solver's own value there depends on its mesh:
            take the difference to a run without the structure, and say "scattered".
        time: the time dependence of the solver, "exp(-iwt)" or "exp(+iwt)", whose numbers are
            complex conjugates.
        tolerance: accuracy of the solver, relative.

    Attributes:
        positions, wavenumbers, tensors: as above; real wave numbers come first, both axes in
            increasing order. Whatever was given, the tensors are the scattered part, `content` is
            "scattered" and `time` "exp(-iwt)".
        check: a `FieldCheck`, how much the given numbers violated the laws. (The tensors of copies
            and of loaded fields keep to the laws already.)

    Raises:
        ValueError: for arrays that do not fit, a missing number, or numbers that violate a law by
            more than the tolerance; for content or time that is not one of these words.

    Warns:
        UnitWarning: for decay rates that are all 10⁵ times larger or smaller than in vacuum.
        UserWarning: for some pairs of places whose tensor is zero.

    Source: Novotny and Hecht, Principles of Nano-Optics, 2nd ed. (2012), equations 2.87 and 8.109.

    Example:
        A mirror whose tensor is known at two places:

        >>> import numpy as np, collective as co
        >>> places, k = np.array([[0, 0, 0.1], [0, 0, 0.4]]), 2 * np.pi
        >>> images = places * [1, 1, -1]
        >>> G = co.Vacuum().green(places[:, None], images, k) * [-1, -1, 1]
        >>> mirror = co.SampledField(places, [k], [G], content="scattered")
        >>> mirror
        SampledField(2 places, 1 real wave number, 6.28319)
        >>> atoms = co.Emitters(places, dipoles=(0, 0, 1))
        >>> co.couple(atoms, mirror, shift="resonant").decay.round(3)
        array([[1.851, 0.991],
               [0.991, 0.941]])
        >>> mirror.check.passed
        True
    """

    positions: NDArray[np.float64]
    wavenumbers: NDArray[np.complex128]
    tensors: NDArray[np.complex128]
    content: Literal["total", "scattered"] = field(kw_only=True)
    time: Literal["exp(-iwt)", "exp(+iwt)"] = field(default="exp(-iwt)", kw_only=True)
    tolerance: float = field(default=1e-6, kw_only=True)
    check: FieldCheck = field(init=False, compare=False)

    __getstate__ = checks.arguments
    __eq__ = equality.same
    __hash__ = equality.hashed
    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        content = checks.choice("content", self.content, ("total", "scattered"))
        conjugated = checks.choice("time", self.time, _TIMES) == "exp(+iwt)"
        tolerance = checks.number("tolerance", self.tolerance, above=0)
        if tolerance >= 1:
            raise ValueError(f"tolerance is relative and must be below 1, got {tolerance:g}")
        positions = arguments.checked_positions(self.positions)
        k = arguments.checked_wavenumbers(self.wavenumbers)
        tensors = arguments.checked_tensors(self.tensors, positions, k)
        laws.warn_of_zeros(tensors, k, content)
        if conjugated:
            np.conjugate(tensors, out=tensors)
        order = arguments.sorted_axes(k)
        k, tensors = k[order], tensors[order]
        arguments.require_different(positions, k)
        if content == "total":
            for tensor, one in zip(tensors, k, strict=True):
                tensor -= vacuum_green(positions[:, None], positions[None], one)
        reciprocity = laws.made_reciprocal(tensors, k, tolerance)
        imaginary = laws.made_real(tensors, k, tolerance)
        passivity = laws.made_passive(positions, tensors, k, content, tolerance)
        checks.freeze(
            self,
            positions=positions,
            wavenumbers=k,
            tensors=tensors,
            content="scattered",
            time="exp(-iwt)",
            tolerance=tolerance,
        )
        causality = laws.checked_causality(self._samples.real, self._samples.imaginary, tolerance)
        found = laws.report(reciprocity, imaginary, passivity, causality, tolerance)
        checks.freeze(self, check=found)

    @classmethod
    def from_si(
        cls,
        positions: ArrayLike,
        wavenumbers: ArrayLike,
        tensors: ArrayLike,
        *,
        content: Literal["total", "scattered"],
        time: Literal["exp(-iwt)", "exp(+iwt)"] = "exp(-iwt)",
        tolerance: float = 1e-6,
        length: float = 1.0,
    ) -> "SampledField":
        """The field of a solver in SI units.

        Args:
            positions: (P, 3) in metres.
            wavenumbers: (K,) in 1/m: 2π over the vacuum wavelength, ω/c.
            tensors: (K, P, P, 3, 3) in 1/m.
            content: as for the constructor.
            time: as for the constructor.
            tolerance: as for the constructor.
            length: unit of length of the result, in metres, as in `Emitters.from_si`.

        Raises:
            ValueError: as the constructor, and for a length that is not above 0.

        Example:
            >>> import numpy as np, collective as co
            >>> places, k = np.array([[0, 0, 0], [0, 0, 50e-9]]), 2 * np.pi / 600e-9
            >>> G = co.Vacuum().green(places[:, None], places, k)  # in 1/m
            >>> vacuum = co.SampledField.from_si(places, [k], [G], content="total", length=1e-9)
            >>> molecules = co.Emitters.from_si(
            ...     places, dipoles=[0, 0, 10 * co.units.debye], wavelength=600e-9, length=1e-9,
            ...     rate=1e9)
            >>> float(co.couple(molecules, vacuum).shift[0, 1].round(4))  # in 1/ns
            -1.7111
        """
        size = unit("length", length, "metres")
        where = checks.finite("positions", positions)
        k = checks.finite("wavenumbers", wavenumbers, complex)
        given = arguments.checked_numbers(tensors)
        return cls(
            where / size,
            np.multiply(k, size, dtype=complex),
            np.multiply(given, size, dtype=complex),
            content=content,
            time=time,
            tolerance=tolerance,
        )

    @classmethod
    def from_field(
        cls, field: Any, emitters: Emitters, wavenumbers: ArrayLike, *, tolerance: float = 1e-6
    ) -> "SampledField":
        """The samples of another field at the places of emitters.

        Args:
            field: a field with a Green's tensor.
            emitters: whose positions are sampled.
            wavenumbers: (K,), each positive, or i times positive.
            tolerance: as for the constructor, for a field that is less accurate.

        Raises:
            TypeError: for a model without a Green's tensor.
            ValueError: as the constructor, for emitters in solid matter, and for a wave number at
                which the field does not answer.

        Example:
            >>> import collective as co
            >>> atoms = co.chain(3, 0.2)
            >>> co.SampledField.from_field(co.Vacuum(), atoms, [6.0, 6.5, 6.0j])
            SampledField(3 places, 2 real wave numbers, 6 … 6.5, 1 imaginary one, 6i)
        """
        require_field("field", field)
        checks.instance("emitters", emitters, Emitters, "co.Emitters or a lattice")
        k, r = arguments.checked_wavenumbers(wavenumbers), emitters.positions
        answers.require_outside("emitters.positions", field, r)
        tensors = np.empty((len(k), len(r), len(r), 3, 3), dtype=complex)
        for one, tensor in zip(k, tensors, strict=True):
            at = complex(one) if one.imag else float(one.real)
            tensor[...] = answers.total_green(field, r[:, None], r[None], at)
        return cls(r, k, tensors, content="total", tolerance=tolerance)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, tolerance: float = 1e-6, length: float = 1.0
    ) -> "SampledField":
        """The field in a file of a solver, of NumPy (.npz), HDF5 (.h5, .hdf5) or NetCDF (.nc).

        A file has three arrays, `positions`, `wavenumbers` and `tensors`, with the shapes and axes
        of the constructor, and three texts, `content` ("total" or "scattered"), `time`
        ("exp(-iwt)" or "exp(+iwt)") and `unit` ("SI" for metres and 1/m, or "natural" for the unit
        of the emitters). The texts are arrays in .npz, attributes of the file in HDF5 and NetCDF.
        Where a format has no complex numbers, a pair of arrays such as `tensors_real` and
        `tensors_imag` stands for one. For NetCDF see `from_xarray`.

        Args:
            path: the file.
            tolerance: as for the constructor.
            length: unit of length of the result, in metres; for files in SI units only.

        Raises:
            FileNotFoundError: if there is no such file.
            ImportError: without h5py for HDF5, xarray and h5netcdf for NetCDF.
            ValueError: if something is missing in the file or has another shape.

        Example:
            >>> import tempfile, collective as co
            >>> atoms = co.chain(2, 0.2)
            >>> mine = co.SampledField.from_field(co.Vacuum(), atoms, [6.0, 6.5])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = mine.save(folder + "/vacuum.npz")
            ...     co.SampledField.from_file(path)
            SampledField(2 places, 2 real wave numbers, 6 … 6.5)
        """
        return cls._of(files.read(path), tolerance, length)

    @classmethod
    def from_xarray(
        cls, dataset: Any, *, tolerance: float = 1e-6, length: float = 1.0
    ) -> "SampledField":
        """The field in a labelled `xarray.Dataset`, whose axes may be in any order.

        The variables are `positions` with the dimensions (position, axis), `wavenumbers`
        (wavenumber) and `tensors` (wavenumber, position, source, axis, source_axis); complex ones
        may be pairs, `tensors_real` and `tensors_imag`. Labels of position and source must agree,
        and those of both axes must be x, y, z. The attributes are `content`, `time` and
        `unit`, as in `from_file`.

        Args:
            dataset: the dataset.
            tolerance: as for the constructor.
            length: as for `from_file`.

        Raises:
            TypeError: if it is no dataset.
            ValueError: as the constructor, and if something is missing or has other dimensions.

        Example:
            >>> import numpy as np, xarray, collective as co
            >>> places, k = np.array([[0, 0, 0], [0, 0, 0.2]]), 2 * np.pi
            >>> G = co.Vacuum().green(places[:, None], places, k)
            >>> data = xarray.Dataset(
            ...     {"positions": (("position", "axis"), places),
            ...      "wavenumbers": ("wavenumber", [k]),
            ...      "tensors": (("position", "source", "axis", "source_axis", "wavenumber"),
            ...                  G[..., None])},
            ...     attrs={"content": "total", "time": "exp(-iwt)", "unit": "natural"})
            >>> co.SampledField.from_xarray(data)
            SampledField(2 places, 1 real wave number, 6.28319)
        """
        return cls._of(files.of_dataset(dataset), tolerance, length)

    @classmethod
    def _of(cls, found: files.Contents, tolerance: float, length: float) -> "SampledField":
        """The field of what a file or a dataset contains."""
        size = unit("length", length, "metres")
        given = {
            "content": found.words["content"],
            "time": found.words["time"],
            "tolerance": tolerance,
        }
        if found.words["unit"] == "SI":
            return cls.from_si(*found.arrays, **given, length=size)
        if size != 1:
            raise ValueError(
                f"length = {size:g} m needs numbers in SI units; {found.source} says that its unit "
                "is natural, that of the emitters"
            )
        return cls(*found.arrays, **given)

    def save(self, path: str | os.PathLike[str]) -> Any:
        """Write the field as an .npz file for `from_file`; returns the path.

        The file does not contain the tolerance. Give `from_file` the same one: it checks again.

        Args:
            path: the file; ".npz" is added if it is missing.

        Raises:
            ValueError: if the path cannot be that of a file.
            OSError: if the system cannot write the file.
        """
        return files.write(path, self.positions, self.wavenumbers, self.tensors)

    def scattered(self, r: ArrayLike, r_source: ArrayLike, k: ArrayLike) -> NDArray[np.complex128]:
        """The tensor minus that of the vacuum between two of the places, (..., 3, 3).

        Args:
            r: field points, (..., 3), each one of `positions`.
            r_source: source points, (..., 3), likewise.
            k: wave numbers inside the range of the samples, which broadcast.

        Raises:
            ValueError: for a point without a sample, or a wave number outside the range.
        """
        places, sources = checked_points("r", r), checked_points("r_source", r_source)
        k = checked_wavenumbers(k)
        shape = checked_shapes(places, sources, k)
        i, j, k = np.broadcast_arrays(
            self._indices("r", places), self._indices("r_source", sources), k
        )
        found = np.empty((*shape, 3, 3), dtype=complex)
        for one in np.unique(k):
            chosen = k == one
            found[chosen] = self._samples.tensors(complex(one), i[chosen], j[chosen], repr(self))
        return found

    def interpolation_error(self, k: complex) -> float:
        """Estimated error of the tensor at a wave number, relative to the largest entry.

        One sample after the other is left out and compared with the spline through the rest. It is
        zero at a sample.

        Args:
            k: inside the range of the samples, real or imaginary.

        Raises:
            ValueError: for a wave number outside the range.

        Example:
            >>> import numpy as np, collective as co
            >>> k = np.linspace(5, 7, 9)
            >>> wire = co.Nanowire(0.05, 2.5)
            >>> atoms = co.Emitters([[0.1, 0, 0]])
            >>> few, many = (co.SampledField.from_field(wire, atoms, q) for q in (k[::2], k))
            >>> few.interpolation_error(6.2) > 4 * many.interpolation_error(6.2)
            True
        """
        one = complex(checked_wavenumbers(checks.complex_number("k", k)))
        return self._samples.error_at(one, repr(self))

    @printable
    def __repr__(self) -> str:
        places = f"{len(self.positions)} place{'' if len(self.positions) == 1 else 's'}"
        return f"SampledField({', '.join([places, *self._samples.words()])})"

    @cached_property
    def _samples(self) -> Samples:
        return Samples.of(self.wavenumbers, self.tensors)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.positions)

    def _indices(self, name: str, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """The sample of each point (..., 3)."""
        distances, indices = self._tree.query(points)
        allowed = arguments.PLACE * 2 * np.pi / self._samples.real.sizes[-1]
        if np.any(distances > allowed):
            where = tuple(int(n) for n in np.argwhere(np.atleast_1d(distances) > allowed)[0])
            point = points.reshape(-1, 3) if points.ndim == 1 else points
            nearest = int(np.atleast_1d(indices)[where])
            raise ValueError(
                f"{name}: {self!r} knows nothing at {point[where]}; its nearest place is number "
                f"{nearest}, {self.positions[nearest]}, at a distance of "
                f"{np.atleast_1d(distances)[where]:.3g}. Compute the tensor there, too, and give "
                "lengths in the unit of the emitters"
            )
        return np.asarray(indices)
