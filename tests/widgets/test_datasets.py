"""``datasets()``: what it asks, shows and says; ``mount()`` and ``unmount()`` beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.widgets.fakes import JOB, SECRET, Platform, card

from werkplaats_widgets import NoAnswer, catalogue, datasets, mount, unmount
from werkplaats_widgets.datasets import Datasets
from werkplaats_widgets.desk import Desk, Refused
from werkplaats_widgets.mounting import mounted


def press(shown: Datasets, does: Any, name: Any = "", **more: Any) -> None:
    """Send what the page sends."""
    shown._handle_custom_msg({"do": does, "id": name, **more}, [])


def said(shown: Datasets, name: str) -> str:
    """Return the sentence beside a card."""
    return str(shown.said[name]["text"])


def test_a_dataset_is_mounted_with_a_grant(platform: Platform) -> None:
    """The desk is asked with the server's token and job; the daemon gets what the desk signed."""
    assert mount("vehicles") == Path("/data/vehicles")
    assert platform.asked == [("POST", "api/grants", {"dataset": "vehicles", "job": JOB})]
    assert platform.headers[0]["Authorization"] == f"token {SECRET}"
    assert platform.headers[0]["Accept-Language"] == "nl"
    (wish,) = platform.wishes
    assert wish["want"] == "mount"
    assert SECRET not in json.dumps(platform.wishes)
    assert [one.dataset for one in mounted()] == ["vehicles"]
    unmount("vehicles")
    assert mounted() == ()


@pytest.mark.parametrize(
    "name", ["../etc", "", "a", "Vehicles", "x" * 41, "a/b", "a b", None, 3, "vehicles\n"]
)
def test_a_name_that_no_dataset_can_have(platform: Platform, name: Any) -> None:
    """Nobody is asked."""
    with pytest.raises(Refused, match="Zo kan een dataset niet heten"):
        mount(name)
    with pytest.raises(Refused):
        unmount(name)
    assert (platform.asked, platform.wishes) == ([], [])


def test_a_refusal_is_the_desks_own_sentence(platform: Platform) -> None:
    """With its label, for programs."""
    with pytest.raises(Refused, match="Lees eerst de voorwaarden") as refused:
        mount("municipal-assets")
    assert refused.value.reason == "terms"
    assert platform.wishes == []


def test_a_refusal_of_the_daemon(platform: Platform) -> None:
    """Its sentence too; and ours where it had none."""
    platform.trouble = {"trouble": "busy", "message": "Er staat nog een bestand open."}
    with pytest.raises(Refused, match="nog een bestand open"):
        unmount("vehicles")
    platform.trouble = {"trouble": "busy"}
    with pytest.raises(Refused, match="niet worden gekoppeld of ontkoppeld"):
        unmount("vehicles")


@pytest.mark.parametrize("answer", [b"", b"{}\n", b"[]\n", b"not json\n", b'{"path": 3}\n', b"\xff\n"])
def test_a_daemon_that_answers_nonsense(platform: Platform, answer: bytes) -> None:
    """A sentence, and no path that nobody gave."""
    platform.trouble = answer
    with pytest.raises(NoAnswer, match="niet worden gekoppeld"):
        mount("vehicles")
    with pytest.raises(NoAnswer, match="niet worden gekoppeld"):
        mounted()


@pytest.mark.parametrize(
    ("status", "refusal", "words"),
    [
        (401, {}, "kent deze server niet meer"),
        (403, "", "kent deze server niet meer"),
        (403, {"reason": "no", "message": "Dit project mag dat niet."}, "Dit project mag dat niet"),
        (500, "oops", "geeft nu geen antwoord"),
        (302, "", "geeft nu geen antwoord"),
        (200, {}, ""),
    ],
)
def test_what_the_desk_can_say_instead(platform: Platform, status: int, refusal: Any, words: str) -> None:
    """Each is a sentence."""
    platform.status, platform.refusal = status, refusal
    if words:
        with pytest.raises(NoAnswer, match=words) as wrong:
            catalogue()
        assert SECRET not in str(wrong.value)
    else:
        assert len(catalogue()) == 3


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WERKPLAATS_DESK_URL", "http://127.0.0.1:1/", "does not answer now"),
        ("WERKPLAATS_DESK_URL", "", "only in a server of the platform"),
        ("JUPYTERHUB_API_TOKEN", "", "only in a server of the platform"),
        ("SLURM_JOB_ID", "", "only in a server of the platform"),
        ("SLURM_JOB_ID", "17; rm", "only in a server of the platform"),
        ("WERKPLAATS_MOUNTS", "/nowhere/socket", "cannot be mounted or unmounted on this machine now"),
        ("WERKPLAATS_MOUNTS", "", "only in a server of the platform"),
    ],
)
def test_somebody_is_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """In the server's language, for the function and on the cards."""
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", "en")
    monkeypatch.setenv(name, value)
    with pytest.raises(NoAnswer, match=words):
        mount("vehicles")
    assert words in datasets().trouble


