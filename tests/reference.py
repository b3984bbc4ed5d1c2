"""Independent routes to the same numbers: dense numpy and closed forms, nothing from collective.

Basis order as everywhere: emitter 0 leftmost, index 0 of a factor is the excited state. The file is
longer than others because all routes that tests share are here.
"""

import os
import subprocess
import sys

import mpmath
import numpy as np
import qutip
from scipy.linalg import expm

LOWER = np.array([[0, 0], [1, 0]], dtype=complex)


def lowering(n):
    """σ⁻_m as dense matrices, by tensor products."""
    operators = []
    for m in range(n):
        matrix = np.eye(1)
        for k in range(n):
            matrix = np.kron(matrix, LOWER if k == m else np.eye(2))
        operators.append(matrix)
    return operators


def ket(n, *excited):
    """The basis state of n emitters in which the named ones are excited."""
    vector = np.ones(1)
    for m in range(n):
        vector = np.kron(vector, [1, 0] if m in excited else [0, 1])
    return vector


def inverted(n):
    """The state of n emitters in which all are excited."""
    return ket(n, *range(n))


def product_ket(n, theta, phi):
    """Every emitter in cos(θ/2)|g⟩ + e^{iφ} sin(θ/2)|e⟩."""
    one = np.array([np.exp(1j * phi) * np.sin(theta / 2), np.cos(theta / 2)])
    vector = np.ones(1)
    for _ in range(n):
        vector = np.kron(vector, one)
    return vector


def projector(vector):
    """|ψ⟩⟨ψ| of a vector."""
    return np.outer(vector, np.conj(vector))


def as_qobj(array):
    """A vector or a matrix of n emitters as QuTiP's object."""
    n = len(array).bit_length() - 1
    return qutip.Qobj(array, dims=[[2] * n, [1] * n if np.ndim(array) == 1 else [2] * n])


def slope(
    rho, decay, shift, *, detunings=0, dephasing=0, pump=0, drive=0, thermal_photons=0, ising=None
):
    """dρ/dt of the master equation, operator by operator; ρ may be a stack of matrices."""
    n = len(decay)
    detunings, drive = (np.broadcast_to(x, n) for x in (detunings, drive))
    # a number, one for each emitter, or a matrix
    dephasing, pump = (
        x if np.ndim(x) == 2 else np.diag(np.broadcast_to(x, n)) for x in (dephasing, pump)
    )
    s = lowering(n)
    one = shift + np.diag(detunings)
    hamiltonian = sum(one[m, k] * s[m].T @ s[k] for m in range(n) for k in range(n))
    hamiltonian = hamiltonian + sum(
        0.5 * (drive[m] * s[m].T + np.conj(drive[m]) * s[m]) for m in range(n)
    )
    if ising is not None:
        numbers = [x.T @ x for x in s]
        hamiltonian = hamiltonian + sum(
            ising[m, k] * numbers[m] @ numbers[k] for m in range(n) for k in range(m + 1, n)
        )
    found = -1j * (hamiltonian @ rho - rho @ hamiltonian)

    def dissipator(rates, a):
        """Σ_mk rates_mk (a_k ρ a_m† − ½{a_m†a_k, ρ})."""
        loss = sum(rates[m, k] * a[m].T @ a[k] for m in range(n) for k in range(n))
        total = -0.5 * (loss @ rho + rho @ loss)
        for k in range(n):
            total = total + a[k] @ rho @ sum(rates[m, k] * a[m].T for m in range(n))
        return total

    raising, numbers = [x.T for x in s], [x.T @ x for x in s]
    terms = [
        ((1 + thermal_photons) * decay, s),
        (thermal_photons * np.transpose(decay), raising),
        (2 * np.transpose(dephasing), numbers),
        (np.transpose(pump), raising),
    ]
    return found + sum(dissipator(rates, a) for rates, a in terms if np.any(rates))


def generator(decay, shift, **others):
    """The superoperator on row-major vec(ρ): `slope` of every matrix with a single 1."""
    side = 2 ** len(decay)
    units = np.eye(side**2).reshape(side**2, side, side)
    return slope(units, decay, shift, **others).reshape(side**2, side**2).T


RATES = ("detunings", "dephasing", "pump", "drive", "thermal_photons", "ising")


def slope_of(couplings, rho):
    """`slope` of everything that a Couplings object holds."""
    others = {name: getattr(couplings, name) for name in RATES}
    return slope(rho, couplings.decay, couplings.shift, **others)


