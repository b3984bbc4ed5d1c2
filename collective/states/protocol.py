"""The protocol `State`, and the classes of states that a file can hold."""

from typing import Any, Protocol, runtime_checkable

from collective.couplings.excitation import Amplitudes
from collective.states import level_states, recipes

OWN = (
    recipes.Inverted,
    recipes.Ground,
    recipes.Single,
    recipes.Dicke,
    recipes.TimedDicke,
    recipes.Product,
    recipes.Mixed,
    level_states.Levels,
    level_states.LevelProduct,
    Amplitudes,
)


@runtime_checkable
class State(Protocol):
    """A state of N two-level emitters, for every N that it exists for.

    A class of your own is a state if it has `excitations`, `symmetric` and one of these three:

    - ``amplitudes(excited, emitters)``: the amplitude of each of B configurations, (B,) complex.
      ``excited`` is (B, N), true where an emitter is excited. ``emitters`` are `Emitters`, a
      `Multilevel`, or None where their places are not known.
    - ``spinors(n)``: the amplitudes of "excited" and "ground" of each emitter, (n, 2) complex, of a
      product state.
    - ``probabilities(n)``: the probability that each emitter is excited, (n,), of a mixture of
      independent emitters without coherence. It is ignored if the class has one of the other two,
      which are those of pure states.

    Each engine asks for the configurations that it keeps and for no others. It refuses a state that
    has none of the three. ``levels(multilevel)`` is optional: the level that each emitter
    of a `MasterEquation` occupies, for states that exist for more than two levels. ``str(state)``
    is the name that results and error messages show; a frozen dataclass has a good one.

    A state of `Atoms` with manifolds has one of these two:

    - ``level_vectors(atoms)``: the amplitudes of the levels of each atom, (N, L) complex, of a
      product state.
    - ``one_excitation(atoms)``: the amplitude of each excited level of each atom, (N, n_e)
      complex, of one excitation above the only ground level.

    Example:
        Two amplitudes on the first two of N emitters:

        >>> from dataclasses import dataclass
        >>> import numpy as np, collective as co
        >>> @dataclass(frozen=True)
        ... class Split:
        ...     weight: float
        ...     def excitations(self, n):
        ...         return 1
        ...     def symmetric(self, n):
        ...         return False
        ...     def amplitudes(self, excited, emitters=None):
        ...         first = excited[:, 0] * np.sqrt(self.weight)
        ...         second = excited[:, 1] * np.sqrt(1 - self.weight)
        ...         return (excited.sum(axis=1) == 1) * (first + second + 0j)
        >>> pair = co.couple(co.chain(2, 0.1), co.Vacuum())
        >>> co.evolve(pair, Split(0.8), [0, 1.0]).populations[0].round(12)
        array([0.8, 0.2])
    """

    def excitations(self, n: int) -> Any:
        """How many of n emitters are excited.

        Args:
            n: number of emitters.

        Returns:
            A whole number, 0 to n. For several numbers, the probability of each number, (n + 1,),
            or None where it is not known or follows from `spinors` or `probabilities`.

        Raises:
            ValueError: if the state does not exist for n emitters.
        """
        ...

    def symmetric(self, n: int) -> bool:
        """Whether no permutation of n emitters changes the state, wherever they are.

        Args:
            n: number of emitters.
        """
        ...
