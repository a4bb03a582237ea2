"""``datasets()``: what data there is, on what terms, and one button to use it.

The widget is not the boundary: it asks with the server's own token, the desk decides, and the mount
daemon checks what the desk signed. The page in the browser shows texts and sends wishes; it never
holds a token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from werkplaats_widgets import cards, mounting
from werkplaats_widgets.desk import Desk
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.mounting import Mounted
from werkplaats_widgets.words import WORDS, language, say

_HERE: Final = Path(__file__).parent
#: How old the desk's answer may be when a page that is shown asks what is new (s).
_OLD: Final = 60
_FIELDS: Final = ("project", "purpose", "until")


def catalogue() -> tuple[cards.Dataset, ...]:
    """Return every dataset that is offered, and where this person stands.

    Raises
    ------
    NoAnswer
        With a sentence in the person's language.
    """
    return cards.many(Desk.of().get("api/datasets"))


class Datasets(anywidget.AnyWidget):
    """The cards; they print as plain text.

    Attributes
    ----------
    project, projects
        This server's project, and those for which data can be asked; empty until somebody asks.
    offered
        What each card shows, in the desk's order.
    details
        What the opened ones show, by dataset.
    mounted
        What is mounted in this server, by dataset: its ``path``, ``code`` and what it means.
    said
        The last sentence beside a card, by dataset: its ``text``, and whether it is a ``refusal``.
    trouble
        Why the last look at desk or mount daemon had no answer; empty when it had.
    own_mounts
        Whether this machine gives a server mounts of its own.
    """

    _esm = _HERE / "datasets.js"
    _css = _HERE / "datasets.css"

    words = traitlets.Dict().tag(sync=True)
    project = traitlets.Unicode().tag(sync=True)
    projects: traitlets.List[Any] = traitlets.List().tag(sync=True)
    offered: traitlets.List[Any] = traitlets.List().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    mounted = traitlets.Dict().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)
    own_mounts = traitlets.Bool(True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(words=WORDS[language()], project=os.environ.get("SLURM_JOB_ACCOUNT", ""), **values)
        self._known: dict[str, cards.Dataset] = {}
        self._looked = 0.0
        self.on_msg(lambda _widget, content, _buffers: self._hear(content))
        self.refresh()

    def refresh(self) -> None:
        """Ask the desk and the mount daemon again."""
        trouble = ""
        try:
            self._known = {found.id: found for found in catalogue()}
            self._looked = time.monotonic()
            self.offered = [cards.card(found) for found in self._known.values()]
        except NoAnswer as wrong:
            trouble = str(wrong)
        self._look_at_mounts(trouble)

    def look(self) -> None:
        """See what is mounted, and ask the desk again when its answer is old."""
        if self.trouble or time.monotonic() - self._looked > _OLD:
            self.refresh()
        else:
            self._look_at_mounts("")

    def _look_at_mounts(self, trouble: str) -> None:
        try:
            now = {found.dataset: self._shown(found) for found in mounting.mounted()}
            self.own_mounts = mounting.own_mounts()
        except NoAnswer as wrong:
            self.trouble = trouble or str(wrong)
            return
        gone = [name for name in self.mounted if name not in now]
        self.mounted, self.trouble = now, trouble
        if gone:
            self._say_gone(gone)

    def _say_gone(self, gone: list[str]) -> None:
        """Say what was taken away without a press of the button here."""
        try:
            stands = {found.id: found.standing for found in catalogue()}
        except NoAnswer:
            stands = {}
        for name in gone:
            kept = name not in stands or stands[name] in ("free", "granted")
            self._say(name, say("gone" if kept else "revoked", title=self._title(name)), refusal=True)
        self._looked = 0.0

    def mount(self, name: str) -> None:
        """Mount one."""
        path = mounting.mount(name)
        self._look_at_mounts("")
        self._say(name, say("is_mounted", title=self._title(name), path=str(path)))

    def unmount(self, name: str) -> None:
        """Unmount one."""
        mounting.unmount(name)
        self.mounted = {key: value for key, value in self.mounted.items() if key != name}
        self._say(name, say("unmounted", title=self._title(name)))

    def accept(self, name: str) -> None:
        """Accept the terms that were shown, and mount it."""
        Desk.of().post(f"api/datasets/{name}/acceptance", version=self._known[name].version)
        self.refresh()
        self.mount(name)

    def show(self, name: str) -> None:
        """Ask the desk for what an opened card shows."""
        found = cards.one(Desk.of().get(f"api/datasets/{name}"))
        if found.tier == "restricted":
            self.projects = [str(project) for project in Desk.of().get("api/projects")]
        self.details = {**self.details, name: cards.details(found)}

    def apply(self, name: str, project: str, purpose: str, until: str) -> None:
        """Send an application to the steward."""
        told = {"project": project.strip(), "purpose": purpose.strip(), "until": until}
        if not all(told.values()):
            raise NoAnswer(say("required"))
        Desk.of().post(f"api/datasets/{name}/applications", version=self._known[name].version, **told)
        self.refresh()
        self._say(name, say("applied"))

    def _hear(self, content: Any) -> None:
        """Do what the page asks, when it is one of the things that it can ask."""
        wish = content if isinstance(content, dict) else {}
        does, name = wish.get("do"), wish.get("id", "")
        try:
            if does in ("look", "refresh"):
                {"look": self.look, "refresh": self.refresh}[does]()
            elif isinstance(name, str) and name in self._known:
                self._do(str(does), name, wish)
        finally:
            self.send({"done": does, "id": name})

    def _do(self, does: str, name: str, wish: dict[str, Any]) -> None:
        acts: dict[str, Callable[[str], None]] = {
            "mount": self.mount,
            "unmount": self.unmount,
            "accept": self.accept,
            "show": self.show,
            "apply": lambda it: self.apply(it, *(str(wish.get(key, "")) for key in _FIELDS)),
        }
        if does not in acts:
            return
        self._say(name, "")
        try:
            acts[does](name)
        except NoAnswer as wrong:
            self._say(name, str(wrong), refusal=True)

    def _say(self, name: str, text: str, *, refusal: bool = False) -> None:
        self.said = {**self.said, name: {"text": text, "refusal": refusal}}

    def _title(self, name: str) -> str:
        return self._known[name].title if name in self._known else name

    def _shown(self, found: Mounted) -> dict[str, str]:
        ends = say("alone_ends", moment=cards.moment(found.ends_at)) if found.ends_at else say("alone_job")
        return {
            "path": found.path,
            "version": found.version,
            "code": self._code(found),
            "means": f"{say('alone')} {ends}" if found.alone else "",
        }

    def _code(self, found: Mounted) -> str:
        """Return the line that reads it: the record's own, or one that lists its files."""
        record = self._known.get(found.dataset)
        line = record.read_with if record and record.read_with else "import os; os.listdir('{path}')"
        return line.strip().replace("{path}", found.path)

    def __repr__(self) -> str:
        lines = [_line(shown, self.mounted.get(shown["id"])) for shown in self.offered]
        return "\n".join([*lines, *([self.trouble] if self.trouble else [])] or [say("empty")])


def _line(shown: dict[str, Any], mounted: dict[str, str] | None) -> str:
    where = f"{mounted['path']}  {mounted['code']}" if mounted else shown["stands"]
    facts = f"{say(shown['tier'])}, {shown['size']}, {shown['version']}"
    return f"{shown['id']}: {shown['title']} ({facts}). {where}"


def datasets() -> Datasets:
    """Return the cards, to show as the last value of a cell."""
    return Datasets()