def generator_of(couplings):
    """`generator` of everything that a Couplings object holds."""
    others = {name: getattr(couplings, name) for name in RATES}
    return generator(couplings.decay, couplings.shift, **others)


def evolve(superoperator, rho, times):
    """ρ at every time by the matrix exponential of each step."""
    side = len(rho)
    states = [rho.astype(complex).ravel()]
    steps = np.diff(times)
    uniform = expm(superoperator * steps[0]) if np.allclose(steps, steps[0], rtol=1e-12) else None
    for step in steps:
        states.append((expm(superoperator * step) if uniform is None else uniform) @ states[-1])
    return [state.reshape(side, side) for state in states]


def correlations(rho):
    """⟨σ⁺_mσ⁻_k⟩ as an (N, N) array."""
    s = lowering(len(rho).bit_length() - 1)
    return np.array([[np.trace(a.T @ b @ rho) for b in s] for a in s])


def populations(rho):
    """The probability of every emitter to be excited."""
    return np.diagonal(correlations(rho)).real


def emission(decay, rho):
    """Σ_mk decay_mk ⟨σ⁺_mσ⁻_k⟩."""
    return np.sum(decay * correlations(rho)).real


def far_field(emitters, direction):
    """The matrix of one direction, term by term: its `emission` is the rate per solid angle."""
    u, r, rates = emitters.dipoles, emitters.positions, emitters.decay_rates
    k, n = emitters.wavenumbers.mean(), np.asarray(direction)

    def entry(i, j):
        across = u[i].conj() @ u[j] - (u[i].conj() @ n) * (n @ u[j])
        return np.sqrt(rates[i] * rates[j]) * across * np.exp(1j * k * n @ (r[i] - r[j]))

    every = range(len(u))
    return 3 / (8 * np.pi) * np.array([[entry(i, j) for j in every] for i in every])


def two_inverted_atoms(gamma12, t):
    """Emission rate of two inverted identical emitters (physics: Δ drops out)."""
    plus, minus = 1 + gamma12, 1 - gamma12

    def fed(fast, slow):
        # (fast/slow)(e^{−fast t} − e^{−2t}) without the cancellation at slow → 0
        difference = np.exp(-2 * t) * np.expm1(slow * t)
        return fast * t * np.exp(-2 * t) if slow == 0 else fast / slow * difference

    return 2 * np.exp(-2 * t) + plus * fed(plus, minus) + minus * fed(minus, plus)


def dicke_ladder(n, times):
    """Emission rate from the tridiagonal rate equations of the symmetric subspace."""
    rates = np.array([m * (n - m + 1) for m in range(n + 1)], dtype=float)
    matrix = np.diag(-rates) + np.diag(rates[1:], 1)
    populations = np.zeros(n + 1)
    populations[n] = 1
    return np.array([rates @ expm(matrix * t) @ populations for t in times])


def one_excitation(decay, shift, detunings, amplitudes, times):
    """Populations (T, N) and emission (T,) of a single excitation from H_eff."""
    h = np.diag(np.broadcast_to(detunings, len(decay))) + shift - 0.5j * decay
    c = np.array([expm(-1j * h * t) @ amplitudes for t in times])
    return np.abs(c) ** 2, np.einsum("tm,mn,tn->t", c.conj(), decay, c).real


def driven_atom(rabi, t):
    """Excited population of one resonantly driven emitter from the ground state, Γ = 1."""
    frequency = np.sqrt(rabi**2 - 1 / 16)
    damping = np.cos(frequency * t) + 3 / (4 * frequency) * np.sin(frequency * t)
    return rabi**2 / (1 + 2 * rabi**2) * (1 - np.exp(-0.75 * t) * damping)


def vacuum_pair(r1, r2, u1, u2, k=2 * np.pi):
    """(Γ₁₂, Δ₁₂) of unit linewidths, from the e^{ikr}/4πr Green's tensor in 40 digits."""
    with mpmath.workdps(40):
        separation = [
            mpmath.mpf(float(a)) - mpmath.mpf(float(b)) for a, b in zip(r1, r2, strict=True)
        ]
        r = mpmath.sqrt(sum(x * x for x in separation))
        xi = mpmath.mpf(float(k)) * r
        along = [x / r for x in separation]
        wave = mpmath.exp(1j * xi) / xi * 3 / 2
        gamma = delta = mpmath.mpc(0)
        for i in range(3):
            for j in range(3):
                one = 1 if i == j else 0
                entry = wave * (
                    one * (1 + 1j / xi - 1 / xi**2)
                    + along[i] * along[j] * (-1 - 3j / xi + 3 / xi**2)
                )
                weight = mpmath.mpmathify(complex(u1[i])).conjugate() * complex(u2[j])
                gamma += weight * mpmath.im(entry)
                delta -= weight * mpmath.re(entry) / 2
        return complex(gamma), complex(delta)


