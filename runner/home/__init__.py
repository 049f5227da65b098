"""The home as a place: its folders, its lock, and how a new one is made."""

from runner.home.init import InitMark, InitReport, init_home, made_by_init
from runner.home.lock import Holder, HomeLock, read_holder
from runner.home.tree import FOLDERS, Folder, make_tree, require_home

__all__ = [
    "FOLDERS",
    "Folder",
    "Holder",
    "HomeLock",
    "InitMark",
    "InitReport",
    "init_home",
    "made_by_init",
    "make_tree",
    "read_holder",
    "require_home",
]
