"""The offer of help below an error that came again and again: once, and only to who wants that."""

from __future__ import annotations

from IPython.display import display

from werkplaats_widgets.asking import Help
from werkplaats_widgets.trouble import of


def show(wrong: BaseException) -> None:
    """Show the offer, below what is being run."""
    display(Help(of(wrong), {}, offered=True))  # type: ignore[no-untyped-call]
