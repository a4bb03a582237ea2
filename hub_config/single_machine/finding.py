"""What the doctor finds: one thing that was looked at, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    wrong
        Whether it keeps the installation from working; a note about the machine does not.
    """

    what: str
    wrong: bool = False
    mend: str = ""

    @property
    def line(self) -> str:
        """The finding as a line to print."""
        sign = "WRONG" if self.wrong else "note " if self.mend else "good "
        return f"{sign}  {self.what}" + (f"\n       What to do: {self.mend}" if self.mend else "")
