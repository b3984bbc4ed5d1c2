"""What a time evolution returns, and how it is kept: `Result`, `load`.

The file is longer than others: one class, whose docstring says what each array holds.
"""

import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collective._tools import archive, equality, notebook
from collective._tools import checks as _checks
from collective._tools.console import printable
from collective._tools.files import checked_path, written
from collective._tools.memory import bytes_text
from collective._tools.operators import excited
from collective.couplings import loading, saving
from collective.couplings.channels import ChannelCouplings
from collective.couplings.with_mode import CavityCouplings
from collective.errors import ProblemTooLargeError
from collective.master.equation import MasterEquation
from collective.pulse import Controls
from collective.results import contents, selection
from collective.results.jumps import Jumps
from collective.results.storage import ARRAYS, changed, pack, unpack
from collective.states import State
from collective.states.answers import name_of

if TYPE_CHECKING:
    import xarray
    from qutip import Qobj

_FORMAT = "collective result"
_VERSION = 4
_DIGEST_SINCE = 3  # files of earlier formats have no digest of their contents


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    r"""A time evolution: T times, N emitters.

    Attributes:
        times: (T,), in inverse units of rate. There are fewer than asked for if the run is not
            `complete`.
        emission: (T,), photons per time into the environment, Σ_mn Γ_mn⟨σ⁺_mσ⁻_n⟩; in thermal
            light of n̄ photons per mode, (n̄ + 1) times this sum. For a master equation it is
            Σ_{ω,ω'>0} ½(γ+γ')_ab⟨A_a†(ω')A_b(ω)⟩, or None if its bath is not known.
        excitation: (T,), mean number of excited emitters; None for a master equation.
        populations: (T, N), probability that each emitter is excited; for `ChannelCouplings`
            (T, N, L), probability of each level; for a master equation (T, N, L_max) likewise,
            padded with NaN. Level 0 of a two-level emitter is the excited one.
        photons: (T,), mean number of photons ⟨a†a⟩ in the mode of `CavityCouplings`, whose light
            leaves at the rate κ⟨a†a⟩; None for other problems.
        correlations: (T, N, N), ⟨σ⁺_mσ⁻_n⟩, if observed; for `ChannelCouplings` (T, N·C, N·C),
            ⟨σ⁺_cσ⁻_c'⟩ of all channels.
        states: density matrices at every time, if observed.
        expect: expectation values (T,) of the operators given by name in `observe`.
        method: the engine that ran, or "moment" of `observables.moment` and "steady" of
            `steady_state`, where none ran.
        reason: why this engine was chosen, with the predicted size.
        diagnostics: seconds, bytes, tolerances, versions, trace error, eigenvalues of ρ.
        initial_state: the `State` or QuTiP state that the evolution started from. It is a text
            where the state itself is not known: from some files (see `load`), and of
            `observables.moment` from correlations.
        frame: "rotating" at `Couplings`' reference frequency, or "lab"; see `in_frame`.
        couplings: the `Couplings`, `CavityCouplings` or `ChannelCouplings` that were evolved, or
            None.
        equation: the `MasterEquation` that was evolved, or None.
        complete: False if the run was interrupted. The result then holds the times before that.
        last_state: the density matrix at the last of `times`, if the engine has it.
        emission_error: (T,), standard error of the emission, of a sampled result. It is NaN for
            a single trajectory.
        excitation_error: (T,), standard error of the excitation.
        populations_error: (T, N), standard errors of the populations.
        error_estimate: (T,), estimated absolute error of the emission, of an approximate result.
            It covers what the method neglects, and no standard error. See `trusted_until`.
        shots: (S, T), emission of every sample, if the engine draws samples of single bursts.
        coincidence_rate: (T,), Σ Γ_mnΓ_pq⟨σ⁺_mσ⁺_pσ⁻_qσ⁻_n⟩, the rate of photon pairs, if the
            engine has it; `observables.g2` divides it by emission².
        coincidence_error: (T,), standard error of the coincidence rate.
        jumps: every jump of every trajectory, see `Jumps`.
        resume: arrays from which an interrupted run continues; otherwise empty.
        accuracy: that of the engine: "exact" (to `rtol`), "sampled" (with standard errors) or
            "approximate"; None if it is not known.
        controls: pulses, detunings and strength that changed in time, as `co.pulse.Controls`, or
            None. A function is kept as a table of its values; an `envelope` is not kept.
        start: the time of the initial state if it is not times[0], as after `at`.

    Two results are equal if everything but their `diagnostics` is, such as the seconds they took.
    """

    times: NDArray[np.float64]
    emission: NDArray[np.float64]
    excitation: NDArray[np.float64]
    populations: NDArray[np.float64]
    couplings: Any
    method: str
    reason: str
    initial_state: "State | Qobj | str"
    equation: MasterEquation | None = None
    correlations: NDArray[np.complex128] | None = None
    states: "list[Qobj] | None" = None
    expect: dict[str, NDArray[Any]] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict, compare=False)
    frame: str = "rotating"
    complete: bool = True
    last_state: "Qobj | None" = None
    emission_error: NDArray[np.float64] | None = None
    excitation_error: NDArray[np.float64] | None = None
    populations_error: NDArray[np.float64] | None = None
    error_estimate: NDArray[np.float64] | None = None
    shots: NDArray[np.float64] | None = None
    coincidence_rate: NDArray[np.float64] | None = None
    coincidence_error: NDArray[np.float64] | None = None
    jumps: Jumps | None = None
    resume: dict[str, NDArray[Any]] = field(default_factory=dict)
    accuracy: str | None = None
    start: float | None = None
    photons: NDArray[np.float64] | None = None
    controls: Controls | None = None

    __setstate__ = _checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        arrays = [getattr(self, name) for name in (*ARRAYS, "shots")]
        for array in [*arrays, *self.expect.values()]:
            if array is not None:
                array.flags.writeable = False

    def replace(self, **changes: Any) -> "Result":
        """A copy with some attributes changed.

        Raises:
            ValueError, TypeError: for a name that is not an attribute of a result, or a value of
                the wrong type.
        """
        known = [each.name for each in fields(self)]
        if unknown := sorted(changes.keys() - known):
            raise TypeError(f"a result has no {unknown[0]}: it has {', '.join(known)}")
        return replace(self, **{name: changed(name, value) for name, value in changes.items()})

    def at(self, times: ArrayLike) -> "Result":
        """The same result at one or several of its times.

        Every array is cut to these times, standard errors included. Jumps are left out, because
        they belong to the whole time from the start to the end; so is `resume`. `last_state` stays
        if the last time stays.

        Args:
            times: one time or increasing times, (M,), among `times` up to round-off.

        Returns:
            `Result` with M times.

        Raises:
            ValueError: for a time that the result does not have; the message names the nearest.

        Example:
            >>> import numpy as np, collective as co
            >>> atom = co.Couplings([[1.0]], [[0.0]])
            >>> result = co.evolve(atom, "inverted", np.linspace(0, 2, 5))
            >>> result.at(1.0).emission.round(6)
            array([0.367879])
            >>> result.at(0.9)
            Traceback (most recent call last):
                ...
            ValueError: times: 0.9 is not a time of this result, the nearest are 0.5 and 1; ...
        """
        rows = selection.places(self.times, times)
        return replace(
            self,
            **{name: selection.at_rows(getattr(self, name), rows) for name in ARRAYS},
            shots=None if self.shots is None else self.shots[:, rows],
            states=selection.at_rows(self.states, rows),
            expect=selection.at_rows(self.expect, rows),
            last_state=self.last_state if rows[-1] == len(self.times) - 1 else None,
            jumps=None,
            resume={},
            start=self._start,
        )

    @property
    def _start(self) -> float:
        return float(self.times[0]) if self.start is None else self.start

    @property
    def trusted_until(self) -> float | None:
        """The time after which nothing is claimed about the emission, or None.

        From there on its estimated error stays larger than the emission itself. It is the last of
        `times` if the end can be trusted, and None for a result without `error_estimate`.
        """
        if self.error_estimate is None:
            return None
        if self.error_estimate.shape != self.emission.shape:
            raise ValueError(
                f"error_estimate must have the shape of emission, {self.emission.shape}; it has "
                f"{self.error_estimate.shape}"
            )
        known = np.flatnonzero(self.error_estimate <= np.abs(self.emission))
        return float(self.times[known[-1] if len(known) else 0])

    def in_frame(self, frame: Literal["rotating", "lab"]) -> "Result":
        """The same result with ρ seen from another frame.

        ρ_rotating = e^{iRτ} ρ_lab e^{−iRτ}, where τ is the time since the start, at which both are
        the initial state. R is ω₀ times the number of excitations for two-level emitters, and the
        bare energies of the levels for a `Multilevel`. Emission,
        populations and correlations are the same in both.

        Args:
            frame: "rotating" or "lab".

        Raises:
            ValueError: if the frequencies are not known, or if expectation values were observed,
                which hold only in the frame of the run.
        """
        _checks.choice("frame", frame, ("rotating", "lab"))
        if frame == self.frame:
            return self
        if self.expect:
            raise ValueError(
                f"expectation values of {', '.join(sorted(self.expect))} belong to the "
                f"{self.frame} frame: observe states, and compute them from these"
            )
        sign = 1 if frame == "rotating" else -1
        energies = self._frame_energies()

        def turned(rho: "Qobj", t: float) -> "Qobj":
            from qutip import Qobj

            phases = np.exp(1j * sign * energies * (t - self._start))
            return Qobj(phases[:, None] * rho.full() * phases.conj(), dims=rho.dims)

        pairs = [] if self.states is None else zip(self.states, self.times, strict=True)
        last = self.last_state
        return self.replace(
            frame=frame,
            states=None if self.states is None else [turned(rho, t) for rho, t in pairs],
            last_state=None if last is None else turned(last, float(self.times[-1])),
        )

    def _frame_energies(self) -> NDArray[np.float64]:
        if self.equation is not None:
            if self.equation.frame is None:
                raise ValueError("this MasterEquation does not know the frame's energies")
            return self.equation.frame
        if isinstance(self.couplings, ChannelCouplings):
            raise ValueError("the lab frame of atoms with manifolds is not available")
        if isinstance(self.couplings, CavityCouplings):
            raise ValueError("the lab frame of emitters with a cavity mode is not available")
        emitters = self.couplings.emitters
        if emitters is None or emitters.frequency is None:
            raise ValueError("frequency is required: use Emitters(frequency=...)")
        if np.any(self.couplings.drive) or (self.controls and self.controls.drive):
            raise ValueError("the frame of a drive rotates at its frequency, not known here")
        return emitters.frequency * excited(len(emitters)).sum(axis=1)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        d = self.diagnostics
        noun = "atoms" if isinstance(self.couplings, ChannelCouplings) else "emitters"
        what = f"{len(self.couplings)} {noun}" if self.couplings else repr(self.equation)
        what += " and a cavity mode" if isinstance(self.couplings, CavityCouplings) else ""
        span = f"t = {self.times[0]:g} … {self.times[-1]:g}"
        rows = {
            "problem": f"{what} from {name_of(self.initial_state)}",
            "times": f"{len(self.times)}, {span} ({self.frame} frame)",
            "method": f"{self.method} ({self.reason})",
        }
        if self.controls is not None:
            parts = [f"{len(self.controls.drive)} pulses" if self.controls.drive else ""]
            for name in ("detunings", "strength"):
                parts.append(name if getattr(self.controls, name) is not None else "")
            rows["controls"] = ", ".join(filter(None, parts))
        if self.accuracy is not None:
            rows["accuracy"] = self.accuracy
        if self.emission is not None:
            peak = int(np.argmax(self.emission[: len(self.times)]))
            rows["emission"] = f"largest {self.emission[peak]:.6g} at t = {self.times[peak]:.6g}"
        if self.photons is not None:
            peak = int(np.argmax(self.photons))
            at = f"at t = {self.times[min(peak, len(self.times) - 1)]:.6g}"
            rows["photons"] = f"largest {self.photons[peak]:.6g} {at}"
        if not self.complete:
            rows["INCOMPLETE"] = "interrupted; the times above are those reached"
        if "seconds" in d:
            used = d.get("bytes_used")
            memory = "" if used is None else f", {bytes_text(used)} of memory"
            rows["cost"] = f"{d['seconds']:.3g} s{memory}"
        checks = []
        if "trace_error" in d:
            checks.append(f"|tr ρ − 1| ≤ {d['trace_error']:.1e}")
        if "error_bound" in d:
            sign = "≈" if "spectrum" in d else "≤"  # of a sampled field it is an estimate
            checks.append(f"error {sign} {d['error_bound']:.1e}")
        if d.get("smallest_eigenvalues"):
            checks.append(f"eigenvalues of ρ ≥ {min(d['smallest_eigenvalues']):.1e}")
        if checks:
            rows["checks"] = f"rtol {d['rtol']:g}, atol {d['atol']:g}; {', '.join(checks)}"
        if self.emission_error is not None:
            worst = self.emission_error.max()
            known = f"standard error of the emission ≤ {worst:.2g}"
            rows["error"] = known if np.isfinite(worst) else "not known: one trajectory"
        fits = self.emission is not None and self.emission.shape == (len(self.times),)
        if (
            fits
            and self.error_estimate is not None
            and self.error_estimate.shape == self.times.shape
        ):
            worst, largest = self.error_estimate.max(), np.abs(self.emission).max()
            share = f" ({worst / largest:.2g} of the largest)" if largest > 0 else ""
            rows["estimate"] = f"error of the emission up to {worst:.2g}{share}"
            if (until := self.trusted_until) != self.times[-1]:
                rows["estimate"] += f"; nothing is claimed after t = {until:.4g}"
        if "ended" in d:
            rows["INCOMPLETE"] = d["ended"]
        extra = [name for name in ("correlations", "states") if getattr(self, name) is not None]
        if extra or self.expect:
            rows["observed"] = ", ".join(extra + sorted(self.expect))
        return "Result\n" + "\n".join(f"  {key:<11} {text}" for key, text in rows.items())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one compressed .npz file, which is replaced only when complete.

        Args:
            path: a file name; ".npz" is appended if missing, folders are made, "~" is the home.

        Returns:
            The path written. `co.load` reads it back; a field other than the package's own
            comes back as None, with its description in `diagnostics["field"]`; an initial state of
            a class of your own comes back as its name.

        Raises:
            ValueError: if the path is not that of a file, or the arrays of the result do not belong
                together (after `replace`), so that the file could not be read again.
            OSError: if the system cannot write the file: no room, no permission.
        """
        arrays, metadata = pack(self)
        try:
            contents.fitting({k: archive.Declared.of(v) for k, v in arrays.items()}, metadata)
            contents.consistent(arrays, metadata)
        except ValueError as error:
            raise ValueError(f"this result cannot be saved: {error}") from None

        def write(partial: Path) -> None:
            archive.write(partial, arrays, metadata, kind=_FORMAT, version=_VERSION)

        return written(path, ".npz", write)

    def to_xarray(self) -> "xarray.Dataset":
        """The observed arrays and the couplings as an `xarray.Dataset`, a fresh copy.

        The dimensions are time, emitter (with x, y, z where known), emitter_2, level, jump and
        operator. The variables are what was observed, standard errors, jumps, Γ, Δ and what else
        acts on the emitters; states, if observed, with row and column in QuTiP's basis. Γ and Δ
        that are one number for every pair stay one number. Each variable has a `long_name` and
        `units`. Δ is `data["shift"]`, because datasets have a method of that name.
        The attributes are method, reason, accuracy, initial_state (its name), start (after `at`),
        frame, complete, versions, conventions, the diagnostics as JSON, and `left_out`: what only
        `save` keeps.

        Raises:
            ImportError: without xarray, which `pip install 'collective-emission[data]'` brings.

        Example:
            >>> import numpy as np, collective as co
            >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
            >>> data = co.evolve(pair, "inverted", np.linspace(0, 4, 81)).to_xarray()
            >>> data.populations.sel(emitter=0, time=1.0, method="nearest").round(3).item()
            0.286
        """
        from collective.results.xarray import dataset

        return dataset(self)

    def to_netcdf(self, path: str | os.PathLike[str]) -> Path:
        """Write `to_xarray` as a NetCDF-4 file, replacing it only when complete.

        NetCDF has no complex numbers: `correlations` becomes `correlations_real` and
        `correlations_imag`, and so does every complex variable; `complete` is 1 or 0.

        Args:
            path: a file name; ".nc" is appended if missing, folders are made, "~" is the home.

        Returns:
            The path written. `xarray.open_dataset` reads it, and any other tool for NetCDF.

        Raises:
            ImportError: without xarray and h5netcdf, which
                `pip install 'collective-emission[data]'` brings.
            OSError: if the system cannot write the file: no room, no permission.
        """
        from collective.results.xarray import write_netcdf

        return write_netcdf(self, path)


def load(path: str | os.PathLike[str]) -> Result | Any:
    """Read what `Result.save` or `Couplings.save` has written.

    Args:
        path: name of the file; ".npz" may be left out, "~" is the home.

    Returns:
        `Result`. Its `initial_state` is a text, the name of the state, if the state cannot be
        known: for a `State` class of your own, and in files of formats 1 to 3 for states whose
        name does not hold all digits ("timed_dicke(…)", "coherent(…)", "a QuTiP state"). In files
        of these formats the name of the engine determines `accuracy`.
        Or `Couplings`, `ChannelCouplings` or `CavityCouplings`, as they were saved.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is truncated, damaged, edited, or neither a result nor couplings;
            the message says what is wrong with it.
        ProblemTooLargeError: (a MemoryError and ValueError) if the result does not fit into
            memory.
    """
    source = _existing(checked_path("path", path))
    if archive.kind_of(source) == saving.KIND:
        return loading.loaded(source)
    return loaded(source)


def _existing(source: Path) -> Path:
    """The path with ".npz" if there is only such a file."""
    longer = source.with_name(source.name + ".npz")
    return longer if not source.exists() and longer.exists() else source


def loaded(source: Path) -> Result:
    """The result in a file; see `load`."""
    source = _existing(source)
    arrays, metadata = archive.read(
        source,
        "a result of collective",
        kind=_FORMAT,
        version=_VERSION,
        digest_since=_DIGEST_SINCE,
        check=contents.fitting,
    )
    try:
        contents.consistent(arrays, metadata)
        result = Result(**unpack(arrays, metadata))
        repr(result)
    except MemoryError as error:
        raise ProblemTooLargeError(f"{source} does not fit into memory: {error}") from None
    except Exception as error:  # any error of a class that is built from the contents
        raise ValueError(f"{source} is damaged: {error}") from None
    return result
