"""The OpenAPI document, made from what the routes declare."""

import re
import typing
from http import HTTPStatus
from importlib.metadata import version

import attrs
from quart import Quart
from werkzeug.routing import Rule

from web.api.operations import Error, Operation, operation_of
from web.api.request import Schema
from web.api.schemas import Schemas
from web.server.auth import API, needs_key

PARAMETER = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
KEY = "serviceKey"
REFUSED: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
OWN = (f"{API}/docs", f"{API}/openapi.json")
"""What describes the API is no part of it."""


def document(app: Quart) -> Schema:
    """Every route of the API, with what was declared of it."""
    schemas = Schemas()
    paths: dict[str, Schema] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(API + "/") and rule.rule not in OWN:
            operations = paths.setdefault(PARAMETER.sub(r"{\1}", rule.rule), {})
            for method in METHODS:
                if method in (rule.methods or ()):
                    operations[method.lower()] = _operation(app, rule, method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "claude-runner",
            "version": version("claude-runner"),
            "description": "What the resident writes and does, for the site that shows it.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "securitySchemes": {KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _operation(app: Quart, rule: Rule, method: str, schemas: Schemas) -> Schema:
    declared = operation_of(app, rule.endpoint) or Operation(answers={}, summary="Not described yet")
    path = PARAMETER.sub(r"{\1}", rule.rule)
    found: Schema = {
        "summary": declared.summary,
        "operationId": f"{method.lower()} {path.removeprefix(API)}",
        "responses": _responses(declared, path, schemas),
        "security": [{KEY: []}] if needs_key(path) else [],
    }
    parameters = [_parameter("path", name, declared.path.get(name, {}), required=True) for name in _names(rule)]
    parameters += _query(declared, schemas)
    parameters += [_parameter("header", name, schema, required=False) for name, schema in declared.headers.items()]
    if parameters:
        found["parameters"] = parameters
    if declared.body is not None:
        content = {"application/json": {"schema": schemas.of(declared.body)}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _responses(declared: Operation, path: str, schemas: Schemas) -> Schema:
    found: Schema = {}
    for status, shape in declared.answers.items():
        media = declared.media if status < 300 else "application/json"
        found[str(status)] = _response(status, schemas.of(shape), media)
    if any(status == 200 for status in declared.answers):
        found["304"] = {"description": "the client has it: If-None-Match names its ETag"}
    if needs_key(path):
        for status in (401, 403):
            usual = found.get(str(status))
            schema = REFUSED if usual is None else {"anyOf": [REFUSED, schemas.of(Error)]}
            found[str(status)] = _response(status, schema, "application/json")
    if declared.body is not None:
        found["413"] = _response(413, schemas.of(Error), "application/json")
    return found or {"default": {"description": "not described yet"}}


def _response(status: int, schema: Schema, media: str) -> Schema:
    return {"description": HTTPStatus(status).phrase, "content": {media: {"schema": schema}}}


def _query(declared: Operation, schemas: Schemas) -> list[Schema]:
    if declared.query is None:
        return []
    hints = typing.get_type_hints(declared.query)
    found = []
    for field in attrs.fields(typing.cast("type[attrs.AttrsInstance]", declared.query)):
        schema = {
            **schemas.of(hints[field.name]),
            **field.metadata.get("schema", {}),
            **declared.query_rules.get(field.name, {}),
        }
        if field.default is not attrs.NOTHING:
            schema["default"] = field.default
        found.append(_parameter("query", field.name, schema, required=field.default is attrs.NOTHING))
    return found


def _parameter(where: str, name: str, schema: Schema, *, required: bool) -> Schema:
    return {"name": name, "in": where, "required": required, "schema": schema or {"type": "string"}}


def _names(rule: Rule) -> list[str]:
    return PARAMETER.findall(rule.rule)
