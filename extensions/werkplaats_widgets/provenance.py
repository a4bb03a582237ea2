"""``provenance()``: with which data something was made, as the audit shows it, to go with the result."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from werkplaats_widgets.desk import Desk, Refused
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.words import say

_HERE: Final = Path(__file__).parent
#: What a crate's file must be called (RO-Crate 1.1).
CRATE: Final = "ro-crate-metadata.json"
HTML: Final = "provenance.html"
_PROJECT: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}")


class Provenance(anywidget.AnyWidget):
    """The statement of a project, or of this notebook's server.

    Parameters
    ----------
    project
        All that the person mounted in servers of it; without one, what this server mounted.

    Attributes
    ----------
    statement
        A whole page (HTML), as the desk wrote it; empty when there was no answer.
    said
        What became of saving it, or why there is no statement.
    """

    _esm = _HERE / "provenance.js"
    _css = _HERE / "datasets.css"

    words = traitlets.Dict().tag(sync=True)
    statement = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    refused = traitlets.Bool().tag(sync=True)

    def __init__(self, project: str | None = None, **values: Any) -> None:
        title = say("statement_project", project=project) if project else say("statement")
        super().__init__(words={"title": title, "save": say("save")}, **values)
        self._asked = _asked(project)
        self.on_msg(lambda _widget, content, _buffers: self._press() if content == "save" else None)
        try:
            self.statement = self._ask("html")
        except NoAnswer as wrong:
            self.said, self.refused = str(wrong), True

    def save(self, folder: Path | str | None = None) -> tuple[Path, Path]:
        """Write the statement, for people and for machines, and return the two files.

        Parameters
        ----------
        folder
            Where to; without one, beside the notebook. An older statement there is replaced.

        Raises
        ------
        NoAnswer
            With a sentence in the person's language.
        """
        where = Path(folder) if folder is not None else beside()
        html, crate = self._ask("html"), self._ask("ro-crate")
        try:
            if not _may_replace(where):
                raise Refused(say("not_ours", folder=str(where)), "not-ours")
            return _write(where / HTML, html), _write(where / CRATE, crate)
        except OSError as wrong:
            why = wrong.strerror or type(wrong).__name__
            raise Refused(say("not_saved", folder=str(where), why=why), "not-saved") from None

    def _ask(self, form: str) -> str:
        return Desk.of().text("api/provenance", format=form, **self._asked)

    def _press(self) -> None:
        try:
            html, crate = self.save()
        except NoAnswer as wrong:
            self.said, self.refused = str(wrong), True
        else:
            folder = str(html.parent)
            self.said, self.refused = say("saved", html=html.name, crate=crate.name, folder=folder), False

    def __repr__(self) -> str:
        return self.said or f"{self.words['title']}: .save()"


def provenance(project: str | None = None) -> Provenance:
    """Return the statement, to show as the last value of a cell.

    Parameters
    ----------
    project
        All that you mounted in servers of it; without one, what this server mounted.

    Raises
    ------
    Refused
        When a project cannot have that name.
    """
    return Provenance(project)


def beside() -> Path:
    """Return the folder of the notebook that runs this; where there is none, the current one."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return notebook.parent if notebook.is_absolute() and notebook.is_file() else Path.cwd()


def _asked(project: str | None) -> dict[str, str]:
    if project is not None:
        if not isinstance(project, str) or not _PROJECT.fullmatch(project):
            raise Refused(say("no_project", project=repr(project)[:80]), "bad-name")
        return {"project": project}
    job, notebook = os.environ.get("SLURM_JOB_ID", ""), Path(os.environ.get("JPY_SESSION_NAME", "")).name
    return {key: value for key, value in (("job", job), ("notebook", notebook)) if value}


def _may_replace(folder: Path) -> bool:
    """Return whether no crate of something else stands there: ours has its page beside it."""
    return (folder / HTML).exists() or not (folder / CRATE).exists()


def _write(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)  # as any file that one makes; a temporary one is its maker's alone
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path
