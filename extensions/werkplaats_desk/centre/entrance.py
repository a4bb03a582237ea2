"""Who comes in: whether there is anybody to ask at all."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from werkplaats_desk.desk import desk_of
from werkplaats_desk.refusal import Refusal
from werkplaats_desk.settings import Help
from werkplaats_desk.words import gettext as _


def help_of(request: Request) -> Help:
    """Return the expertise centre.

    Raises
    ------
    Refusal
        Where a facility has none.
    """
    found = desk_of(request).settings.help
    if found is None:
        sentence = _("Nobody answers questions here yet. Those who run this place can add experts.")
        raise Refusal("no-help", sentence, 404)
    return found


TheHelp = Annotated[Help, Depends(help_of)]