def cylinder_point(rho, phi, z):
    """Cartesian coordinates of a point around the z axis."""
    return np.array([rho * np.cos(phi), rho * np.sin(phi), z])


def cylinder_tensor(tensor, phi, phi_source=0.0):
    """A Cartesian tensor in (ρ, φ, z) of a field point at φ and a source at phi_source."""
    left, right = (
        np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        for a in (phi, phi_source)
    )
    return left.T @ tensor @ right


def seen_by_plane_waves(k, epsilon, mu, radius, rho, nodes):
    """3/8π ∫E E† of plane waves from all sides beside a cylinder, (3, 3), at (ρ, 0, 0).

    Each wave has the amplitude 1; both polarisations are summed. In free space this is the unit
    matrix. For every order and angle of incidence four linear equations make E_φ, E_z, H_φ, H_z
    continuous. The angles are graded towards the axis, where narrow resonances are.

    Args:
        k: vacuum wave number.
        epsilon: of the cylinder.
        mu: of the cylinder.
        radius: of the cylinder.
        rho: distance of the point from the axis.
        nodes: angles of incidence on each side of the equator.
    """
    from scipy.special import h1vp, hankel1, jv, jvp

    def waves(m, bessel, slope, across, kz, epsilon, mu, rho):
        """(E, H) in (ρ, φ, z) of E_z = bessel and of H_z = bessel, (angles, 6, 2)."""
        e_z = [
            1j * kz * slope,
            -m * kz / rho * bessel,
            across**2 * bessel,
            m * k * epsilon / rho * bessel,
            1j * k * epsilon * slope,
            0 * bessel,
        ]
        h_z = [
            -m * k * mu / rho * bessel,
            -1j * k * mu * slope,
            0 * bessel,
            1j * kz * slope,
            -m * kz / rho * bessel,
            across**2 * bessel,
        ]
        return np.moveaxis(np.array([e_z, h_z]) / across**2, (0, 1), (2, 1))

    x, weights = np.polynomial.legendre.leggauss(nodes)
    x = (x + 1) / 2
    theta = np.pi / 2 * x**4
    weights = weights * np.pi * x**3
    theta = np.concatenate([theta, np.pi - theta])
    weights = np.concatenate([weights, weights]) * np.sin(theta)
    kz, outside = k * np.cos(theta), k * np.sin(theta)
    inside = np.sqrt(epsilon * mu * k**2 - kz**2)
    found = np.zeros((3, 3), dtype=complex)
    for m in range(-int(10 + 2 * k * rho), int(11 + 2 * k * rho)):
        # closer to the axis waves of high order do not reach the cylinder, and H_m overflows
        some = np.abs(jv(m, outside * radius)) > 1e-60
        z, q, h = kz[some], outside[some], inside[some]
        size, core = hankel1(m, q * radius), jv(abs(m), h * radius)

        def incident(at, m=m, q=q, z=z):
            return waves(m, jv(m, q * at), q * jvp(m, q * at), q, z, 1, 1, at)

        def scattered(at, m=m, q=q, z=z, size=size):
            value, slope = hankel1(m, q * at) / size, q * h1vp(m, q * at) / size
            return waves(m, value, slope, q, z, 1, 1, at)

        scale = np.where(core == 0, 1, core)
        slope = h * jvp(abs(m), h * radius) / scale
        within = waves(m, core / scale, slope, h, z, epsilon, mu, radius)
        rows = [1, 2, 4, 5]  # what is continuous
        matrix = np.concatenate([scattered(radius), -within], axis=2)[:, rows]
        amplitudes = np.linalg.solve(matrix, -incident(radius)[:, rows])[:, :2]
        field = (incident(rho) + scattered(rho) @ amplitudes)[:, :3] * np.sin(
            theta[some, None, None]
        )
        found += 2 * np.pi * np.einsum("n,nip,njp->ij", weights[some], field, field.conj())
    return 3 / (8 * np.pi) * found