def test_the_cards(platform: Platform) -> None:
    """What matters at a glance, in the desk's order, as texts."""
    shown = datasets()
    assert [one["id"] for one in shown.offered] == ["vehicles", "municipal-assets", "cohort"]
    first = shown.offered[0]
    assert (first["title"], first["size"], first["files"]) == ("Voertuigen", "12,3 MB", "3 bestanden")
    assert (shown.trouble, shown.mounted, shown.own_mounts) == ("", {}, True)
    text = repr(shown)
    assert "vehicles: Voertuigen (Open, 12,3 MB, 1.0.0). Je kunt deze dataset meteen gebruiken." in text
    assert SECRET not in text + json.dumps(shown.get_state(), default=str)


def test_use_and_unmount(platform: Platform) -> None:
    """One button, the path and a line that reads it; another button, and it is gone."""
    shown = datasets()
    press(shown, "mount", "vehicles")
    line = "import pandas; table = pandas.read_parquet('/data/vehicles')"
    assert shown.mounted["vehicles"] == {
        "path": "/data/vehicles", "version": "1.0.0", "code": line, "means": "",
    }  # fmt: skip
    assert said(shown, "vehicles") == "Voertuigen staat klaar in /data/vehicles."
    assert line in repr(shown)
    press(shown, "unmount", "vehicles")
    assert shown.mounted == {}
    assert said(shown, "vehicles") == "Voertuigen is ontkoppeld."


def test_terms_are_accepted_and_it_is_mounted(platform: Platform) -> None:
    """One button for both, with the version that was shown."""
    shown = datasets()
    press(shown, "show", "municipal-assets")
    details = shown.details["municipal-assets"]
    assert details["terms"].startswith("Gebruik deze gegevens zorgvuldig.")
    assert details["preview"]["rows"] == [["AB-12-CD", "1200"], ["EF-34-GH", ""]]
    press(shown, "accept", "municipal-assets")
    assert ("POST", "api/datasets/municipal-assets/acceptance", {"version": "1.0.0"}) in platform.asked
    assert "municipal-assets" in shown.mounted
    assert shown.offered[1]["standing"] == "granted"


def test_an_application(platform: Platform) -> None:
    """For one of the person's projects; what is missing is said before anybody is asked."""
    shown = datasets()
    press(shown, "show", "cohort")
    assert (shown.project, shown.projects) == ("bakery", ["bakery", "biobank"])
    press(shown, "apply", "cohort", project="biobank", purpose=" ", until="2027-01-31")
    assert said(shown, "cohort") == "Vul alle velden in: project, waarvoor en tot wanneer."
    assert shown.said["cohort"]["refusal"] is True
    press(shown, "apply", "cohort", project="biobank", purpose="Slaap en hart", until="2027-01-31")
    told = {"version": "1.0.0", "project": "biobank", "purpose": "Slaap en hart", "until": "2027-01-31"}
    assert platform.asked[-2] == ("POST", "api/datasets/cohort/applications", told)
    assert shown.offered[2]["standing"] == "waiting"
    assert said(shown, "cohort") == "Je aanvraag is verstuurd."


def test_restricted_data_says_what_that_means(platform: Platform) -> None:
    """Nothing else may run, the server cannot be shared, and until when."""
    platform.offered["cohort"].update(standing="granted", project="bakery", until="2027-01-31")
    shown = datasets()
    stands = shown.offered[2]["stands"]
    assert stands == "Je hebt toegang, in een server van het project bakery. Tot en met 31 jan. 2027."
    press(shown, "mount", "cohort")
    means = shown.mounted["cohort"]["means"]
    assert "niets anders van jou draaien" in means
    assert "met niemand te delen" in means
    assert "2030" in means


