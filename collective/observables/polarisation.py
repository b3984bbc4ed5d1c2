"""The light of atoms with manifolds by line and polarisation, their levels by name."""

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks
from collective.couplings.channels import ChannelCouplings
from collective.emitters.spherical import spherical_vectors
from collective.observables import _inputs
from collective.results.result import Result


def polarised_emission(result: Result) -> NDArray[np.float64]:
    r"""Photons per time that leave through σ⁺, π and σ⁻ transitions of each line.

    The lowering operators of atom m and line s about the quantisation axis are
    :math:`σ^-_{msq} = \mathbf e_q^*·\boldsymbol σ^-_{ms}`, with q = 1, 0, −1 for transitions that
    take away the angular momentum q. In this basis

    .. math:: R_{sq} = \mathrm{Re}\sum_{mn}\sum_{q'} Γ_{msq,nsq'}⟨σ^+_{msq}σ^-_{nsq'}⟩, \qquad
              Γ_{msq,nsq'} = \mathbf e_q^†\,\boldsymbol Γ_{ms,ns}\,\mathbf e_{q'} .

    It is the power that dipoles of polarisation q lose to the light. Where light of one
    polarisation drives another, of the same atom or of its neighbours, each gets half of the cross
    terms q ≠ q'. So the sum is `result.emission`, and a polarisation that takes up more light than
    it sends has a negative rate. In vacuum single atoms have no cross terms: each rate is then the
    sum of the populations times the strengths of their decays.

    This tells which transitions emit. Light in one direction has the polarisations of
    `angular_pattern`: π transitions are dark along the axis, and σ⁺ light is circular only there.

    Args:
        result: of `ChannelCouplings`, with correlations.

    Returns:
        (T, S, 3) for S lines, in units of rate, in the order σ⁺, π, σ⁻.

    Raises:
        ValueError: for a result of two-level emitters or without correlations.

    Example:
        An excited atom with F = 1 and F′ = 2 in m = 1 emits σ⁺ and π light:

        >>> import collective as co
        >>> atom = co.atoms([[0, 0, 0]], ground=1, excited=2)
        >>> start = co.observables.moment(co.couple(atom, co.Vacuum()), co.states.levels("e +1"))
        >>> co.observables.polarised_emission(start).round(6)
        array([[[0.5, 0.5, 0. ]]])
    """
    pairs = _inputs.channel_correlations(result, "polarised_emission")
    channels: ChannelCouplings = result.couplings
    n, lines = len(channels), channels.atoms.lines
    vectors = spherical_vectors(channels.atoms.axis)
    decay = channels.decay.reshape(n, lines, 3, n, lines, 3)
    found = np.empty((len(pairs), lines, 3))
    for row, matrix in zip(found, pairs, strict=True):
        seen = matrix.reshape(n, lines, 3, n, lines, 3)
        for s in range(lines):
            # Σ_mn Σ_β Γ_mα,nβ ⟨σ⁺_mγ σ⁻_nβ⟩ for each α, γ
            own = np.tensordot(decay[:, s, :, :, s], seen[:, s, :, :, s], ([0, 2, 3], [0, 2, 3]))
            row[s] = np.einsum("qg,qa,ag->q", vectors, vectors.conj(), own).real
    return found


def level_populations(result: Result) -> dict[str, NDArray[np.float64]]:
    """The populations of the levels of atoms, by name.

    Args:
        result: of `ChannelCouplings`.

    Returns:
        The probability that each atom is in the level, (T, N), by the name of the level, in the
        order of the levels.

    Raises:
        ValueError: for a result of other emitters, whose levels have no names.

    Example:
        >>> import collective as co
        >>> atoms = co.couple(co.Atoms.isotropic([[0, 0, 0]]), co.Vacuum())
        >>> result = co.evolve(atoms, co.states.levels("e 0"), [0, 1])
        >>> co.observables.level_populations(result)["e 0"].round(6)
        array([[1.      ],
               [0.367879]])
    """
    checks.instance("result", result, Result, "co.evolve(...)")
    channels = _inputs.channels(result, "level_populations")
    return {name: result.populations[..., i] for i, name in enumerate(channels.atoms.levels)}
