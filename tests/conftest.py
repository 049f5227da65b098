"""Fixtures for every test; kept in modules of their own."""

from tests.support.fixtures import demo_home, join

__all__ = ("demo_home", "join")
