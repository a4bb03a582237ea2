"""``quota()``: the GPU-hours that this server's project has left, and what this server takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from werkplaats_widgets.hub import Hub, NoAnswer

_HERE: Final = Path(__file__).parent
#: In the order in which they are read.
_SENTENCES: Final = ("left", "rate", "end", "age")


def numbers() -> dict[str, Any]:
    """Return the numbers of this server and its project, as the Hub gives them.

    Returns
    -------
    dict
        ``project``, ``stream``, ``limit_hours``, ``used_hours``, ``set_aside_hours`` and ``left_hours``
        (GPU-hours of the period; ``None`` where there is no limit), ``gpus`` of this server, ``lent``,
        ``ends`` and ``numbers_at`` (ISO 8601), and ``sentences``.

    Raises
    ------
    NoAnswer
        With a sentence in the person's language.
    """
    return Hub.of().get("werkplaats/meter")


class Quota(anywidget.AnyWidget):
    """The meter; it asks again each minute while it is shown, and prints as plain text.

    Attributes
    ----------
    meter
        As :func:`numbers` returns it; empty when there was no answer yet.
    trouble
        Why the last question had no answer; empty when it had. An older meter stays beside it.
    """

    _esm = _HERE / "quota.js"
    _css = _HERE / "quota.css"

    meter = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.on_msg(lambda _widget, content, _buffers: self.ask() if content == "ask" else None)
        self.ask()

    def ask(self) -> None:
        """Ask the Hub again."""
        try:
            found = numbers()
        except NoAnswer as wrong:
            self.trouble = str(wrong)
        else:
            self.meter, self.trouble = found, ""

    def __repr__(self) -> str:
        said = self.meter.get("sentences", {})
        lines = [said[key] for key in _SENTENCES if said.get(key)]
        return "\n".join([*lines, *([self.trouble] if self.trouble else [])])


def quota() -> Quota:
    """Return the meter of this server, to show as the last value of a cell."""
    return Quota()
