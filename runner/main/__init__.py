"""The composition root: the only place that knows everything. It builds what outlives actors, then runs the tree."""

from runner.main.process import run

__all__ = ["run"]
