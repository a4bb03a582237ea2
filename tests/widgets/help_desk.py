"""A desk with an expertise centre, as `docs/reference/help-messages.md` has it, for who asks from a notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.widgets.fakes import Platform, both

#: By when an answer is expected (Unix time, s): 23 November 2026, about noon.
EXPECTED = 1_795_431_600
TOPICS = [
    {"name": "python", "title": both("Python en notebooks", "Python and notebooks"), "kind": "technique"},
    {"name": "mobility", "title": both("Mobiliteit", "Mobility"), "kind": "domain"},
]
_DRAFT = {
    "key",
    "subject",
    "question",
    "topic",
    "urgency",
    "language",
    "project",
    "job",
    "acknowledged",
    "attachments",
}


@dataclass
class HelpDesk(Platform):
    """What it knows, and what it was sent.

    Attributes
    ----------
    tickets
        By number, as ``GET api/tickets/N`` gives them.
    away
        Whether it answers nothing at all, to a ``POST``.
    """

    about: dict[str, Any] = field(default_factory=dict)
    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    drafts: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    wanted: str = "unasked"
    restricted: bool = False
    offer: bool = True
    away: bool = False
    lost: bool = False
    no_help: bool = False

    def answer(self, method: str, address: str, body: Any) -> tuple[int, Any]:
        """Answer one request."""
        path = address.partition("?")[0].removeprefix("/services/desk/")
        if not re.match(r"api/(help|tickets)", path):
            return super().answer(method, address, body)
        self.asked.append((method, path, body))
        if self.no_help:
            return 404, {"reason": "no-help", "message": "Er is hier geen expertisecentrum."}
        if self.away and method == "POST":
            return 500, "oops"
        return self._help(method, path, body)

    def _help(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "api/help":
            return 200, self._about()
        if path == "api/help/offering":
            self.wanted = body["wanted"]
            return 200, {}
        if path == "api/help/trouble":
            self.told.append(body)
            return 200, {"offer": self.offer and self.wanted == "yes"}
        if path == "api/tickets":
            return (
                self._ask(body)
                if method == "POST"
                else (200, [self._row(one) for one in self.tickets.values()])
            )
        return self._ticket(method, path.removeprefix("api/tickets/"), body)

    def _about(self) -> dict[str, Any]:
        limits = {"text": 20_000, "each": 8 * 1024 * 1024, "all": 10 * 1024 * 1024, "attachments": 12}
        expected = {"low": EXPECTED + 86_400, "normal": EXPECTED, "high": EXPECTED - 7200}
        about = {"topics": TOPICS, "projects": self.projects, "limits": limits, "expected": expected}
        return {**about, "restricted": self.restricted, "offering": self.wanted, **self.about}

    def _row(self, ticket: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in ticket.items() if key not in ("messages", "page")}

    def _ask(self, body: dict[str, Any]) -> tuple[int, Any]:
        assert set(body) <= _DRAFT, "the desk refuses what it does not know"
        assert re.fullmatch(r"[A-Za-z0-9_-]{16,64}", body["key"])
        self.drafts.append(body)
        if self.restricted and body["attachments"] and not body["acknowledged"]:
            return 409, {"reason": "restricted", "message": "Er kan iets uit een beperkte dataset komen."}
        again = body["key"] in self.keys
        number = self.keys.setdefault(body["key"], 41 + len(self.keys))
        message = {"author": "jan", "role": "person", "kind": "question", "body": body["question"], "at": 1_795_000_000, "by_mail": False, "attachments": []}  # fmt: skip
        self.tickets.setdefault(
            number,
            {"number": number, "subject": body["subject"], "topic": body["topic"], "urgency": body["urgency"], "state": "new", "expert": None,
             "created_at": 1, "changed_at": 1, "expected_at": EXPECTED, "unread": False, "messages": [message]},
        )  # fmt: skip
        if self.lost:
            self.lost = False
            return 500, "the answer got lost"
        page = f"/services/desk/help/{number}"
        return (200 if again else 201), {
            "number": number,
            "state": "new",
            "expected_at": EXPECTED,
            "page": page,
        }

    def _ticket(self, method: str, rest: str, body: Any) -> tuple[int, Any]:
        number, _slash, act = rest.partition("/")
        ticket = self.tickets.get(int(number))
        if ticket is None:
            return 404, {"reason": "no-ticket", "message": "Deze vraag is er niet."}
        if act == "closed":
            ticket["state"] = "closed"
        if act == "messages" and body["key"] not in self.keys:
            self.keys[body["key"]] = int(number)
            self.say(int(number), body["text"], role="person")
        return 200, ticket if method == "GET" else {}

    def say(self, number: int, body: str, *, role: str = "expert") -> None:
        """Write in a ticket."""
        said = {"author": "eva" if role == "expert" else "jan", "role": role, "kind": "answer", "body": body, "at": 1_795_100_000, "by_mail": False, "attachments": []}  # fmt: skip
        self.tickets[number]["messages"].append(said)
        self.tickets[number].update(
            state="answered" if role == "expert" else "assigned", unread=role == "expert"
        )
