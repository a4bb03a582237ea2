"""That somebody's account is not there yet, for who judges requests."""

from __future__ import annotations

from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.enrol.why import Why


class NotEnrolled(Unreachable):
    """Somebody cannot charge anything yet: what Slurm would say of them is not the last word.

    Attributes
    ----------
    why
        What their account waits for.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(f"not enrolled: {why.value}")
        self.why = why
