"""Full-text search over every content kind: an index on disk that may be thrown away at any time."""

from runner.search.blend import as_hits, blend, deep
from runner.search.index import SearchIndex
from runner.search.query import Found, Hit, NoMeaningError, SearchQuery

__all__ = ("Found", "Hit", "NoMeaningError", "SearchIndex", "SearchQuery", "as_hits", "blend", "deep")