def wire_wave(m, kz, k, epsilon, radius, rho, rho_source, mu=1):
    """One order m and k_z of a cylinder's scattered tensor in (ρ, φ, z), by a boundary solve.

    The source's free field is expanded in waves I_m inside its own radius; E_z, E_φ, H_z, H_φ are
    made continuous by four linear equations, in mpmath; H is curl E over μ.
    """

    def i_slope(order, x):
        return (mpmath.besseli(order - 1, x) + mpmath.besseli(order + 1, x)) / 2

    def k_slope(order, x):
        return -(mpmath.besselk(order - 1, x) + mpmath.besselk(order + 1, x)) / 2

    with mpmath.workdps(30):
        m, kz, k = int(m), mpmath.mpc(kz), mpmath.mpc(k)
        epsilon, mu = mpmath.mpc(epsilon), mpmath.mpc(mu)
        index2 = epsilon * mu

        def root(eps):
            if mpmath.re(k) > 0 and eps == 1:
                return -1j * mpmath.sqrt(k**2 - kz**2)
            return mpmath.sqrt(kz**2 - eps * k**2)

        def fields(bessel, rate, eps, r, electric, magnetic):
            """E and curl E of E_z = electric·f(rate·r), (curl E)_z = magnetic·f(rate·r).

            In a medium with the square eps of its refractive index.
            """
            f = bessel(m, rate * r)
            slope = i_slope if bessel is mpmath.besseli else k_slope
            df = rate * slope(m, rate * r)
            kappa2 = eps * k**2 - kz**2
            e_rho = (1j * kz * electric * df + 1j * m / r * magnetic * f) / kappa2
            e_phi = (-kz * m / r * electric * f - magnetic * df) / kappa2
            w_phi = (-kz * m / r * magnetic * f - k**2 * eps * electric * df) / kappa2
            return e_rho, e_phi, electric * f, w_phi, magnetic * f

        outside, inside = root(mpmath.mpf(1)), root(index2)
        wave = mpmath.besselk(m, outside * rho_source)
        slope = outside * k_slope(m, outside * rho_source)
        # of a unit dipole along ρ, φ, z: E_z and (curl E)_z of the free wave, 4π² left out
        excited = [
            (-1j * kz / k**2 * slope, -1j * m / rho_source * wave),
            (-kz * m / (k**2 * rho_source) * wave, -slope),
            ((1 - kz**2 / k**2) * wave, 0),
        ]
        columns = []
        for electric, magnetic in excited:
            free = fields(mpmath.besseli, outside, 1, radius, electric, magnetic)
            matrix = mpmath.matrix(4, 4)
            for column, (bessel, rate, eps, sign) in enumerate(
                [(mpmath.besselk, outside, 1, 1)] * 2 + [(mpmath.besseli, inside, index2, -1)] * 2
            ):
                basis = fields(bessel, rate, eps, radius, column % 2 == 0, column % 2)
                for row in range(4):
                    share = mu if bessel is mpmath.besseli and row > 1 else 1
                    matrix[row, column] = sign * basis[row + 1] / share
            solved = mpmath.lu_solve(matrix, -mpmath.matrix(free[1:]))
            answer = fields(mpmath.besselk, outside, 1, rho, solved[0], solved[1])
            columns.append([complex(x) for x in answer[:3]])
    return np.array(columns).T / (4 * np.pi**2)


def rotation(seed):
    """A random proper rotation, (3, 3)."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


MEASURED = """
import numpy as np, qutip, scipy.integrate, scipy.linalg, scipy.sparse.linalg, collective as co
def held(what):
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(what))
def measured(run):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the largest resident size begins anew
    before = held("VmRSS")
    predicted = run().diagnostics["bytes_predicted"]
    print(predicted / (held("VmHWM") - before))
"""


def predicted_over_used(code):
    """Predicted bytes over the largest number that the system saw, of runs in a new process.

    Args:
        code: Python code that calls ``measured(run)`` for functions that return a `Result`. A
            small problem of the same kind has to run before, which loads what it needs.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURED + code],
        capture_output=True,
        text=True,
        check=True,
        # memory does not depend on whether the system has pages of 2 MiB to spare
        env={**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"},
    )
    return [float(word) for word in done.stdout.split()]
