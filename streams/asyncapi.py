"""The catalogue as an AsyncAPI 3.0 document, for programs and for what generates them."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from components.described import Action, Stream, Thing

HTTP = "0.3.0"  # the version of the bindings used here
QUERY = {
    "after": {"type": "string", "description": "the last event id seen; the Last-Event-ID header counts more"},
    "format": {"type": "string", "enum": ["html", "json"], "default": "html"},
}
COMMON = {
    "stream-error": {
        "name": "stream-error",
        "summary": "The stream failed, and ends. The data is a reference that the server's log has.",
        "contentType": "text/plain",
        "payload": {"type": "string"},
    },
    "reset": {
        "name": "reset",
        "summary": "What was missed cannot be told (?format=json): fetch the state of these topics anew.",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "properties": {"topics": {"type": "array", "items": {"type": "string"}}},
            "required": ["topics"],
        },
    },
}


def document(things: Sequence[Thing], origin: str) -> dict[str, Any]:
    """Tell of live things; origin: the address of the board, with the slash at its end."""
    streams = [one for thing in things for one in thing.streams]
    actions = [one for thing in things for one in thing.actions]
    titles = {stream.key: thing.title for thing in things for stream in thing.streams}
    titles |= {action.key: thing.title for thing in things for action in thing.actions}
    schemas = Schemas(streams, actions)
    address = urlsplit(origin)
    server = {"host": address.netloc, "protocol": address.scheme}
    if address.path.rstrip("/"):
        server["pathname"] = address.path.rstrip("/")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidewire",
            "version": _version(),
            "description": "Server-sent events, read by GET; what is published is sent by POST, as JSON or as a form.",
        },
        "defaultContentType": "text/html",
        "servers": {"board": server},
        "channels": {
            **{one.key: _channel(one, titles[one.key], _said(one, schemas)) for one in streams},
            **{one.key: _channel(one, titles[one.key], {"body": _body(one, schemas)}) for one in actions},
        },
        "operations": {
            **{f"read-{one.key}": _read(one) for one in streams},
            **{f"send-{one.key}": _send(one) for one in actions},
        },
        "components": {
            "schemas": schemas.definitions,
            "messages": COMMON,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in the file `token` beside the database; a page of the board needs none.",
                }
            },
        },
    }


class Schemas:
    """The contracts of all, each once."""

    def __init__(self, streams: Sequence[Stream], actions: Sequence[Action]) -> None:
        asked: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
        for stream in streams:
            if stream.contract:
                asked[stream.contract, "serialization"] = None
        for action in actions:
            if action.contract:
                asked[action.contract, "validation"] = None
        self._references, schema = models_json_schema(list(asked), ref_template="#/components/schemas/{model}")
        self.definitions: dict[str, Any] = schema.get("$defs", {})

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> Any:
        """Refer to a contract."""
        return self._references[model, mode]


def _version() -> str:
    try:
        return version("tidewire")
    except PackageNotFoundError:  # run from its sources, without having been installed
        return "0"


def _channel(one: Stream | Action, title: str, messages: dict[str, Any]) -> dict[str, Any]:
    channel: dict[str, Any] = {"address": one.path, "title": title, "messages": messages}
    if one.about:
        channel["description"] = one.about
    if one.parameters:
        channel["parameters"] = {name: {"description": f"one that there is: {name}"} for name in one.parameters}
    return channel


def _said(stream: Stream, schemas: Schemas) -> dict[str, Any]:
    """Tell of a stream's messages: as HTML, and where it is shared as JSON too."""
    messages: dict[str, Any] = {}
    for event in stream.events:
        payload: dict[str, Any] = {"type": "string"}
        reference = schemas.of(stream.contract, "serialization") if stream.contract else None
        if reference and stream.media == "application/json":
            payload = reference
        messages[event] = {"name": event, "contentType": stream.media, "payload": payload}
        if reference and payload is not reference:
            messages[event]["summary"] = f"Draws {stream.contract.__name__}." if stream.contract else ""
        if stream.shared and reference:
            messages[f"{event}-json"] = {
                "name": event,
                "summary": "With ?format=json.",
                "contentType": "application/json",
                "payload": reference,
            }
    common = ("stream-error", "reset") if stream.shared else ("stream-error",)
    return messages | {name: {"$ref": f"#/components/messages/{name}"} for name in common}


def _body(action: Action, schemas: Schemas) -> dict[str, Any]:
    payload = schemas.of(action.contract, "validation") if action.contract else {"type": "object"}
    return {"name": "body", "contentType": "application/json", "payload": payload}


def _read(stream: Stream) -> dict[str, Any]:
    query = {name: schema for name, schema in QUERY.items() if stream.shared or name != "format"}
    if stream.query[0]:
        query[stream.query[0]] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    binding = {"method": "GET", "query": {"type": "object", "properties": query}, "bindingVersion": HTTP}
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{stream.key}"},
        "title": f"GET {stream.path}",
        "bindings": {"http": binding},
    }


def _send(action: Action) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{action.key}"},
        "title": f"POST {action.path}",
        "security": [{"$ref": "#/components/securitySchemes/token"}],
        "bindings": {"http": {"method": "POST", "bindingVersion": HTTP}},
    }
