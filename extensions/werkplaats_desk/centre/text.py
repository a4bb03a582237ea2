"""What people write, as a page shows it: paragraphs, and code between three backticks."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_CODE: Final = re.compile(r"^```[^\n`]*$", re.MULTILINE)


def as_html(text: str) -> Markup:
    r"""Return a text as HTML in which nothing of it is markup.

    >>> as_html("Try <this>:\n```python\nx < 1\n```")
    Markup('<p class="wp-words">Try &lt;this&gt;:</p>\n<pre class="wp-line"><code>x &lt; 1</code></pre>')
    """
    made: list[Markup] = []
    for number, part in enumerate(_CODE.split(text)):
        inner = part.strip("\n")
        if number % 2:
            made.append(Markup('<pre class="wp-line"><code>{}</code></pre>').format(inner))
            continue
        paragraphs = (one.strip() for one in re.split(r"\n\s*\n", inner))
        made.extend(Markup('<p class="wp-words">{}</p>').format(escape(one)) for one in paragraphs if one)
    return Markup("\n").join(made)
