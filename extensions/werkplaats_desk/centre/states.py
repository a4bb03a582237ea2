"""The states of a ticket, and what takes it from one to the next.

==========  ===========================================  =====================================
state       means                                        an expert, or the person, is next
==========  ===========================================  =====================================
new         nobody has it yet                            an expert: takes it
assigned    an expert has it                             that expert
waiting     the expert asked something back              the person
answered    the expert answered                          the person: replies, or closes it
closed      it is over                                   nobody; a reply opens it again
==========  ===========================================  =====================================
"""

from __future__ import annotations

from typing import Final, Literal, get_args

State = Literal["new", "assigned", "waiting", "answered", "closed"]
STATES: Final[tuple[State, ...]] = get_args(State)
#: An expert has something to do.
OURS: Final = frozenset({"new", "assigned"})
OPEN: Final = frozenset(STATES) - {"closed"}

Urgency = Literal["low", "normal", "high"]
#: The most urgent first.
URGENCIES: Final[tuple[Urgency, ...]] = ("high", "normal", "low")

Role = Literal["person", "expert"]
Kind = Literal["question", "reply", "ask", "answer"]


def after(kind: Kind, state: State, has_expert: bool) -> State:
    """Return the state of a ticket after somebody wrote in it.

    Parameters
    ----------
    kind
        What was written: ``reply`` is the person's, ``ask`` and ``answer`` are an expert's.
    state
        Before it.
    has_expert
        Whether an expert has it: a reply goes to who answered before.

    >>> after("ask", "assigned", True), after("reply", "closed", True), after("reply", "closed", False)
    ('waiting', 'assigned', 'new')
    """
    if kind == "ask":
        return "waiting"
    if kind == "answer":
        return "answered"
    return "assigned" if has_expert else "new"
