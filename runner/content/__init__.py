"""The resident's files as they are served: kinds, the catalogue, safe markdown."""

from runner.content.catalogue import Catalogue, Change, Problem, Shelf, scan, update
from runner.content.changes import change_event
from runner.content.entry import Entry, NotAnEntryError, Stamp, read_entry, strong_etag
from runner.content.kinds import Kind, Kinds, parse_kinds, read_kinds
from runner.content.markdown import Markdown, reading_minutes
from runner.content.paths import PathRefusedError, safe_path

__all__ = (
    "Catalogue",
    "Change",
    "Entry",
    "Kind",
    "Kinds",
    "Markdown",
    "NotAnEntryError",
    "PathRefusedError",
    "Problem",
    "Shelf",
    "Stamp",
    "change_event",
    "parse_kinds",
    "read_entry",
    "read_kinds",
    "reading_minutes",
    "safe_path",
    "scan",
    "strong_etag",
    "update",
)
