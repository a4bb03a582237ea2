"""What came with a question, laid out for an expert to read; and as a file to keep."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from werkplaats_desk.centre import notebook
from werkplaats_desk.centre.models import Attachment, Message, Ticket
from werkplaats_desk.centre.notebook import NOTHING, Notebook, Part, Room
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.words import gettext as _

#: What is larger has a page of its own (bytes), and what the ticket's page reads altogether (bytes).
_BESIDE: Final = 512 * 1024
_BESIDE_ALL: Final = 1024 * 1024
#: What is shown of one text (characters) and of the environment (lines).
_MOST_TEXT: Final = 100_000
_MOST_LINES: Final = 500
#: What ends matters more than what began: the rest of these is cut off at the front.
_TAILS: Final = frozenset({"error", "log"})
_OPEN: Final = frozenset({"error", "cell"})

#: A notebook of many megabytes is many times that while it is read.
_one_at_a_time = threading.Lock()

#: Names of files that a reader's machine opens as text.
_TEXTS: Final = re.compile(r"\.(txt|csv|json|md|log|py|toml|ya?ml|ipynb)$", re.IGNORECASE)


@dataclass(frozen=True)
class Laid:
    """An attachment as a page shows it.

    Attributes
    ----------
    shape
        ``text``, ``table``, ``notebook``, or ``elsewhere`` for what has a page of its own.
    summary
        An error's last line.
    open
        Whether it is read at once.
    odd
        Whether a notebook is none: it is shown as text.
    from_end
        Whether what is not shown stood before.
    """

    id: int
    kind: str
    name: str
    size: int
    shape: Literal["text", "table", "notebook", "elsewhere"] = "elsewhere"
    part: Part = NOTHING
    rows: tuple[tuple[str, str], ...] = ()
    notebook: Notebook = field(default_factory=lambda: Notebook(()))
    summary: str = ""
    open: bool = False
    odd: bool = False
    from_end: bool = False


def beside(session: Session, attachments: Sequence[Attachment]) -> dict[int, bytes]:
    """Return the contents that a ticket's page reads: of what is small, until there is enough."""
    wanted, left = [], _BESIDE_ALL
    for one in attachments:
        if one.size <= min(_BESIDE, left):
            wanted.append(one.id)
            left -= one.size
    asked = select(Attachment.id, Attachment.content).where(Attachment.id.in_(wanted))
    return {number: bytes(content) for number, content in session.execute(asked)}


def find(session: Session, ticket: Ticket, number: int) -> tuple[Attachment, bytes]:
    """Return an attachment of a ticket with its content.

    Raises
    ------
    Refusal
    """
    asked = select(Attachment).join(Message, Message.id == Attachment.message_id)
    mine = asked.where(Attachment.id == number, Message.ticket_id == ticket.id)
    found = session.scalar(mine) if 0 < number < 2**31 else None
    if found is None:
        raise Refusal("no-attachment", _("There is no such attachment here."), 404)
    return found, bytes(found.content)


def lay(one: Attachment, content: bytes | None, room: Room) -> Laid:
    """Lay an attachment out, as far as there is room; without its content it is only named."""
    bare = Laid(one.id, one.kind, one.name, one.size)
    if content is None:
        return bare
    if one.kind == "notebook":
        return _notebook(bare, content, room)
    if one.kind == "environment":
        return _table(bare, content, room)
    return _text(bare, content, room, odd=one.kind == "file" and one.name.lower().endswith(".ipynb"))


def _notebook(bare: Laid, content: bytes, room: Room) -> Laid:
    with _one_at_a_time:
        cells = notebook.parsed(content)
        laid = notebook.lay(cells, room) if cells is not None else None
        del cells
    if laid is None:
        return _text(bare, content, room, odd=True)
    return Laid(bare.id, bare.kind, bare.name, bare.size, "notebook", notebook=laid)


def _table(bare: Laid, content: bytes, room: Room) -> Laid:
    part = notebook.cut(_decoded(content), _MOST_TEXT, room)
    lines = [line for line in part.text.split("\n") if line.strip()]
    left = part.left + sum(map(len, lines[_MOST_LINES:]))
    rows = tuple(_pair(line) for line in lines[:_MOST_LINES])
    return Laid(bare.id, bare.kind, bare.name, bare.size, "table", part=Part("", left), rows=rows)


def _pair(line: str) -> tuple[str, str]:
    name, _space, value = line.strip().partition(" ")
    return name, value.strip()


def _text(bare: Laid, content: bytes, room: Room, *, odd: bool = False) -> Laid:
    from_end = bare.kind in _TAILS
    part = notebook.cut(_decoded(content), _MOST_TEXT, room, from_end=from_end)
    lines = [line for line in part.text.split("\n") if line.strip()]
    return Laid(
        bare.id, bare.kind, bare.name, bare.size, "text", part=part,
        summary=lines[-1].strip()[:300] if bare.kind == "error" and lines else "",
        open=bare.kind in _OPEN, odd=odd, from_end=from_end,
    )  # fmt: skip


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def headers(one: Attachment) -> dict[str, str]:
    """Return what keeps a browser from making anything of a file but a file."""
    name = file_name(one)
    bare, whole = re.sub(r"[^A-Za-z0-9._-]", "_", name), quote(name, safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{bare}\"; filename*=UTF-8''{whole}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def file_name(one: Attachment) -> str:
    r"""Return under which name an attachment is kept: no path, and nothing that a machine would run.

    >>> file_name(Attachment(kind="file", name="../a b/run.exe"))
    '_a b_run.exe.txt'
    >>> file_name(Attachment(kind="notebook", name="les.ipynb"))
    'les.ipynb'
    """
    kept = re.sub(r"[^\w .()-]", "_", one.name).strip(" .")[:100] or one.kind
    if one.kind == "notebook":
        return kept if kept.lower().endswith(".ipynb") else f"{kept}.ipynb"
    return kept if _TEXTS.search(kept) else f"{kept}.txt"
