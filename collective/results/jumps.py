"""The jump record of trajectories: the time and the channel of each jump."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks, equality, notebook
from collective._tools.console import printable, span


@dataclass(frozen=True, eq=False, repr=False)
class Jumps:
    """The jump record of trajectories: J jumps, in order of trajectory and time.

    If the emitters only decay, each jump is a photon. Dephasing and a pump add jumps of other
    channels. Jumps of atoms with manifolds are all photons, of the channels that
    `ChannelCouplings.collapse_operator_names` names.

    Attributes:
        trajectory: (J,), the trajectory of each jump.
        times: (J,), the time of each jump.
        channels: (J,), the jump operator of each jump: the eigenvector
            `Modes.jump_vectors[:, channel]` of Γ, or for driven, pumped or dephased emitters, and
            in thermal light, `Couplings.collapse_operators()[channel]`, which
            `Couplings.collapse_operator_names()[channel]` names.
        n_trajectories: number of trajectories, including those without a jump.
    """

    trajectory: NDArray[np.int64]
    times: NDArray[np.float64]
    channels: NDArray[np.int64]
    n_trajectories: int

    __setstate__ = checks.restored
    __eq__ = equality.same
    __hash__ = equality.hashed

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    def __len__(self) -> int:
        return len(self.times)

    _repr_html_ = notebook.shown

    @printable
    def __repr__(self) -> str:
        jumps = "jump" if len(self) == 1 else "jumps"
        runs = "trajectory" if self.n_trajectories == 1 else "trajectories"
        return (
            f"Jumps: {len(self):,} {jumps} of {self.n_trajectories:,} {runs}\n"
            f"  times     {span(self.times)}\n"
            f"  channels  {span(self.channels)}"
        )

    def of(self, trajectory: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times and channels of one trajectory, 0 … n_trajectories − 1.

        Raises:
            ValueError: if there is no such trajectory.
        """
        trajectory = checks.index("trajectory", trajectory, self.n_trajectories, "trajectories")
        mine = self.trajectory == trajectory
        return self.times[mine], self.channels[mine]
