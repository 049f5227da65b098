"""Every setting once: declared in config/default.toml, checked at the border, handed on as frozen values."""

from runner.settings.load import (
    Loaded,
    SettingChange,
    SettingView,
    declared_options,
    diff,
    is_loopback,
    load_settings,
    without_waiting,
)
from runner.settings.paths import Paths
from runner.settings.tree import Settings

__all__ = [
    "Loaded",
    "Paths",
    "SettingChange",
    "SettingView",
    "Settings",
    "declared_options",
    "diff",
    "is_loopback",
    "load_settings",
    "without_waiting",
]
