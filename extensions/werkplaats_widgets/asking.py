"""``ask_for_help()``: a question to an expert, with what is needed to answer it, and its answers.

The page in the browser shows texts and sends wishes. What it shows before sending is what is sent: a text
that somebody changed comes back from the page, one that nobody changed is the one that was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from werkplaats_widgets import cards, centre, mounting
from werkplaats_widgets.centre import Centre, Sent
from werkplaats_widgets.desk import Refused
from werkplaats_widgets.following import Following
from werkplaats_widgets.gathering import Gatherer, Piece, TooLarge, megabytes
from werkplaats_widgets.help_words import HELP, taken, tell
from werkplaats_widgets.hub import NoAnswer
from werkplaats_widgets.redacting import redact, taken_out
from werkplaats_widgets.trouble import Trouble, last, seen
from werkplaats_widgets.words import language

_HERE: Final = Path(__file__).parent
_FIELDS: Final = ("subject", "question", "topic", "urgency", "project")
#: The least that a subject has (characters), as the desk wants it.
_SUBJECT: Final = 3


def send_question(
    subject: str,
    question: str,
    topic: str,
    *,
    urgency: str = "normal",
    project: str = "",
    attach: tuple[str, ...] = (),
    acknowledged: bool = False,
) -> Sent:
    """Send a question to the experts, from a program: nothing is shown first.

    Parameters
    ----------
    topic
        A name of the desk's; what it does not know it refuses, and says so.
    attach
        Of ``error``, ``cell``, ``environment``, ``notebook`` (without outputs) and ``log``. Secrets are
        taken out of each, and of the question.
    acknowledged
        That something attached may come from a restricted dataset, and is meant to be sent.

    Raises
    ------
    NoAnswer
        When it was not sent: with a sentence in the person's language.
    """
    form = dict(zip(_FIELDS, (subject, question, topic, urgency, project), strict=True))
    gatherer = Gatherer(last(), centre.Limits().each)
    pieces = [gatherer.piece(kind) for kind in attach]
    return centre.submit(centre.new_key(), form, pieces, acknowledged=acknowledged)


class Help(Following, anywidget.AnyWidget):
    """The form, what will be sent, and the person's questions; it prints as plain text.

    Attributes
    ----------
    start
        What the form is filled in with when it is first shown.
    about
        What the desk says: ``topics``, ``projects``, ``expected`` (Unix time by urgency), ``restricted``.
    offers
        What can be attached: each a ``kind``, and whether it is ``on`` at first.
    step
        ``form``, ``preview`` or ``sent``; ``offer`` where help is offered, ``gone`` where it was not wanted.
    pieces
        What will be sent: ``kind``, ``name``, ``title``, ``text`` and what was ``taken`` out of it.
    said
        The last sentence: its ``text``, and whether it is a ``refusal``.
    sent
        Of the question that was sent: ``number``, ``expected_at`` and ``page``.
    trouble
        Why there is no form; empty when there is one.
    """

    _esm = _HERE / "help.js"
    _css = "\n".join((_HERE / name).read_text() for name in ("datasets.css", "help.css"))

    words = traitlets.Dict().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    offers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    step = traitlets.Unicode("form").tag(sync=True)
    pieces: traitlets.List[Any] = traitlets.List().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)
    sent = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, wrong: Trouble, form: dict[str, str], *, offered: bool = False, **values: Any) -> None:
        super().__init__(words=HELP[language()], start={"subject": redact(wrong.subject), **form}, **values)
        self._wrong = wrong
        self._known = Centre(topics=())
        self._key = centre.new_key()
        self.on_msg(lambda _widget, content, _buffers: self._hear(content))
        if offered:
            self.step = "offer"  # nobody asked yet, so nobody is asked
        else:
            self.refresh()

    def refresh(self) -> None:
        """Ask the desk again."""
        try:
            self._known = centre.centre()
            self.trouble = ""
        except NoAnswer as wrong:
            self.trouble = str(wrong)
            return
        self._gatherer = Gatherer(self._wrong, self._known.limits.each)
        self.offers = self._gatherer.offers()
        self.offering = self._known.offering
        self.about = {
            "topics": [topic.shown() for topic in self._known.topics],
            "projects": list(self._known.projects),
            "expected": self._known.expected,
            "restricted": self._known.restricted or _something_alone(),
        }
        self.look()

    def preview(self, form: dict[str, str], attach: list[Any], outputs: bool) -> None:
        """Show what would be sent: everything, without its secrets.

        Raises
        ------
        NoAnswer
            When something is missing, or too much.
        """
        _complete(form, self._known.limits.text)
        self.about = {**self.about, "restricted": self._known.restricted or _something_alone()}
        shown = [
            self._shown(Piece("subject", "", form["subject"])),
            self._shown(Piece("question", "", form["question"])),
        ]
        refused = []
        for kind in (offer["kind"] for offer in self.offers if offer["kind"] in attach):
            try:
                shown.append(self._shown(self._gatherer.piece(kind, outputs=outputs)))
            except TooLarge as wrong:
                raise wrong from None
            except NoAnswer as wrong:
                refused.append(str(wrong))
        self.pieces, self.step = shown, "preview"
        self._say(" ".join(refused), refusal=bool(refused))

    def _shown(self, piece: Piece) -> dict[str, Any]:
        text, counts = taken_out(piece.text)
        note = tell("no_json") if piece.kind == "file" else ""
        return {
            "kind": piece.kind,
            "name": piece.name,
            "title": tell(piece.kind),
            "text": text,
            "taken": " ".join(filter(None, (note, taken(counts)))),
        }

    def submit(self, form: dict[str, str], changed: list[Any], acknowledged: bool) -> None:
        """Send what was shown, as it was left.

        Parameters
        ----------
        changed
            For each piece that was shown: its text where somebody changed it, ``None`` where nobody did,
            and ``False`` where it is left out.

        Raises
        ------
        NoAnswer
            When it was not sent; the form stays as it is, and is the same question when it is sent again.
        """
        if self.step != "preview" or len(changed) != len(self.pieces):
            return
        kept = [_left(piece, text) for piece, text in zip(self.pieces, changed, strict=True)]
        texts = {piece.kind: piece.text for piece in kept if piece}
        whole = {**form, "subject": texts.get("subject", ""), "question": texts.get("question", "")}
        _complete(whole, self._known.limits.text)
        pieces = [
            piece
            for piece in kept
            if piece and piece.kind not in ("subject", "question") and piece.text.strip()
        ]
        if pieces and self.about.get("restricted") and not acknowledged:
            raise NoAnswer(tell("acknowledge_first"))
        _fits(pieces, self._known.limits)
        try:
            done = centre.submit(self._key, whole, pieces, acknowledged=acknowledged)
        except Refused as wrong:
            # The desk may know of a restricted dataset that was here before: then its tick is shown.
            self.about = {
                **self.about,
                "restricted": self.about["restricted"] or wrong.reason == "restricted",
            }
            raise
        page = done.page if done.page.startswith("/") and not done.page.startswith("//") else ""
        self._key = centre.new_key()
        self.sent = {"number": done.number, "expected_at": done.expected_at, "page": page}
        self.step, self.pieces = "sent", []
        self._say("")
        self.look()

    def back(self) -> None:
        """Return to the form."""
        self.step, self.pieces = "form", []
        self._say("")

    def accept(self) -> None:
        """Show the form to who was offered help."""
        self.refresh()
        self.step = "form"

    def decline(self, *, never: bool) -> None:
        """Leave somebody alone who was offered help: for now, or for good.

        Raises
        ------
        NoAnswer
            When the desk did not hear that it is for good.
        """
        if never:
            centre.offering("no")
        self.step = "gone"
        self._say(tell("offer_off" if never else "offer_gone"))

    def _hear(self, content: Any) -> None:
        """Do what the page asks, when it is one of the things that it can ask."""
        wish = content if isinstance(content, dict) else {}
        acts: dict[str, Callable[[], None]] = {
            "refresh": self.refresh,
            "back": self.back,
            "ask": self.accept,
            "not-now": lambda: self.decline(never=False),
            "never": lambda: self.decline(never=True),
            "preview": lambda: self.preview(_form(wish), _list(wish, "attach"), wish.get("outputs") is True),
            "send": lambda: self.submit(
                _form(wish), _list(wish, "changed"), wish.get("acknowledged") is True
            ),
            **self.following(wish),
        }
        try:
            acts.get(str(wish.get("do")), lambda: None)()
        except NoAnswer as wrong:
            self._say(str(wrong), refusal=True)
        finally:
            self.send({"done": wish.get("do")})

    def _say(self, text: str, *, refusal: bool = False) -> None:
        self.said = {"text": text, "refusal": refusal}

    def __repr__(self) -> str:
        if self.trouble or self.step == "offer":
            return self.trouble or tell("offer")
        lines = [f"{one['number']}: {one['subject']} ({tell(one['state'])})" for one in self.tickets]
        if self.sent:
            moment = cards.moment(self.sent["expected_at"])
            number = str(self.sent["number"])
            lines = [tell("sent", number=number), tell("sent_expected", moment=moment), *lines]
        return "\n".join([tell("repr"), *lines])


def _complete(form: dict[str, str], most: int) -> None:
    missing = [
        tell(name).rstrip("?")
        for name in ("subject", "question", "topic")
        if len(form.get(name, "").strip()) < (_SUBJECT if name == "subject" else 1)
    ]
    if missing:
        raise NoAnswer(tell("fill", what=", ".join(missing)))
    if len(form["question"]) > most:
        raise NoAnswer(tell("too_long", most=str(most)))


def _fits(pieces: list[Piece], limits: centre.Limits) -> None:
    sizes = [len(piece.text.encode("utf-8", "replace")) for piece in pieces]
    if sum(sizes) > limits.all or any(size > limits.each for size in sizes):
        most = limits.all if sum(sizes) > limits.all else limits.each
        raise NoAnswer(tell("too_much", size=megabytes(sum(sizes)), most=megabytes(most)))


def _left(piece: dict[str, Any], text: Any) -> Piece | None:
    """Return a piece as somebody left it in the page."""
    if text is False:
        return None
    return Piece(piece["kind"], piece["name"], text if isinstance(text, str) else piece["text"])


def _form(wish: dict[str, Any]) -> dict[str, str]:
    form = wish.get("form")
    found = form if isinstance(form, dict) else {}
    return {name: str(found.get(name) or "") for name in _FIELDS}


def _list(wish: dict[str, Any], name: str) -> list[Any]:
    found = wish.get(name)
    return found if isinstance(found, list) else []


def _something_alone() -> bool:
    """Return whether a restricted dataset is mounted now; who does not know leaves it to the desk."""
    try:
        return any(one.alone for one in mounting.mounted())
    except NoAnswer:
        return False


def ask_for_help(
    subject: str = "",
    question: str = "",
    *,
    topic: str = "",
    urgency: str = "normal",
    project: str = "",
    seen_error: str = "",
) -> Help:
    """Return a form for a question to an expert, to show as the last value of a cell.

    It is filled in from the last error, if there was one. Nothing is sent before you have seen it.

    Parameters
    ----------
    subject, question, topic, urgency, project
        What the form begins with.
    seen_error
        What Lab's page saw go wrong in a notebook whose kernel is another (base64 of JSON).
    """
    wrong = seen(seen_error) if seen_error else last()
    given = {"subject": subject, "question": question, "topic": topic, "urgency": urgency, "project": project}
    return Help(wrong, {name: value for name, value in given.items() if value})
