"""Who asks: a browser's session, known by an id that means nothing, and by the name that its owner chose."""

import hashlib
import secrets
from typing import Any


def visitor(session: dict[str, Any]) -> str:
    """Give the id of a session; a new one is kept in its cookie, so call this where a response starts."""
    if "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(12)
    return str(session["visitor"])


def key(visitor: str) -> str:
    """Tell one session from another where everybody may see it: the id itself is not shown to others."""
    return hashlib.blake2s(visitor.encode(), digest_size=6).hexdigest()


def name_of(session: dict[str, Any]) -> str:
    """Give the name that a session chose, or a guest's, which is the same each time."""
    return str(session.get("name") or f"Guest {int(key(visitor(session)), 16) % 9000 + 1000}")
