"""Names: how people and rooms are called."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NAME_LENGTH = 40


def one_line(text: str) -> str:
    """Take a name as it is read: single spaces, and no signs that nobody sees or that turn the text around."""
    text = " ".join(text.split())
    if not text.isprintable():
        raise ValueError("expected letters, digits and signs that can be seen")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(one_line),
]
