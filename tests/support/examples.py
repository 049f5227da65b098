"""Asks a served site what its own document says may be asked, with values that nobody thought of."""

from collections.abc import Iterable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

STREAMS = ("/api/v1/session/stream", "/api/v1/events/stream")
"""They end when the client goes; their own tests have them."""
# a 500 is declared nowhere; a 503 is an answer where it is declared
CHECKED = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
KEY = "the service key"


def ask_everything(document: dict[str, Any], url: str, *, examples: int, seed: int = 0) -> dict[str, int]:
    """Ask each operation so many times, by halves with values as declared and with others; raises at the first
    answer that the document doesn't tell of. Gives how often each was asked. Blocking.
    """
    schema = schemathesis.openapi.from_dict(document)
    checks = CHECKS.get_by_names(list(CHECKED))
    asked: dict[str, int] = {}

    def ask(case: Any) -> None:
        name = f"{case.method.upper()} {case.path}"
        asked[name] = asked.get(name, 0) + 1
        case.call_and_validate(base_url=url, headers={"X-API-Key": KEY}, checks=checks, timeout=20)

    operations: Iterable[Any] = schema.get_all_operations()
    for found in operations:
        operation = found.ok()
        if operation.path in STREAMS:
            continue
        modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if _takes_anything(operation) else [])]
        chosen = settings(
            max_examples=max(1, examples // len(modes)),
            deadline=None,
            database=None,
            derandomize=not seed,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        for mode in modes:
            chosen(given(case=operation.as_strategy(generation_mode=mode))(ask))()
        while asked[f"{operation.method.upper()} {operation.path}"] < examples:  # what takes nothing is soon exhausted
            chosen(given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))(ask))()
    return asked


def _takes_anything(operation: Any) -> bool:
    return bool(operation.path_parameters or operation.query or operation.body)
