"""
Light takes its time
====================

*What happens while light is on its way?* Γ and Δ say that the light of one emitter is at once at
every other one. In a long fibre it is not. The figure shows first two emitters, one of them
excited, where light needs two lifetimes from one to the other. Then an emitter sees its own light
come back from a distant mirror. Last, how much excitation two emitters keep for ever, with and
without the delay.
"""

import matplotlib.pyplot as plt
import numpy as np

import collective as co

k = 2 * np.pi  # lengths in wavelengths of the guided light, rates in the rate into the guide
times = np.linspace(0, 16, 321)


def guide(delay, **options):
    """A guide in which light needs this time for one wavelength."""
    return co.Waveguide(1.0, k, group_velocity=1 / delay, **options)


def populations(atoms, field, state, method="retarded"):
    """The excited population of each emitter."""
    couplings = co.couple(atoms, field)
    return co.evolve(couplings, state, times, method=method, progress=False).populations


# Two emitters a wavelength apart: the light of both cancels outside, and stays between them
pair = co.chain(2, 1.0)
late = populations(pair, guide(2.0), co.states.single(0))
at_once = populations(pair, guide(2.0), co.states.single(0), "single")

# One emitter before a mirror, three lifetimes for the way there and back
echoes = {}
for name, place in (("at a node", 1.0), ("at an antinode", 1.25)):
    delay = 3.0 / (2 * place)
    atom = co.Emitters([[0, 0, place]])
    echoes[name] = populations(atom, guide(delay, mirror=0.0), "inverted")[:, 0]

# The dark state of two emitters, half a wavelength apart, against the delay
dark = co.states.timed_dicke([0, 0, 0])
delays = np.geomspace(0.01, 10, 7)
kept = []
for delay in delays:
    couplings = co.couple(co.chain(2, 0.5), guide(2 * delay))
    long = [0.0, 40 * max(1.0, delay)]
    run = co.evolve(couplings, dark, long, method="retarded", progress=False)
    kept.append(run.excitation[-1])

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for number, style in enumerate(("-", "--")):
    colour = co.plot.COLOURS[number]
    axes[0].plot(times, late[:, number], style, color=colour, label=f"emitter {number}")
    axes[0].plot(times, at_once[:, number], color=colour, ls=":")
axes[0].set(xlabel="time (1/Γ)", ylabel="excited population", title="two emitters, Γτ = 2")
axes[0].legend(frameon=False, title="dotted: without delay")
for (name, population), style, colour in zip(
    echoes.items(), ("-", "--"), co.plot.COLOURS, strict=False
):
    axes[1].plot(times, population, style, color=colour, label=name)
axes[1].plot(times, np.exp(-times), color="0.6", ls=":", label="no mirror")
axes[1].set(xlabel="time (1/Γ)", ylabel="excited population", title="a mirror far away, Γτ = 3")
axes[1].legend(frameon=False)
axes[2].semilogx(delays, kept, "o", color=co.plot.COLOURS[0], label="excitation that stays")
axes[2].semilogx(delays, (1 + delays / 2) ** -2, color="0.6", ls="--", label="1/(1 + Γτ/2)²")
axes[2].axhline(1, color="0.3", ls=":", label="without delay")
axes[2].set(xlabel="delay Γτ", ylabel="excitation", title="dark state of two emitters")
axes[2].legend(frameon=False)
plt.show()

# %%
# What to notice: until light arrives, the first emitter decays as if it were alone, and the second
# stays in the ground state. Then it is excited, sends light back, and both come to the same
# value: light that is caught between them feeds them for ever, a bound state among freely moving
# light. The emitter before the mirror decays until its own light comes back. At a node, where the
# mirror forbids emission, some excitation stays. Without delay the dark state of a pair would keep
# everything; with it a part 1/(1 + Γτ/2)² stays with the emitters, because the rest of the
# bound state is light on its way.
#
# Try changing: a distance of 1.1 wavelengths, where nothing is caught; ``side_rate=0.1``, light
# that escapes; ``chirality=1``, where nothing comes back.
