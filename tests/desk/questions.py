"""A help desk for tests: its experts, and questions with all that can come along."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from werkplaats_desk.centre import tickets
from werkplaats_desk.centre.drafts import Draft
from werkplaats_desk.centre.models import Attachment, Message, Ticket, TicketAct
from werkplaats_desk.centre.tickets import Origin
from werkplaats_desk.people import Person
from werkplaats_desk.settings import Help, Settings

#: A picture of one pixel, as PNG and as JPEG.
PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG: Final = b64encode(
    bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080002000301011100ffd9")
).decode()


def words(text: str) -> dict[str, str]:
    """Return a text in both languages."""
    return {"nl": f"{text} (nl)", "en": f"{text} (en)"}


def centre() -> Help:
    """Return the settings of a centre of three experts, 40 hours a week together."""
    topics = [("data", "technique"), ("vision", "technique"), ("health", "domain")]
    experts = [
        {"name": "expert", "hours_per_week": 24},
        {"name": "tweede", "hours_per_week": 12, "topics": ["vision"], "languages": ["nl"]},
        {"name": "derde", "hours_per_week": 4, "topics": ["data"], "languages": ["nl", "en"]},
    ]
    return Help.model_validate(
        {
            "topics": [{"name": name, "title": words(name), "kind": kind} for name, kind in topics],
            "experts": experts,
            "guarantees": {"regional": 0.25, "national": 0.25},
        }
    )


def ask(session: Session, settings: Settings, person: str = "mkb", **changes: Any) -> Ticket:
    """Hand a question in, as the desk's own code does; ``stream``, ``expected_at`` and so on go with it."""
    origin: dict[str, Any] = {
        key: changes.pop(key)
        for key in ("stream", "project", "server", "job", "restricted")
        if key in changes
    }
    given = {
        "key": f"k{time.perf_counter_ns():020}", "subject": "It does not work", "question": "What now?",
        "topic": "data", "language": "en", **changes,
    }  # fmt: skip
    draft = Draft.model_validate(given)
    usual: dict[str, Any] = {"stream": "regional", "expected_at": int(time.time()) + 86400}
    where = Origin(**{**usual, **origin})
    made, _new = tickets.submit(session, settings, Person(person), draft, where)
    return made


def notebook(cells: Sequence[Any]) -> str:
    """Return a notebook of nbformat 4 as JSON."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})


def code(source: Any, *outputs: Any, count: Any = 1) -> dict[str, Any]:
    """Return a cell of code."""
    return {
        "cell_type": "code", "id": "a", "metadata": {}, "execution_count": count, "source": source,
        "outputs": list(outputs),
    }  # fmt: skip


def shows(**data: Any) -> dict[str, Any]:
    """Return an output of data; a key's ``_`` stands for the ``/`` of a kind, its ``__`` for ``+``."""
    named = {key.replace("__", "+").replace("_", "/", 1): value for key, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": named}


TRACEBACK: Final = (
    "\x1b[31m---------------------\x1b[0m\n"
    "\x1b[31mValueError\x1b[0m                    Traceback (most recent call last)\n"
    "Cell In[3], line 2\n      1 model = load()\n----> 2 model.fit(x, y)\n\n"
    "ValueError: X has 3 features, but the model wants 4"
)


def bundle() -> list[dict[str, str]]:
    """Return what ``ask_for_help()`` sends along, one of each kind."""
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Weeds\n", "In **images**"]},
        code(
            "import numpy as np\nx = np.zeros(3)",
            {"output_type": "stream", "name": "stdout", "text": "3 rows\n"},
        ),
        code("plot(x)", shows(image_png=PNG, text_plain="<Figure size 640x480>"), count=2),
        code("table", shows(text_html="<table><td>1</td></table>", text_plain="   a\n0  1"), count=3),
        code(
            "model.fit(x, y)",
            {"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": [TRACEBACK]},
            count=4,
        ),
        code("never_run()", count=None),
    ]
    environment = (
        "python 3.11.2\nnumpy 2.4.6\ntorch 2.9.0+cu128\ngpu NVIDIA H100, 80 GB\njob 17\nflavour gpu-1"
    )
    return [
        {"kind": "error", "name": "ValueError", "text": TRACEBACK},
        {"kind": "cell", "name": "cell 3", "text": "model = load()\nmodel.fit(x, y)"},
        {"kind": "notebook", "name": "weeds.ipynb", "text": notebook(cells)},
        {"kind": "environment", "name": "environment", "text": environment},
        {"kind": "log", "name": "job 17", "text": "Epoch 1\nEpoch 2\nslurmstepd: error: out of memory"},
    ]


def fill(session: Session, number: int, *, expert: str = "expert") -> None:
    """Put many open questions into the database, each with messages and what came along.

    A tenth of them are the expert's own, and wait for an answer.
    """
    log, cells = "Epoch 1: loss 0.5\n" * 500, notebook([code("x = 1")] * 40)
    for n in range(number):
        own = n % 10 == 0
        one = Ticket(
            person=f"person{n % 37}", key=f"key-of-question-{n:08}", project="onderzoek", server="a/b", job=n,
            stream=("regional", "national", "eurohpc")[n % 3], subject=f"Question {n:04} about my work",
            topic=("data", "vision", "health")[n % 3 - n % 2], urgency=("low", "normal", "high")[n % 7 % 3],
            language=("nl", "en")[n % 2], state="assigned" if own else "new", expert=expert if own else None,
            created_at=1_790_000_000 + n * 60, changed_at=1_790_000_000 + n * 60,
            expected_at=1_790_100_000 + n * 60,
        )  # fmt: skip
        session.add(one)
        session.flush()
        session.add(TicketAct(ticket_id=one.id, at=one.created_at, by=one.person, act="asked", detail={}))
        for m in range(3):
            message = Message(
                ticket_id=one.id, author=one.person, key=f"message-{m}", role="person",
                kind="reply" if m else "question", at=one.created_at,
                body="It says this:\n```\nx = 1\n```\n" * 20,
            )  # fmt: skip
            session.add(message)
            session.flush()
            for kind, text in (("log", log), ("notebook", cells)):
                content = text.encode()
                session.add(
                    Attachment(
                        message_id=message.id, kind=kind, name=kind, size=len(content), content=content
                    )
                )
    session.flush()