def test_a_refusal_stands_beside_the_card(platform: Platform) -> None:
    """And nothing is mounted."""
    shown = datasets()
    press(shown, "mount", "municipal-assets")
    assert shown.said["municipal-assets"] == {"text": "Lees eerst de voorwaarden.", "refusal": True}
    assert shown.mounted == {}


@pytest.mark.parametrize(("standing", "words"), [("granted", "de tijd was om"), ("declined", "ingetrokken")])
def test_a_mount_that_is_gone_is_said(platform: Platform, standing: str, words: str) -> None:
    """At the next look; with what the desk knows of why."""
    platform.offered["cohort"]["standing"] = "granted"
    shown = datasets()
    press(shown, "mount", "cohort")
    platform.mounted.clear()
    platform.offered["cohort"]["standing"] = standing
    press(shown, "look")
    assert shown.mounted == {}
    assert shown.said["cohort"]["refusal"] is True
    assert words in said(shown, "cohort")


def test_a_look_asks_the_desk_seldom(platform: Platform) -> None:
    """The daemon each time: it is near, and knows what is mounted."""
    shown = datasets()
    asked, wishes = len(platform.asked), len(platform.wishes)
    press(shown, "look")
    assert len(platform.asked) == asked
    assert len(platform.wishes) > wishes
    press(shown, "refresh")
    assert len(platform.asked) == asked + 1


def test_a_daemon_that_went_away_takes_nothing_from_the_card(platform: Platform) -> None:
    """What is mounted stays mounted; that it cannot be seen is said."""
    shown = datasets()
    press(shown, "mount", "vehicles")
    platform.trouble = b""
    press(shown, "look")
    assert "vehicles" in shown.mounted
    assert "Probeer het zo opnieuw" in shown.trouble
    platform.trouble = None
    press(shown, "look")
    assert shown.trouble == ""


@pytest.mark.parametrize(
    "message",
    ["mount", {}, [], None, {"do": "mount"}, {"do": "refresh_all"}, {"do": "_say", "id": "vehicles"},
     {"do": "mount", "id": "../x"}, {"do": "mount", "id": ["vehicles"]}, {"do": ["mount"], "id": "vehicles"},
     {"do": {"look": 1}}],
)  # fmt: skip
def test_a_page_can_ask_for_few_things(platform: Platform, message: Any) -> None:
    """All else is passed over."""
    shown = datasets()
    asked, wishes = list(platform.asked), list(platform.wishes)
    shown._handle_custom_msg(message, [])
    assert (platform.asked, platform.wishes) == (asked, wishes)


def test_a_machine_without_mounts_of_its_own(platform: Platform) -> None:
    """The cards know it, and say it."""
    platform.own_mounts = False
    assert datasets().own_mounts is False


def test_a_desk_that_knows_more_or_less(platform: Platform) -> None:
    """More is passed over; what cannot be a card is no answer; an unknown standing is unknown."""
    platform.offered["vehicles"].update(colour="blue", standing="maybe")
    shown = datasets()
    assert shown.offered[0]["standing"] == "unknown"
    assert "onbekend" in shown.offered[0]["stands"]
    platform.offered["vehicles"]["tier"] = "secret"
    shown.refresh()
    assert "geen antwoord" in shown.trouble
    assert len(shown.offered) == 3


def test_a_record_without_a_line_that_reads_it(platform: Platform) -> None:
    """Gets one that shows its files; a long cell of a preview is cut."""
    platform.offered["plain"] = card("plain", "open", "free", {"nl": "", "en": "Plain"}, read_with="")
    shown = datasets()
    press(shown, "mount", "plain")
    assert shown.mounted["plain"]["code"] == "import os; os.listdir('/data/plain')"
    assert shown.offered[3]["title"] == "Plain"


def test_a_token_is_not_shown() -> None:
    """Not by accident, as the value of a cell."""
    assert SECRET not in repr(Desk("http://x", SECRET))


def test_no_proxy_sees_the_token(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a redirection: the desk is asked itself, or nobody."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "")
    assert len(catalogue()) == 3
