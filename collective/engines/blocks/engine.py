r"""The exact collective master equation without drive and pump, by excitation number.

Excitations only leave: ρ is blocks of C(N, k)² instead of 4^N, each fed by the one above it, and
coherences between different k never reach ⟨σ⁺_mσ⁻_n⟩, so they are left out. The Liouvillian is
block triangular; its spectrum, that of H_eff in each sector, lies in an ellipse known beforehand,
on which e^{𝓛t} is expanded in Faber polynomials (`_faber`): an application of the generator per
term, over steps of a lifetime and more, and the moments ⟨O F_j⟩ give every output time at no cost.
Blocks whose population has decayed below the tolerance are dropped from the top: the trace norm of
a positive block is its trace, so the error this makes is known.

Permutations of the emitters that change neither couplings nor state (the reversal of a chain is
found by itself) are used to keep one column per orbit; see `_blocks_tables`.

Where nothing decays at all, ρ is turned as the vectors it consists of; see `_unitary`.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from collective._tools.progress import Progress
from collective.couplings.couplings import Couplings
from collective.engines.base import Checkpoint, Clock, Run, nothing_left
from collective.engines.basis import initial
from collective.engines.basis.permutations import group
from collective.engines.basis.sectors import LARGEST
from collective.engines.blocks import unitary
from collective.engines.blocks.size import cost as cost
from collective.engines.measures import pair_fields
from collective.engines.request import Request
from collective.states import inverted

if TYPE_CHECKING:
    from collective.results.result import Result

_LARGEST_DEPHASED = 24  # emitters: a table of 2^N rates
_COMPILING = 4.0  # seconds


def refusal(request: Request) -> str | None:
    """Drives, pumps, and what only a whole density matrix has."""
    problem = request.problem
    if not isinstance(problem, Couplings):
        return "method 'blocks' takes Couplings, not a MasterEquation"
    if np.any(problem.drive) or np.any(problem.pump):
        what = "drive" if np.any(problem.drive) else "pump"
        return f"method 'blocks' needs a falling excitation number, but there is a {what}"
    if (unknown := initial.refusal(request, "blocks")) is not None:
        return unknown
    if request.operators or "states" in request.words:
        return "method 'blocks' keeps no whole density matrix for operators and states"
    if len(problem) > (_LARGEST_DEPHASED if np.any(problem.dephasing) else LARGEST):
        return (
            f"method 'blocks' ends at {LARGEST} emitters ({_LARGEST_DEPHASED} with dephasing), got "
            f"{len(problem)}"
        )
    return None


def run(request: Request, earlier: "Result | None", checkpoint: Checkpoint | None) -> Run:
    """Expand e^{𝓛t} step by step; Ctrl-C comes back in `Run.failure`, after whole steps."""
    if earlier is not None and earlier.complete:
        return nothing_left(earlier)
    if unitary.unitary(request):
        group(request)  # symmetries that are none are refused here too
        return unitary.run(request, earlier, checkpoint)
    from collective.engines.blocks.expansion import Expansion

    compile_kernels(request.progress)
    clock = Clock(checkpoint)
    failure: BaseException | None = None
    work = Expansion(request)

    def report() -> Run:
        moments = np.concatenate([moments for _, moments in work.steps])
        done = work.reached == len(request.times)
        return Run(
            pair_fields(request.couplings.decay, moments),
            {**clock.diagnostics(), **work.diagnostics},
            failure,
            {} if done else work.resume(),
        )

    work.begin(earlier)
    clock.first(report)
    try:
        with work, Progress(1000, "evolving (blocks)", show=request.progress) as bar:
            while work.reached < len(request.times):
                work.step(bar, clock.look)
                clock.keep(report)
    except (KeyboardInterrupt, Exception) as error:
        failure = error
    finished = report()
    clock.last(finished)
    return finished


@cache
def compile_kernels(show: bool) -> None:
    """Compile, or read from the cache, on two emitters."""
    from collective._tools.compiled import announced
    from collective.engines.blocks.expansion import Expansion

    with announced("the blocks engine", _COMPILING, show=show):
        pair = Request(Couplings(np.eye(2), np.zeros((2, 2))), inverted(), np.arange(2.0))
        work = Expansion(pair)
        work.begin(None)
        with work:
            work.step(None, lambda: None)
