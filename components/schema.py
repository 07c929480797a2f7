"""A contract's fields as a table, read from its JSON schema."""

from collections.abc import Iterator
from typing import Any

from fastcore.xml import FT
from fasthtml.components import Code, Div, Small, Table, Tbody, Td, Th, Thead, Tr

LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "default": "default {}",
}


def Fields(schema: dict[str, Any]) -> FT:
    """Tell of each field: its name, its type, and what it means."""
    named = schema.get("$defs", {})
    needed = schema.get("required", ())
    rows = [
        Tr(
            Td(Code(name), None if name in needed else Small(" optional")),
            Td(kind(field, named)),
            Td("; ".join(meaning(field)), cls="title"),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    head = Thead(Tr(Th("Field", scope="col"), Th("Type", scope="col"), Th("Meaning", scope="col")))
    table = Table(head, Tbody(*rows), cls="fields")
    return Div(table, cls="table-wrap", tabindex=0, role="region", aria_label=f"Fields of {schema.get('title', '')}")


def kind(field: dict[str, Any], named: dict[str, Any]) -> str:
    """Say a field's type in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return kind(named[name], {}) if "enum" in named.get(name, {}) else name
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in field:
            return " | ".join(kind(one, named) for one in field[several])
    if field.get("type") == "array":
        return f"array of {kind(field.get('items', {}), named)}"
    return str(field.get("format") or field.get("type", "any"))


def meaning(field: dict[str, Any]) -> Iterator[str]:
    """Say what a field means, and what it may be."""
    if field.get("description"):
        yield field["description"].rstrip(".")
    told = {key: f"{value:g}" if isinstance(value, float) else value for key, value in field.items()}
    limits = [said.format(told[key]) for key, said in LIMITS.items() if told.get(key) not in (None, "")]
    limits = ["not empty" if one == "at least 1 characters" else one for one in limits]
    if limits:
        yield ", ".join(limits)
