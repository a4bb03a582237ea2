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
    """

    def __init__(self, reason: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.reason, self.sentence, self.status = reason, sentence, status
