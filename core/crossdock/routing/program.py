"""A mixed-integer program, and HiGHS to solve it."""

from __future__ import annotations

from dataclasses import dataclass, field

import highspy
import numpy as np

from crossdock.routing.tariff import Floats

__all__ = ["Budget", "Program", "Terms", "total"]

Terms = dict[int, float]
"""Factor of each column."""


@dataclass(slots=True)
class Budget:
    """Seconds that the solver may still use."""

    left: float


@dataclass(slots=True)
class Program:
    """Columns and rows of a program being written; every column is at least 0."""

    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[float, float, Terms]] = field(default_factory=list)

    def column(self, upper: float = 1.0, *, whole: bool = True) -> int:
        """Add a column, and give its number."""
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.upper) - 1

    def row(self, terms: Terms, low: float = -highspy.kHighsInf, high: float = highspy.kHighsInf) -> None:
        """Keep the sum of ``terms`` between ``low`` and ``high``."""
        self.rows.append((low, high, terms))

    def keep(self, costs: Terms, values: Floats) -> None:
        """Let the sum of ``costs`` be no higher than with ``values``."""
        reached = total(costs, values)
        self.row(costs, high=reached + 1e-6 * max(1.0, abs(reached)))

    def minimise(
        self, costs: Terms, budget: Budget, start: Floats | None = None, *, share: int = 1
    ) -> tuple[Floats | None, float]:
        """The best values found, searching from ``start``, and the relative gap left; none if there was no time.

        Args:
            share: Into how many parts the budget is divided, of which this may use one.
        """
        if budget.left <= 0:
            return None, 1.0
        solver = _solver(budget.left / share)
        solver.passModel(self._model(costs))
        if start is not None:
            known = highspy.HighsSolution()
            known.col_value = start.tolist()
            solver.setSolution(known)
        solver.run()
        budget.left -= solver.getRunTime()
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            proven = solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible
            return None, 0.0 if proven else 1.0
        proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return np.array(solver.getSolution().col_value), 0.0 if proven else min(float(info.mip_gap), 1.0)

    def _model(self, costs: Terms) -> highspy.HighsLp:
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self.upper), len(self.rows)
        model.col_cost_ = np.array([costs.get(column, 0.0) for column in range(len(self.upper))])
        model.col_lower_ = np.zeros(len(self.upper))
        model.col_upper_ = np.array(self.upper)
        model.row_lower_ = np.array([low for low, _, _ in self.rows])
        model.row_upper_ = np.array([high for _, high, _ in self.rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(terms) for _, _, terms in self.rows)])
        model.a_matrix_.index_ = np.array([c for _, _, terms in self.rows for c in terms], dtype=np.int32)
        model.a_matrix_.value_ = np.array([v for _, _, terms in self.rows for v in terms.values()])
        integer, continuous = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        model.integrality_ = [integer if whole else continuous for whole in self.whole]
        return model

    def admits(self, values: Floats) -> bool:
        """Whether ``values`` break no bound and no row."""
        if (values > np.array(self.upper) + 1e-9).any():
            return False
        return all(low - 1e-6 <= total(terms, values) <= high + 1e-6 for low, high, terms in self.rows)


def total(terms: Terms, values: Floats) -> float:
    """The sum of ``terms`` with ``values`` in the columns."""
    return float(sum(factor * values[column] for column, factor in terms.items()))


def _solver(seconds: float) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("time_limit", seconds),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.5),
        ("threads", 1),
        ("random_seed", 0),
    ):
        solver.setOptionValue(option, value)
    return solver
