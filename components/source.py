"""Source code as a component: Python with its keywords, strings and comments told apart."""

import io
import keyword
import tokenize
from collections.abc import Iterator
from textwrap import dedent

from fastcore.xml import FT
from fasthtml.components import Code, Pre, Span

KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}
KINDS |= {getattr(tokenize, name): "string" for name in dir(tokenize) if name.startswith("FSTRING_")}


def Source(code: str) -> FT:
    """Show Python source; what is not Python is shown as it is."""
    code = dedent(code).strip("\n")
    try:
        parts = list(_coloured(code))
    except (tokenize.TokenError, SyntaxError):
        parts = [code]
    return Pre(Code(*parts), cls="source", tabindex=0)  # focusable: a long line scrolls, by keyboard too


def _coloured(code: str) -> Iterator[FT | str]:
    starts = [0]
    for line in code.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    done = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = "keyword" if keyword.iskeyword(token.string) or token.string == "@" else KINDS.get(token.type)
        if kind is None or not token.string:
            continue
        begin, end = starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        yield code[done:begin]
        yield Span(code[begin:end], cls=kind)
        done = end
    yield code[done:]
