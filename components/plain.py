"""What programs print, as one harmless line."""

import re
import unicodedata

LONGEST_LINE = 1000  # characters

# ECMA-48: colours and cursor movements (CSI), titles and links (OSC and its kin), and the other escapes.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]", re.DOTALL)
# A terminal shows what was written last over it: of a progress bar, its newest state.
_OVERWRITTEN = re.compile(r"^.*\r(?=[^\r])", re.DOTALL)


def one_line(text: object) -> object:
    """Make a text one line that can neither move, colour, hide nor turn around what stands beside it.

    Escapes are taken out, control characters are shown as their pictures, and a line over `LONGEST_LINE` characters
    is cut, with a mark that says how much is gone. What is no text is left to whoever checks it.
    """
    if not isinstance(text, str):
        return text
    if not text.isprintable():
        text = _ESCAPES.sub("", text)
        text = _OVERWRITTEN.sub("", text.rstrip("\r\n")).expandtabs(8)
        text = "".join(map(_shown, text))
    if len(text) > LONGEST_LINE:
        shown = LONGEST_LINE - 40  # with the mark it is no longer than the longest: a second look leaves it alone
        text = f"{text[:shown]} … {len(text) - shown:,} more characters"
    return text


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    kind = unicodedata.category(character)
    if kind in ("Zs", "Cf") and unicodedata.bidirectional(character) not in _TURNING:
        return character  # spaces, and what joins the parts of an emoji
    return chr(0x2400 + ord(character)) if ord(character) < 0x20 else "\N{REPLACEMENT CHARACTER}"


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
