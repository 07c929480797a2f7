"""Names: how people and rooms are called."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NAME_LENGTH = 40
# Within what is seen: of Persian words, and of emoji made of several.
JOINING = re.compile(r"(?<=\S)[\u200c\u200d](?=\S)")


def one_line(text: str) -> str:
    """Take a name as it is read: single spaces, and no signs that nobody sees or that turn the text around."""
    text = " ".join(text.split())
    if not JOINING.sub("", text).isprintable():
        raise ValueError("expected letters, digits and signs that can be seen")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(one_line),
]
