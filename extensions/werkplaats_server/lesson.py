"""What opens first: the notebook that was asked for, or a page that says that it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

#: The page's address, below the server's own.
PAGE: Final = "werkplaats/lesson"

#: By language: a title, what is the matter, what to do about it, and the link that goes on.
_WORDS: Final = {
    "nl": (
        "Dit notebook is er niet",
        "Je server draait, maar het notebook dat open zou gaan, staat niet in je thuismap:",
        "Volg je een les? Vertel het je docent: die kijkt het pad na, of geeft je het notebook. Staat het "
        "er, laad deze pagina dan opnieuw. Aan jou ligt het niet, en je bestanden zijn er allemaal nog.",
        "Open JupyterLab zonder dit notebook",
    ),
    "en": (
        "This notebook is not there",
        "Your server runs, but the notebook that was to open is not in your home directory:",
        "Do you follow a lesson? Tell your teacher, who checks the path, or gives you the notebook. Once it "
        "is there, load this page again. It is no fault of yours, and your files are all still here.",
        "Open JupyterLab without this notebook",
    ),
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="{language}">
  <head>
    <meta charset="utf-8">
    <title>{title}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
      :root {{ color-scheme: light dark; }}
      body {{ max-width: 40rem; margin: 4rem auto; padding: 0 1.5rem; }}
      body {{ font: 1.125rem/1.6 system-ui, sans-serif; }}
      code {{ overflow-wrap: anywhere; }}
    </style>
  </head>
  <body>
    <main>
      <h1>{title}</h1>
      <p role="alert">{what}<br><code>{path}</code></p>
      <p>{todo}</p>
      <p><a href="{lab}">{on}</a></p>
    </main>
  </body>
</html>
"""


def address(environment: Mapping[str, str], home: Path) -> str:
    """Return where a browser begins, below the server's own address."""
    opened = environment.get("WERKPLAATS_OPEN", "")
    if not opened:
        return "/lab"
    return f"/lab/tree/{quote(opened)}" if (home / opened).is_file() else f"/{PAGE}"


def page(environment: Mapping[str, str], lab: str) -> str:
    """Return the page that says that the lesson is missing.

    Parameters
    ----------
    lab
        The address of Lab.
    """
    language = "nl" if environment.get("WERKPLAATS_LANGUAGE") == "nl" else "en"
    title, what, todo, on = _WORDS[language]
    path = escape(environment.get("WERKPLAATS_OPEN", ""))
    words = {"title": title, "what": what, "todo": todo, "on": on}
    return _PAGE.format(language=language, path=path, lab=escape(lab), **words)


class LessonHandler(JupyterHandler):
    """``GET werkplaats/lesson``: on to the lesson, if it came meanwhile, or the page."""

    def initialize(self, environment: Mapping[str, str]) -> None:
        """Take what the server was started with."""
        self._environment = environment

    @web.authenticated
    def get(self) -> None:
        """Answer."""
        begin = address(self._environment, Path.home())
        if begin != f"/{PAGE}":
            self.redirect(url_path_join(self.base_url, begin))
            return
        self.finish(page(self._environment, url_path_join(self.base_url, "lab")))


def put_up(serverapp: Any, environment: Mapping[str, str]) -> None:
    """Add the page to a server."""
    web_app = serverapp.web_app
    route = url_path_join(web_app.settings["base_url"], PAGE)
    web_app.add_handlers(".*$", [(route, LessonHandler, {"environment": environment})])
