"""Shapes as JSON schemas."""

import types
import typing
from typing import Any

import attrs

from web.api.request import Schema


@attrs.define(eq=False)
class Schemas:
    """Turns shapes into schemas; classes come together under their names."""

    named: dict[str, Schema] = attrs.field(factory=dict)

    def of(self, shape: Any) -> Schema:
        if isinstance(shape, dict):
            return shape
        simple = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}.get(shape)
        if simple is not None:
            return {"type": simple}
        origin, inside = typing.get_origin(shape), typing.get_args(shape)
        if origin in (types.UnionType, typing.Union):
            return {"anyOf": [self.of(one) for one in inside]}
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(inside[0])}
        return self._object(shape)

    def _object(self, shape: type) -> Schema:
        name = shape.__name__
        if name not in self.named:
            self.named[name] = {}  # a shape may hold itself
            fields = attrs.fields(typing.cast("type[attrs.AttrsInstance]", shape))
            hints = typing.get_type_hints(shape)
            self.named[name] = {
                "type": "object",
                "description": (shape.__doc__ or "").strip().split("\n")[0],
                "properties": {
                    field.name: {**self.of(hints[field.name]), **field.metadata.get("schema", {})} for field in fields
                },
                "required": [field.name for field in fields if field.default is attrs.NOTHING],
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}
