"""What a notebook shows of the platform: each thing a widget, and a plain function beside it."""

from __future__ import annotations

from werkplaats_widgets.asking import Help, ask_for_help, send_question
from werkplaats_widgets.centre import questions
from werkplaats_widgets.datasets import Datasets, catalogue, datasets
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.mounting import mount, unmount
from werkplaats_widgets.provenance import Provenance, provenance
from werkplaats_widgets.quota import Quota, numbers, quota
from werkplaats_widgets.redacting import redact

__all__ = [
    "Datasets",
    "Help",
    "NoAnswer",
    "Provenance",
    "Quota",
    "ask_for_help",
    "catalogue",
    "datasets",
    "mount",
    "numbers",
    "provenance",
    "questions",
    "quota",
    "redact",
    "send_question",
    "unmount",
]
