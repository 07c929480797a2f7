"""Who asks: a browser's session, known by an id that means nothing."""

import secrets
from typing import Any


def visitor(session: dict[str, Any]) -> str:
    """Give the id of a session; a new one is kept in its cookie, so call this where a response starts."""
    if "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(12)
    return str(session["visitor"])
