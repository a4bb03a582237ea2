"""The half of ``ask_for_help()`` in which somebody follows their questions, and lets help be offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from werkplaats_widgets import centre
from werkplaats_widgets.centre import Conversation, Ticket
from werkplaats_widgets.help_words import tell
from werkplaats_widgets.hub import NoAnswer


class Following(traitlets.HasTraits):
    """What a widget shows of a person's questions.

    Attributes
    ----------
    tickets
        Their questions, the newest first.
    opened
        The one that is read now, with its ``messages``; empty when none is.
    noted
        The last sentence about them: its ``text``, and whether it is a ``refusal``.
    offering
        Whether help may be offered: ``yes``, ``no`` or ``unasked``.
    """

    tickets: traitlets.List[Any] = traitlets.List().tag(sync=True)
    opened = traitlets.Dict().tag(sync=True)
    noted = traitlets.Dict().tag(sync=True)
    offering = traitlets.Unicode("unasked").tag(sync=True)

    _reply_key = ""

    def look(self) -> None:
        """Ask the desk for this person's questions."""
        try:
            found = sorted(centre.questions(), key=lambda one: one.number, reverse=True)
        except NoAnswer as wrong:
            self._note(str(wrong), refusal=True)
        else:
            self.tickets = [_row(one) for one in found]
            self._note("")

    def read(self, number: int) -> None:
        """Read one.

        Raises
        ------
        NoAnswer
        """
        self.opened = _whole(centre.conversation(number))
        self._reply_key = centre.new_key()
        self.tickets = [{**row, "unread": row["unread"] and row["number"] != number} for row in self.tickets]

    def reply(self, number: int, text: str, acknowledged: bool) -> None:
        """Write in one: once, however often it is pressed.

        Raises
        ------
        NoAnswer
        """
        if not text.strip():
            raise NoAnswer(tell("fill", what=tell("reply")))
        centre.reply(number, self._reply_key or centre.new_key(), text, acknowledged=acknowledged)
        self.read(number)
        self.look()
        self._note(tell("replied"))

    def close_ticket(self, number: int) -> None:
        """Say that one is over.

        Raises
        ------
        NoAnswer
        """
        centre.close(number)
        self.opened = {}
        self.look()
        self._note(tell("is_closed", number=str(number)))

    def offer(self, wanted: Any) -> None:
        """Say whether help may be offered.

        Raises
        ------
        NoAnswer
        """
        if wanted in ("yes", "no"):
            centre.offering(wanted)
            self.offering = wanted

    def following(self, wish: dict[str, Any]) -> dict[str, Callable[[], None]]:
        """Return what the page can ask of this half."""
        found = wish.get("number")
        number = (
            found if isinstance(found, int) and any(row["number"] == found for row in self.tickets) else 0
        )
        text = str(wish.get("text") or "")
        acts: dict[str, Callable[[], None]] = {
            "open": lambda: self.read(number),
            "reply": lambda: self.reply(number, text, wish.get("acknowledged") is True),
            "close": lambda: self.close_ticket(number),
        }
        known = {name: self._noting(act) for name, act in acts.items()} if number else {}
        offering = self._noting(lambda: self.offer(wish.get("wanted")))
        return {**known, "list": self.look, "hide": self._hide, "offering": offering}

    def _noting(self, act: Callable[[], None]) -> Callable[[], None]:
        """Return an act whose refusal is said beside the questions."""

        def noting() -> None:
            try:
                act()
            except NoAnswer as wrong:
                self._note(str(wrong), refusal=True)

        return noting

    def _hide(self) -> None:
        self.opened = {}

    def _note(self, text: str, *, refusal: bool = False) -> None:
        self.noted = {"text": text, "refusal": refusal}


def _row(ticket: Ticket) -> dict[str, Any]:
    shown = ticket.model_dump(include={"number", "subject", "state", "changed_at", "expected_at"})
    return {**shown, "unread": bool(ticket.unread)}


def _whole(found: Conversation) -> dict[str, Any]:
    return {
        "number": found.number,
        "subject": found.subject,
        "state": found.state,
        "messages": [
            {
                "role": one.role,
                "author": one.author,
                "body": one.body,
                "at": one.at,
                "by_mail": one.by_mail,
                "attachments": [f"{attached.name}" for attached in one.attachments],
            }
            for one in found.messages
        ],
    }
