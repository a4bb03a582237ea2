"""From a form's texts to a model, with a sentence for each field that makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from werkplaats_desk.words import gettext as _

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], fields: Mapping[str, str]) -> tuple[Model | None, dict[str, str]]:
    """Return the model that a form fills, or what is wrong by field."""
    try:
        return model.model_validate({key: fields.get(key, "") for key in model.model_fields}), {}
    except ValidationError as invalid:
        return None, {str(error["loc"][0]): sentence(str(error["loc"][0])) for error in invalid.errors()}


def sentence(field: str) -> str:
    """Return what a good value of a field looks like."""
    said = {
        "title": _("Give it a name of 3 to 80 characters, on one line."),
        "stream": _("Choose one of the streams."),
        "purpose": _("Say in 10 to 4000 characters what it is for."),
        "gpu_hours": _("Give a whole number of GPU-hours."),
        "ends": _("Give a day, such as 2027-01-31."),
        "until": _("Give a day, such as 2027-01-31."),
        "project": _("Choose one of your projects."),
        "capacity": _("Give a number of students from 1 to 500."),
        "subject": _("Say in 3 to 120 characters what it is about."),
        "question": _("Write your question, in at most 20,000 characters."),
        "text": _("Write something, in at most 20,000 characters."),
        "topic": _("Choose what your question is about: one of the topics in the list."),
        "urgency": _("Choose how urgent it is."),
        "attachments": _("Send at most 12 attachments, each with a kind, a name and its text."),
        "notebook": _("Give the path of a notebook in a home directory, ending in .ipynb."),
    }
    return said.get(field, _("This does not make sense here."))
