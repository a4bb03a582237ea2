"""``provenance()``: with which data something was made, as the audit shows it, to go with the result."""

from __future__ import annotations

import errno
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
#: What went wrong with a file, and the sentence for it.
_WHY: Final = {
    errno.ENOENT: "no_folder",
    errno.ENOTDIR: "no_folder",
    errno.EACCES: "not_writable",
    errno.EPERM: "not_writable",
    errno.EROFS: "not_writable",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.ENAMETOOLONG: "no_such_name",
}
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
            Where to (``~`` is the home directory); without one, beside the notebook. An older statement
            there is replaced, whole; when something fails, what was there stays.

        Raises
        ------
        NoAnswer
            With a sentence in the person's language.
        """
        where = _folder(folder)
        texts = {where / HTML: self._ask("html"), where / CRATE: self._ask("ro-crate")}
        try:
            _mine(where)
            _write(texts)
        except OSError as wrong:
            raise _refusal(wrong, where) from None
        return where / HTML, where / CRATE

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


def _folder(folder: Path | str | None) -> Path:
    if folder is None:
        return beside()
    try:
        where = Path(folder).expanduser().absolute()
        os.stat(where)  # a name that no folder can have is found here
    except OSError:
        pass  # writing says it better
    except (TypeError, ValueError, RuntimeError):
        raise Refused(say("no_such_name", folder=repr(folder)[:80]), "bad-name") from None
    return where


def _mine(folder: Path) -> None:
    """Refuse where one of the two files stands alone: then it is of something else."""
    there = [name for name in (HTML, CRATE) if os.path.lexists(folder / name)]
    if len(there) == 1:
        raise Refused(say("not_ours", folder=str(folder), file=there[0]), "not-ours")


def _refusal(wrong: OSError, folder: Path) -> Refused:
    """Return a sentence in the person's language: what the system says of it is English."""
    sentence = _WHY.get(wrong.errno or 0)
    if sentence:
        return Refused(say(sentence, folder=str(folder)), "not-saved")
    why = wrong.strerror or type(wrong).__name__
    return Refused(say("not_saved", folder=str(folder), why=why), "not-saved")


def _write(texts: dict[Path, str]) -> None:
    """Write files whole or not at all: first each beside its place, and then all into their places."""
    made: dict[Path, str] = {}
    try:
        for path, text in texts.items():
            handle, made[path] = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(made[path], 0o644)  # as any file that one makes; a temporary one is its maker's alone
        for path in texts:
            os.replace(made[path], path)
            del made[path]
    finally:
        for left in made.values():
            os.unlink(left)
