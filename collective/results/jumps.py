"""The jump record of trajectories: when each jump came, in which channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collective._tools import checks


@dataclass(frozen=True, eq=False)
class Jumps:
    """The jump record of trajectories: J jumps, in order of trajectory and time.

    Of couplings that only decay each jump is a photon; dephasing and a pump have jumps of their
    own.

    Attributes:
        trajectory: (J,), which trajectory each belongs to.
        times: (J,), when.
        channels: (J,), the jump operator: an eigenvector of Γ, `Modes.jump_vectors[:, channel]`;
            of driven, pumped or dephased emitters `Couplings.collapse_operators()[channel]`.
        n_trajectories: how many there are, those without a jump included.
    """

    trajectory: NDArray[np.int64]
    times: NDArray[np.float64]
    channels: NDArray[np.int64]
    n_trajectories: int

    __setstate__ = checks.restored

    def __post_init__(self) -> None:
        checks.lock(vars(self))

    def __len__(self) -> int:
        return len(self.times)

    def of(self, trajectory: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times and channels of one trajectory, 0 … n_trajectories − 1.

        Raises:
            ValueError: if there is no such trajectory.
        """
        trajectory = checks.index("trajectory", trajectory, self.n_trajectories, "trajectories")
        mine = self.trajectory == trajectory
        return self.times[mine], self.channels[mine]
