"""What the start form shows, and what a browser would send from it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from tests.offers import person

from werkplaats_spawners.form import by_stream, default_flavour, not_offered, render
from werkplaats_spawners.language import speaking
from werkplaats_spawners.offer import Flavour, Offer, Project, Stream, Words
from werkplaats_spawners.request import KEYS, Refused, ServerRequest, from_fields
from werkplaats_spawners.standing import Standing

Attributes = dict[str, str | None]


def words(text: str) -> Words:
    """Return `text`, marked with its language."""
    return Words(nl=f"{text} (nl)", en=f"{text} (en)")


def flavour(name: str, gpus: int, max_hours: int = 8) -> Flavour:
    """Return a flavour."""
    return Flavour(
        name=name,
        title=words(name),
        description=words(f"About {name}"),
        cpus=2,
        memory_gb=8,
        gpus=gpus,
        hours=2,
        max_hours=max_hours,
    )


def project(name: str, stream: str) -> Project:
    """Return a project of one person's."""
    return Project(name=name, title=words(name), stream=stream, gpu_hours=10, members=("mkb",))


OFFER = Offer(
    flavours=(flavour("gpu-1", 1, 24), flavour("first-steps", 0), flavour("gpu-2", 2)),
    streams=tuple(
        Stream(name=name, title=words(name), description=words(name), share=0.5)
        for name in ("regional", "national")
    ),
    projects=(project("bakery", "regional"), project("roads", "national"), project("school", "regional")),
)


class Form(HTMLParser):
    """The controls of a form, and the fields that a browser would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: list[tuple[str, Attributes]] = []
        self.open_details = False
        self._select: str | None = None
        self.selected: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a control."""
        attributes = dict(attrs)
        if tag in ("input", "button", "select"):
            self.controls.append((tag, attributes))
        if tag == "details":
            self.open_details = "open" in attributes
        if tag == "select":
            self._select = attributes["name"]
        if (
            tag == "option"
            and self._select
            and ("selected" in attributes or self._select not in self.selected)
        ):
            self.selected[self._select] = attributes["value"] or ""

    def press(self, form: str, **typed: str) -> dict[str, list[str]]:
        """Return what is sent when the button of `form` is pressed, with the fields `typed` in."""
        fields: dict[str, list[str]] = {}
        for tag, attributes in self.controls:
            name = attributes.get("name")
            if name and attributes.get("form", "spawn_form") == form and self._sent(attributes, name, typed):
                value = self.selected.get(name, "") if tag == "select" else attributes.get("value") or ""
                fields.setdefault(name, []).append(typed.get(name, value))
        return fields

    def _sent(self, attributes: Attributes, name: str, typed: dict[str, str]) -> bool:
        kind = attributes.get("type")
        if kind == "radio" and name in typed:
            return attributes["value"] == typed[name]
        return kind not in ("radio", "checkbox") or "checked" in attributes


#: Somebody who is in every project.
EVERYWHERE = person(*(project.name for project in OFFER.projects))


def form(chosen: ServerRequest | None = None, standing: Standing = EVERYWHERE) -> Form:
    """Return what a person sees."""
    return Form(render(OFFER, standing=standing, chosen=chosen or ServerRequest()))


def test_the_big_button_starts_first_steps() -> None:
    """A newcomer presses one button, and nothing else is asked of them."""
    assert from_fields(form().press("quick-start")) == ServerRequest(flavour="first-steps")


def test_the_big_button_says_that_it_is_free() -> None:
    """The button names the price and what is not in it, in both languages."""
    html = {}
    for language in ("nl", "en"):
        with speaking(language):
            html[language] = render(OFFER, standing=person(), chosen=ServerRequest())
    assert "Start (free, without GPU)" in html["en"]
    assert "About first-steps (nl)" in html["nl"]
    assert "About first-steps (en)" in html["en"]


def test_an_open_choice_is_left_to_the_policy() -> None:
    """Who presses Start among the options without choosing gets the defaults."""
    assert from_fields(form().press("spawn_form")) == ServerRequest(flavour="first-steps")


def test_every_choice_is_read_back() -> None:
    """What a person fills in is what the parser reads."""
    sent = form().press("spawn_form", flavour="gpu-1", project="roads", hours="6")
    assert from_fields(sent) == ServerRequest(flavour="gpu-1", project="roads", hours=6)


