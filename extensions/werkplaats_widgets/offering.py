"""The offer of help below an error that came again and again: once, and only to who wants that."""

from __future__ import annotations

from IPython.display import display

from werkplaats_widgets.asking import Help
from werkplaats_widgets.desk import Desk
from werkplaats_widgets.trouble import of


def is_wanted(fingerprint: str) -> bool:
    """Tell the desk that the same went wrong five times, and return whether help is to be offered now.

    Parameters
    ----------
    fingerprint
        SHA-256 of what went wrong and where: nothing of the code can be read from it.

    Raises
    ------
    NoAnswer
    """
    return Desk.of().post("api/help/trouble", kind="error", fingerprint=fingerprint).get("offer") is True


def show(wrong: BaseException) -> None:
    """Show the offer, below what is being run."""
    display(Help(of(wrong), {}, offered=True))  # type: ignore[no-untyped-call]
