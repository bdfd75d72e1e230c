"""The part of JSON Schema that parameters are written in.

A manager has checked them by all of it before it sends a task; this is for managers that have
not. What is not known here is not checked here.
"""

import re
from typing import Any

_TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
}


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def problem(schema: Any, value: Any, where: str = "") -> str | None:
    """Returns what is wrong with a value, or None."""
    if not isinstance(schema, dict):
        return None
    named = f"{where}: " if where else ""
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind](value) for kind in kinds if kind in _TYPES):
        return f"{named}is not of type {' or '.join(kinds)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{named}is none of {schema['enum']}"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{named}is not {schema['const']!r}"
    if _is_number(value):
        return _of_number(schema, value, named)
    if isinstance(value, str):
        return _of_text(schema, value, named)
    if isinstance(value, list):
        return _of_list(schema, value, where, named)
    if isinstance(value, dict):
        return _of_object(schema, value, where, named)
    return None


def _same(one, other):
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _of_number(schema, value, named):
    for key, is_wrong in [
        ("minimum", lambda limit: value < limit),
        ("maximum", lambda limit: value > limit),
        ("exclusiveMinimum", lambda limit: value <= limit),
        ("exclusiveMaximum", lambda limit: value >= limit),
    ]:
        if key in schema and is_wrong(schema[key]):
            return f"{named}{value} is against the {key} of {schema[key]}"
    return None


def _of_text(schema, value, named):
    if len(value) < schema.get("minLength", 0):
        return f"{named}is shorter than {schema['minLength']}"
    if len(value) > schema.get("maxLength", len(value)):
        return f"{named}is longer than {schema['maxLength']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{named}does not match {schema['pattern']}"
    return None


def _of_list(schema, value, where, named):
    if len(value) < schema.get("minItems", 0):
        return f"{named}has fewer than {schema['minItems']} items"
    if len(value) > schema.get("maxItems", len(value)):
        return f"{named}has more than {schema['maxItems']} items"
    items = (problem(schema.get("items"), one, f"{where}[{at}]") for at, one in enumerate(value))
    return next(filter(None, items), None)


def _of_object(schema, value, where, named):
    for name in schema.get("required", []):
        if name not in value:
            return f'{named}"{name}" is missing'
    known = schema.get("properties", {})
    for name, one in value.items():
        if name not in known and schema.get("additionalProperties") is False:
            return f'{named}there is no parameter "{name}"'
        below = known.get(name, schema.get("additionalProperties"))
        if found := problem(below, one, f"{where}.{name}" if where else name):
            return found
    return None
