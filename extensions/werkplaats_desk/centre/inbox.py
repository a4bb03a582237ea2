"""Lists of questions for an expert: the inbox, and all that there are, by what a link chooses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from werkplaats_desk.centre import queue
from werkplaats_desk.centre.models import Ticket
from werkplaats_desk.centre.queue import Entry
from werkplaats_desk.centre.states import OPEN, STATES, URGENCIES, State
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Settings

#: How many stand on one page.
PAGE: Final = 50

#: By what a link narrows a list.
Facet = Literal["topic", "stream", "language"]
FACETS: Final[tuple[Facet, ...]] = ("topic", "stream", "language")


class Wanted(BaseModel):
    """What a link asks for; nothing for the inbox itself.

    Attributes
    ----------
    view
        ``mine`` for all that the expert has and that is open, or a state for everybody's in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: Literal["", "mine"] | State = ""
    topic: str = Field(default="", max_length=40)
    stream: str = Field(default="", max_length=40)
    language: Literal["", "nl", "en"] = ""
    page: int = Field(default=1, ge=1, le=10**6)

    def link(self, **changes: str | int) -> dict[str, str | int]:
        """Return the query of a link from here, on its first page unless it says another."""
        found = {**self.model_dump(), "page": 1, **changes}
        return {key: value for key, value in found.items() if value not in ("", 1)}


@dataclass(frozen=True)
class Choice:
    """One value of a facet, and how many questions a link to it shows."""

    value: str
    number: int


@dataclass(frozen=True)
class Listed:
    """One page of a list.

    Attributes
    ----------
    number
        How many there are, on all pages.
    choices
        By facet; a facet with one value has no choice.
    views
        How many there are in all, by view: ``mine``, and each state.
    """

    entries: list[Entry]
    number: int
    choices: dict[Facet, list[Choice]]
    views: dict[str, int]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.number // PAGE))


_Values = tuple[str, str, str]


def listed(session: Session, settings: Settings, expert: Person, wanted: Wanted, now: float) -> Listed:
    """Return the page that a link asks for."""
    if wanted.view == "":
        found, values = _inbox(session, settings, expert, wanted, now)
    else:
        found, values = _everybodys(session, expert, wanted)
    number = sum(values[one] for one in values if _fits(one, wanted))
    return Listed(found, number, _choices(values, wanted), _views(session, expert))


def _inbox(
    session: Session, settings: Settings, expert: Person, wanted: Wanted, now: float
) -> tuple[list[Entry], Counter[_Values]]:
    """Return what waits for this expert: their own first."""
    entries = queue.inbox(session, settings, expert, now)
    values = Counter(_values(entry.ticket) for entry in entries)
    fitting = [entry for entry in entries if _fits(_values(entry.ticket), wanted)]
    fitting.sort(key=lambda entry: not entry.yours)  # keeps the order within
    begin = (wanted.page - 1) * PAGE
    return fitting[begin : begin + PAGE], values


def _everybodys(session: Session, expert: Person, wanted: Wanted) -> tuple[list[Entry], Counter[_Values]]:
    """Return questions in a state, whoever has them; or what this expert has."""
    columns = (Ticket.topic, Ticket.stream, Ticket.language)
    asked = select(*columns, func.count()).where(_viewed(expert, wanted)).group_by(*columns)
    values: Counter[_Values] = Counter()
    for topic, stream, language, number in session.execute(asked):
        values[topic, stream, language] = number
    rows = select(Ticket).where(_viewed(expert, wanted))
    for column, value in zip(columns, (wanted.topic, wanted.stream, wanted.language), strict=True):
        rows = rows.where(column == value) if value else rows
    rows = _ordered(rows, wanted).limit(PAGE).offset((wanted.page - 1) * PAGE)
    return [Entry(one, one.expert == expert.name, False, "") for one in session.scalars(rows)], values


def _viewed(expert: Person, wanted: Wanted) -> ColumnElement[bool]:
    if wanted.view == "mine":
        return _own(expert)
    return Ticket.state == wanted.view


def _own(expert: Person) -> ColumnElement[bool]:
    return and_(Ticket.expert == expert.name, Ticket.state.in_(OPEN))


def _ordered(rows: Select[Ticket], wanted: Wanted) -> Select[Ticket]:
    if wanted.view == "closed":
        return rows.order_by(Ticket.closed_at.desc(), Ticket.id.desc())
    rank = case({name: place for place, name in enumerate(URGENCIES)}, value=Ticket.urgency)
    return rows.order_by(rank, Ticket.created_at, Ticket.id)


def _values(ticket: Ticket) -> _Values:
    return ticket.topic, ticket.stream, ticket.language


def _fits(values: _Values, wanted: Wanted, but: str = "") -> bool:
    asked = (wanted.topic, wanted.stream, wanted.language)
    pairs = zip(FACETS, values, asked, strict=True)
    return all(facet == but or not want or value == want for facet, value, want in pairs)


def _choices(values: Counter[_Values], wanted: Wanted) -> dict[Facet, list[Choice]]:
    found: dict[Facet, list[Choice]] = {}
    for place, facet in enumerate(FACETS):
        sums: Counter[str] = Counter()
        for one, number in values.items():
            if _fits(one, wanted, but=facet):
                sums[one[place]] += number
        found[facet] = [Choice(value, number) for value, number in sorted(sums.items())]
    return found


def _views(session: Session, expert: Person) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(("mine", *STATES), 0)
    grouped = select(Ticket.state, func.count()).group_by(Ticket.state)
    for state, number in session.execute(grouped):
        found[state] = number
    found["mine"] = session.scalar(select(func.count()).where(_own(expert))) or 0
    return found
