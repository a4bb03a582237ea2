"""What people write, as a page shows it: whatever it is, a browser makes text of it and runs nothing."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest

from werkplaats_desk.centre.text import as_html

#: What has made other pages run something; here each stands in prose, in code and beside a link.
EVIL = [
    "<script>alert(1)</script>",
    "</p><script>alert(1)</script>",
    "</code></pre><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//evil.example",
    'https://evil.example/"onmouseover="alert(1)',
    "https://evil.example/'onmouseover='alert(1)",
    "https://evil.example/`onmouseover=alert(1)",
    "https://evil.example/><script>alert(1)</script>",
    "https://evil.example/&quot;onmouseover=alert(1)",
    "https://evil.example/\tonmouseover=alert(1)",
    'https://evil.example/\\"onmouseover=alert(1)',
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<style>*{background:url(https://evil.example)}</style>",
    "<link rel=stylesheet href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><input name=x>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<x onclick=alert(1)>",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "{{ 7 * 7 }} {% include 'x' %} {{ ''.__class__ }}",
    "{0.__class__} {address} %s %(x)s",
    "```<script>alert(1)</script>```",
    "```html\n<script>alert(1)</script>",
    "```x' onclick=alert(1)\n1\n```",
    "``` ```` ```<img src=x onerror=alert(1)>``` ```",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "<scr\u0000ipt>alert(1)</script>",
]
WRAPPED = ["{}", "before {} after", "```\n{}\n```", "https://example.eu/ {}", "a\n\n{}\nb", "```{}"]
#: All that the rendering makes, and what such a thing may have.
ALLOWED = {"p": set(), "br": set(), "pre": {"tabindex"}, "code": set(), "a": {"href", "target", "rel"}}


class Seen(HTMLParser):
    """What a parser of HTML finds in it: each element is one of ours, and the text is kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.links = "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        assert tag in ALLOWED, tag
        assert {name for name, _value in attrs} <= ALLOWED[tag], attrs
        if tag == "a":
            given = dict(attrs)
            assert (given["href"] or "").startswith(("https://", "http://"))
            assert given["rel"] == "noopener noreferrer nofollow"
            assert given["target"] == "_blank", "with noopener: its page reads nothing of what is kept here"
            self.links.append(given["href"] or "")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """There is none of ours."""
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def seen(text: str) -> Seen:
    """Return what a parser finds."""
    found = Seen()
    found.feed(str(as_html(text)))
    found.close()
    return found


def bare(text: str) -> str:
    """Return a text without what the rendering takes for itself: spaces, and what sets code off."""
    return "".join(text.replace("`", "").split())


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("evil", EVIL)
def test_nothing_is_markup(evil: str, wrapped: str) -> None:
    """Whatever somebody writes, in prose and in code."""
    found = seen(wrapped.format(evil) if wrapped != "{}" else evil)
    assert "alert" not in evil or "alert" in found.text, "it is there to be read"


@pytest.mark.parametrize("evil", [one for one in EVIL if "`" not in one])
def test_nothing_is_lost(evil: str) -> None:
    """What was written can be read as it was written."""
    assert bare(seen(evil).text) == bare(evil)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://example.eu/a?b=1&c=2.", ["https://example.eu/a?b=1&c=2"]),
        ("(http://example.eu) and https://example.eu/x!", ["http://example.eu", "https://example.eu/x"]),
        ("ftp://example.eu mailto:a@example.eu www.example.eu xhttps://example.eu", []),
        ("`https://example.eu/a`", ["https://example.eu/a"]),
        ("```\nhttps://example.eu\n```", []),
    ],
)
def test_links(text: str, links: list[str]) -> None:
    """Of the web alone, without what ends a sentence, and none in code."""
    assert seen(text).links == links


def test_code_and_paragraphs() -> None:
    """Lines stay lines; code keeps its blank lines and its spaces; what is not ended is code to the end."""
    made = str(
        as_html("One\ntwo\n\nthree\n```python\nif x:\n\n    y = 1\n```\nfour ```inline``` five\n```\nrest")
    )
    assert made.split("\n", 2)[:2] == ["<p>One<br>", "two</p>"]
    assert '<pre tabindex="0"><code>if x:\n\n    y = 1</code></pre>' in made
    assert '<pre tabindex="0"><code>inline</code></pre>' in made
    assert made.endswith('<pre tabindex="0"><code>rest</code></pre>')
    assert str(as_html("")) == str(as_html(" \n\n ")) == str(as_html("``````")) == ""


@pytest.mark.parametrize(
    "text", ["```" * 7000, "https://" * 2500, "`" * 20_000, "\n" * 20_000, " \n" * 10_000, "h" * 20_000,
             "```a" * 5000, "https://a" + "." * 19_000, "\n \t" * 6000,
             "```" + " " * 19_990 + "x", "```" + "\t" * 9_990 + "x" + " " * 9_990 + "x"]
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """The longest message, of the kind that makes other patterns run for minutes."""
    began = time.process_time()
    as_html(text)
    assert time.process_time() - began < 0.15


@pytest.mark.parametrize("begins", ["", "python", " \tc++ ", "x-y.z#", "  "])
def test_a_language_is_no_code(begins: str) -> None:
    """Whatever spaces stand around its name."""
    assert str(as_html(f"```{begins}\n1\n```")) == '<pre tabindex="0"><code>1</code></pre>'
