"""The best assignment of several jobs at once, by a solver: the yardstick of all other policies.

As many jobs as can be are placed, those of the highest priority first. Among all such assignments the one
with the highest mean score wins, weighted by the jobs' weights, once all of them are placed. The delay part
of the score is a sum over jobs, and over pairs of jobs that talk to each other. The load part of a node, what
is added times what stays free, is no sum; one variable for each possible load makes all of it linear (a
mixed-integer program, solved by HiGHS). Backups are planned afterwards, and count for nothing here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from testbed.errors import NotReadyError
from testbed.placement.linear import LinearProgram, Rows
from testbed.placement.node_choice import Question

MOST_VARIABLES = 20_000
"""Beyond it a solver may take minutes; these are small instances."""

_INFEASIBLE = 2
"""What `milp` calls a program that no assignment satisfies."""


def best_assignment(
    questions: Sequence[Question], together: Sequence[Sequence[int]] = ()
) -> list[int | None]:
    """The node of each job, None for those that are left out; as many as can be are placed.

    `together` has groups of jobs, by their numbers among the questions, that are all placed or all left out.

    Raises:
        NotReadyError: scipy is not installed, the instance is too large, or the solver gave up.
    """
    program = LinearProgram(questions, together)
    if program.columns > MOST_VARIABLES:
        raise NotReadyError(
            f"the policy optimal is for small instances: {len(questions)} jobs on {len(questions[0].fleet)} "
            f"nodes make {program.columns} variables, at most {MOST_VARIABLES} are solved"
        )
    scores, rows = program.gains(), program.constraints()
    everybody = range(len(questions))
    best = _solved(program, scores, rows, program.placed(everybody, len(questions)))
    if best is not None:
        return program.nodes_of(best)
    found = Rows()
    for priority in sorted({question.job.priority for question in questions}, reverse=True):
        alike = [job for job in everybody if questions[job].job.priority == priority]
        most = _solved(program, program.count(alike), rows, found)
        assert most is not None, "to place no job satisfies every constraint"
        found += program.placed(alike, round(float(program.count(alike) @ most)))
    best = _solved(program, scores, rows, found)
    assert best is not None, "so many jobs have just been placed"
    return program.nodes_of(best)


def _solved(
    program: LinearProgram, gains: NDArray[np.float64], rows: Rows, further: Rows
) -> NDArray[np.float64] | None:
    """The values of all variables that make the gains largest; None if nothing satisfies the constraints.

    Raises:
        NotReadyError: scipy is not installed, or the solver gave up.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array
    except ImportError:
        raise NotReadyError(
            "the policy optimal needs scipy: install it, or the testbed with its extra dev"
        ) from None
    together = rows + further
    matrix = csr_array(
        (together.values, (together.rows, together.columns)), shape=(len(together.lower), program.columns)
    )
    solved = milp(
        c=-gains,
        constraints=LinearConstraint(matrix, together.lower, together.upper),
        bounds=Bounds(0, program.most()),
        integrality=program.whole(),
        # Without it the solver stops one part in ten thousand below the optimum.
        options={"mip_rel_gap": 0},
    )
    if solved.status == _INFEASIBLE:
        return None
    if solved.x is None or not solved.success:
        raise NotReadyError(f"the solver found no assignment: {solved.message}")
    values: NDArray[np.float64] = solved.x
    return values
