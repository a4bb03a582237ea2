"""What the desk refuses, in a sentence for the person."""

from __future__ import annotations


class Refusal(Exception):
    """Why something was not done.

    Attributes
    ----------
    reason
        A short label, such as ``course-full``.
    sentence
        What to tell the person, in their language, with what to do next.
    status
        HTTP status.
    again
        After how many seconds the page asks again by itself; 0 for never.
    """

    def __init__(self, reason: str, sentence: str, status: int = 400, again: int = 0) -> None:
        super().__init__(sentence)
        self.reason, self.sentence, self.status, self.again = reason, sentence, status, again
