"""The resident's files as they are served: kinds, the catalogue, safe markdown."""

from runner.content.catalogue import Catalogue, Change, Shelf, scan, update
from runner.content.catalogue_cache import CatalogueCache
from runner.content.changes import MAILBOX, change_event, message_event
from runner.content.entry import Entry, NotAnEntryError, NotMeantError, Stamp, read_entry, strong_etag
from runner.content.kinds import ContentKind, Kinds, parse_kinds, read_kinds
from runner.content.markdown import Markdown, reading_minutes
from runner.content.paths import PathRefusedError, safe_path
from runner.content.remarks import Remark, look_over, told_anew
from runner.content.threads import NewMessage, ThreadPositions

__all__ = (
    "MAILBOX",
    "Catalogue",
    "CatalogueCache",
    "Change",
    "ContentKind",
    "Entry",
    "Kinds",
    "Markdown",
    "NewMessage",
    "NotAnEntryError",
    "NotMeantError",
    "PathRefusedError",
    "Remark",
    "Shelf",
    "Stamp",
    "ThreadPositions",
    "change_event",
    "look_over",
    "message_event",
    "parse_kinds",
    "read_entry",
    "read_kinds",
    "reading_minutes",
    "safe_path",
    "scan",
    "strong_etag",
    "told_anew",
    "update",
)
