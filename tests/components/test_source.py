import html
import re
from textwrap import dedent

import pytest
from fastcore.xml import to_xml

from components.source import Source

GENERATOR = '''
    @per_tab("counter")
    async def counter(start: int = 0):
        """Count <seconds>,
        line by line."""
        async for n, now in every(1.0, start=start):  # on the grid
            yield sse_message(Counter(n, now), event=f"counter {n}", id=n)
'''


def shown(code: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", to_xml(Source(code))))


@pytest.mark.parametrize("code", [GENERATOR, "not python (", "'''never ended", "", "x = 1"])
def test_source_is_shown_as_it_is_but_for_its_indentation(code):
    assert shown(code).strip("\n") == dedent(code).strip("\n")


def test_keywords_strings_numbers_and_comments_are_told_apart():
    drawn = to_xml(Source(GENERATOR))
    assert '<span class="keyword">yield</span>' in drawn
    assert '<span class="number">1.0</span>' in drawn
    assert '<span class="comment"># on the grid</span>' in drawn
    assert (
        '<span class="string">&quot;counter&quot;</span>' in drawn or '<span class="string">"counter"</span>' in drawn
    )
