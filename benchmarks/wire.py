"""Emitters at a silver nanowire: Γ and both shifts of fifty, and master equations of two and ten.

Run python benchmarks/wire.py, after one run that compiles the kernels. The work is about 60 flops
for each node k_z, order m and different pair (ρ, ρ', Δφ), and 50 for each node, order and distance.
There are 10⁴ to 10⁵ nodes times orders for each wave number, and 60 to 90 wave numbers on the
imaginary axis, the same for every pair, frequency and approximation. Master equations are measured
in CPU seconds and compared with `couple` of the same emitters, and `compare` of four approximations
with that of two.
"""

import time

import numpy as np

import collective as co

K = 2 * np.pi


def emitters(rho, phi, z):
    return co.Emitters(
        np.column_stack([rho * np.cos(phi), rho * np.sin(phi), z]), dipoles=(1, 0, 0)
    )


def main(n=50):
    rng = np.random.default_rng(0)
    wire = co.Nanowire(0.01, co.materials.Drude.from_value(-50 + 0.6j, K))
    near, one = np.full(n, 0.015), np.zeros(n)
    cases = {
        "chain along the wire": emitters(near, one, 0.1 * np.arange(n)),
        "random places along it": emitters(near, one, rng.uniform(0, 10, n)),
        "random radii and azimuths": emitters(
            rng.uniform(0.015, 0.05, n), rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 10, n)
        ),
    }
    co.couple(emitters(near[:2], one[:2], np.array([0, 0.1])), wire)
    for name, atoms in cases.items():
        for shift in ("full", "rwa"):
            if shift == "rwa" and name.startswith("random radii"):
                continue  # a minute: the tensor of 1,275 different pairs at each wave number
            start = time.perf_counter()
            co.couple(atoms, wire, shift=shift)
            print(f"{n} emitters, {name}, {shift}: {time.perf_counter() - start:.2f} s")
    master_equations(wire, rng)


def master_equations(wire, rng):
    def cpu(what, *arguments, **options):
        start = time.process_time()
        what(*arguments, **options)
        return time.process_time() - start

    for n in (2, 10):
        rho, phi = rng.uniform(0.015, 0.05, n), rng.uniform(0, 2 * np.pi, n)
        atoms = emitters(rho, phi, rng.uniform(0, 1, n)).replace(frequency=1e6)
        print(f"{n} emitters, couple: {cpu(co.couple, atoms, wire):.2f} s of CPU")
        for name in ("universal", "rwa"):
            took = cpu(co.master_equation, atoms, wire, approximation=name)
            print(f"{n} emitters, master_equation, {name}: {took:.2f} s of CPU")
        if n == 2:
            for names in (("universal", "rwa"), ("universal", "redfield", "secular", "rwa")):
                took = cpu(
                    co.compare, atoms, wire, "inverted", [0.0, 1e-3],
                    approximations=names, progress=False,
                )  # fmt: skip
                print(f"{n} emitters, compare of {len(names)} approximations: {took:.2f} s of CPU")


if __name__ == "__main__":
    main()
