"""What people write in a question, as HTML: paragraphs, code, links; all of it escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

#: Code stands between three backticks, after which a language may be named; what is not ended is code.
#: Spaces that were taken are not given back: of many of them, two runs would share them in every way.
_CODE: Final = re.compile(r"```(?:[ \t]*+(?:[\w+#.-]{1,20}+[ \t]*+)?\n)?(.*?)(?:```|\Z)", re.DOTALL)
#: An address of the web. What ends a sentence, or what a sentence has around it, is no part of it.
_LINK: Final = re.compile(r"\bhttps?://[^\s<>\"'`\\{}|^]{1,2000}")
_ENDS: Final = ".,;:!?)]*_"
#: In a tab of its own, which shares no storage with this one: what somebody is writing is kept in that, and
#: a link can lead to a page of somebody's server, on the same host.
_A: Final = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>')


def as_html(text: str) -> Markup:
    r"""Return a text as HTML that a page can hold, whatever the text is.

    >>> print(as_html("See http://a.eu.\n\n```python\n1 < 2\n```"))
    <p>See <a href="http://a.eu" target="_blank" rel="noopener noreferrer nofollow">http://a.eu</a>.</p>
    <pre tabindex="0"><code>1 &lt; 2</code></pre>
    """
    return Markup("\n").join(_parts(text))


def _parts(text: str) -> Iterator[Markup]:
    at = 0
    for code in _CODE.finditer(text):
        yield from _paragraphs(text[at : code.start()])
        inside = code[1].strip("\n")
        if inside.strip():
            # It can be wider than the page: with the keyboard one goes there, and then sideways.
            yield Markup('<pre tabindex="0"><code>{}</code></pre>').format(inside)
        at = code.end()
    yield from _paragraphs(text[at:])


def _paragraphs(text: str) -> Iterator[Markup]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if paragraph.strip():
            lines = paragraph.strip("\n").split("\n")
            yield Markup("<p>{}</p>").format(Markup("<br>\n").join(_linked(line) for line in lines))


def _linked(line: str) -> Markup:
    out, at = Markup(""), 0
    for found in _LINK.finditer(line):
        address = found[0].rstrip(_ENDS)
        out += escape(line[at : found.start()])
        out += _A.format(address)
        at = found.start() + len(address)
    return out + escape(line[at:])