@pytest.mark.parametrize(
    "chosen",
    [
        ServerRequest(flavour="gpu-1"),
        ServerRequest(flavour="gpu-2", hours=3),
        ServerRequest(flavour="first-steps", project="school"),
        ServerRequest(flavour="gpu-1", stream="national", lent=True, notebook="regional/energy.ipynb"),
    ],
)
def test_a_preselection_is_kept(chosen: ServerRequest) -> None:
    """What a link asks for is filled in and in sight, and pressing Start asks for just that."""
    shown = form(chosen)
    assert shown.open_details
    assert from_fields(shown.press("spawn_form")) == chosen


def test_the_big_button_keeps_the_notebook() -> None:
    """A lesson's link opens its notebook whichever button is pressed, and hides no options open."""
    shown = form(ServerRequest(notebook="lessons/one.ipynb"))
    expected = ServerRequest(flavour="first-steps", notebook="lessons/one.ipynb")
    assert from_fields(shown.press("quick-start")) == expected
    assert not shown.open_details


def test_without_a_preselection_the_options_are_closed() -> None:
    """The first thing that a newcomer sees is one button."""
    assert not form().open_details


def test_only_known_fields() -> None:
    """The form has no field that the parser would refuse."""
    shown = form(ServerRequest(flavour="gpu-1", stream="regional", lent=True, notebook="a.ipynb"))
    assert {a["name"] for _, a in shown.controls if a.get("name")} <= set(KEYS)


def test_every_control_has_a_label() -> None:
    """Whoever hears the page instead of seeing it knows what each field is."""
    html = render(OFFER, standing=EVERYWHERE, chosen=ServerRequest(lent=True))
    labelled = []
    for tag, attributes in Form(html).controls:
        if tag != "button" and attributes.get("type") != "hidden":
            assert f'for="{attributes["id"]}"' in html
            labelled.append(attributes["name"])
        described = attributes.get("aria-describedby")
        assert described is None or f'id="{described}"' in html
    assert set(labelled) == {"flavour", "project", "hours", "lent"}


NAMES = [project.name for project in OFFER.projects]


@pytest.mark.parametrize(("count", "asked"), [(0, False), (1, False), (2, True)])
def test_the_project_is_asked_when_there_is_a_choice(count: int, asked: bool) -> None:
    """Nobody is asked to choose from one."""
    names = [a.get("name") for tag, a in form(standing=person(*NAMES[:count])).controls if tag == "select"]
    assert names == (["project"] if asked else [])


def test_hours_are_bounded_by_the_longest_flavour() -> None:
    """The browser itself refuses hours that no flavour has."""
    hours = next(a for _, a in form().controls if a.get("name") == "hours")
    assert (hours["min"], hours["max"]) == ("1", "24")


def test_what_a_facility_writes_is_text() -> None:
    """A title with markup in it is shown, not run."""
    evil = Flavour(**{**dict(flavour("first-steps", 0)), "title": words("<script>alert(1)</script>")})
    html = render(Offer(flavours=(evil,), streams=(), projects=()), standing=person(), chosen=ServerRequest())
    assert "<script>" not in html


def test_default_flavour() -> None:
    """The big button starts first-steps, or else what comes first without a GPU, or else the first."""
    others = (flavour("gpu-1", 1), flavour("small", 0))
    assert default_flavour(OFFER).name == "first-steps"
    assert default_flavour(Offer(flavours=others, streams=(), projects=())).name == "small"
    assert default_flavour(Offer(flavours=others[:1], streams=(), projects=())).name == "gpu-1"


def test_projects_stand_below_their_stream() -> None:
    """The streams come in the facility's order; one without projects of this person is left out."""
    grouped = [(s.name, [p.name for p in ps]) for s, ps in by_stream(OFFER, OFFER.projects)]
    assert grouped == [("regional", ["bakery", "school"]), ("national", ["roads"])]
    assert [s.name for s, _ in by_stream(OFFER, OFFER.projects[1:2])] == ["national"]


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        (ServerRequest(), None),
        (ServerRequest(flavour="gpu-1", stream="regional", project="bakery"), None),
        (ServerRequest(flavour="gpu-9"), "unknown-flavour"),
        (ServerRequest(stream="moon"), "unknown-stream"),
        (ServerRequest(project="moon"), "unknown-project"),
    ],
)
def test_what_is_not_offered_is_refused(chosen: ServerRequest, reason: str | None) -> None:
    """A name that the facility does not have is refused by name, before anyone presses Start."""
    refused = not_offered(chosen, OFFER)
    assert (refused.reason if isinstance(refused, Refused) else None) == reason
