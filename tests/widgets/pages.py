"""A page that shows the widget as anywidget does, with the real Python side behind it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Page
from tests.instances import CHECKOUT

from werkplaats_widgets.asking import Help
from werkplaats_widgets.datasets import Datasets

FOLDER = CHECKOUT / "extensions/werkplaats_widgets"
#: What Lab has around a widget: a theme, and colours by name.
_PAGE = """<!DOCTYPE html><html lang="nl"><head><meta charset="utf-8"><title>Notebook</title>
<link rel="stylesheet" href="datasets.css"><link rel="stylesheet" href="help.css"><style>
:root { --jp-layout-color1: #fff; --jp-ui-font-color0: #111; --jp-ui-font-color1: #333 }
[data-jp-theme-light="false"] { --jp-layout-color1: #111; --jp-layout-color2: #222;
  --jp-ui-font-color0: #fff; --jp-ui-font-color1: #ddd; --jp-border-color0: #999; --jp-border-color1: #666 }
body { background: var(--jp-layout-color1); color: var(--jp-ui-font-color0); margin: 8px }
</style></head><body data-jp-theme-light="LIGHT"><main><h1>Notebook</h1><div id="widget"></div></main>
<script type="module">
import widget from './SCRIPT';
const state = START, heard = {}, tell = (name, ...what) => (heard[name] ?? []).forEach(f => f(...what));
const model = {
  get: name => state[name],
  on: (name, f) => (heard[name] ??= []).push(f),
  off: (name, f) => (heard[name] = heard[name].filter(one => one !== f)),
  send: async wish => {
    await window.hold;
    const { now, said } = await window.kernel(wish);
    for (const name of Object.keys(now)) {
      if (JSON.stringify(now[name]) !== JSON.stringify(state[name])) {
        state[name] = now[name];
        tell('change:' + name);
      }
    }
    said.forEach(one => tell('msg:custom', one));
  }
};
window.end = widget.render({ model, el: document.getElementById('widget') });
window.listeners = () => Object.values(heard).flat().length;
</script></body></html>"""


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def files() -> Iterator[str]:
    """Serve the widget's own files, and give their address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(FOLDER)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def show(page: Page, address: str, shown: Datasets | Help, *, dark: bool = False) -> None:
    """Show a widget; what its page sends comes to the widget, and what that changes to the page."""

    def state() -> dict[str, Any]:
        return {
            name: getattr(shown, name) for name in shown.keys if not name.startswith("_") and name != "layout"
        }

    said: list[Any] = []
    shown.send = lambda content, buffers=None: said.append(content)  # type: ignore[method-assign]

    def kernel(wish: Any) -> dict[str, Any]:
        said.clear()
        shown._handle_custom_msg(wish, [])
        return {"now": state(), "said": list(said)}

    page.expose_function("kernel", kernel)
    start = json.dumps(state(), default=str).replace("<", "\\u003c")
    html = _PAGE.replace("LIGHT", "false" if dark else "true").replace("START", start)
    html = html.replace("SCRIPT", "help.js" if isinstance(shown, Help) else "datasets.js")
    html = html.replace('lang="nl"', f'lang="{shown.words["language"]}"', 1)
    page.route("**/page.html", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(address + "page.html")
    page.wait_for_selector(".wp-data")
