"""The cards in a real browser: by keyboard, for a voice, in both themes, whatever a record holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browsers import chromium, screenshots, unreadable
from tests.widgets import pages
from tests.widgets.fakes import Platform, both, card

from werkplaats_widgets import datasets

EVIL = [
    "<img src=x onerror=window.hit=1>",
    "<script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "' onfocus='window.hit=1' autofocus='",
    "{{constructor.constructor('window.hit=1')()}}",
    "<style>*{display:none}</style>",
    "\u202egnirts\u202c &lt;b&gt; \x00",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the widget's files."""
    with pages.files() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window; what goes wrong in its page fails the test."""
    window = browser.new_context(locale="nl", viewport={"width": 1280, "height": 900})
    found, wrong = window.new_page(), list[str]()
    found.set_default_timeout(10_000)
    found.on("pageerror", lambda error: wrong.append(str(error)))
    yield found
    window.close()
    assert wrong == []


def of(page: Page, name: str) -> str:
    """Return what selects a card."""
    return f'[data-dataset="{name}"]'


def test_one_button(platform: Platform, page: Page, address: str) -> None:
    """A press, the path, a line of code, and out again."""
    pages.show(page, address, datasets())
    vehicles = page.locator(of(page, "vehicles"))
    vehicles.get_by_role("button", name="Gebruik deze dataset").click()
    expect(vehicles).to_contain_text("/data/vehicles")
    expect(vehicles.get_by_role("status")).to_have_text("Voertuigen staat klaar in /data/vehicles.")
    expect(vehicles.locator("pre")).to_have_text(
        "import pandas; table = pandas.read_parquet('/data/vehicles')"
    )
    page.screenshot(path=screenshots("datasets") / "mounted.png", full_page=True)
    vehicles.get_by_role("button", name="Kopieer").click()
    expect(vehicles.get_by_role("status")).to_have_text("Gekopieerd.")
    vehicles.get_by_role("button", name="Ontkoppel").click()
    expect(vehicles.get_by_role("status")).to_have_text("Voertuigen is ontkoppeld.")
    assert platform.mounted == {}


def test_terms_are_shown_and_accepted_once(platform: Platform, page: Page, address: str) -> None:
    """In the card; then it is mounted."""
    pages.show(page, address, datasets())
    town = page.locator(of(page, "municipal-assets"))
    ask = town.get_by_role("button", name="Lees de voorwaarden")
    expect(ask).to_have_attribute("aria-expanded", "false")
    ask.click()
    expect(ask).to_have_attribute("aria-expanded", "true")
    expect(town).to_contain_text("Vermeld de bron.")
    page.screenshot(path=screenshots("datasets") / "terms.png", full_page=True)
    town.get_by_role("button", name="Akkoord en gebruik").click()
    expect(town).to_contain_text("/data/municipal-assets")
    town.get_by_role("button", name="Ontkoppel").click()
    expect(town.get_by_role("button", name="Gebruik deze dataset")).to_be_visible()


def test_an_application_by_keyboard_alone(platform: Platform, page: Page, address: str) -> None:
    """Project, purpose, until when; what is missing is said beside it, and nothing typed is lost."""
    pages.show(page, address, datasets())
    cohort = page.locator(of(page, "cohort"))
    expect(cohort).to_contain_text("niets anders van jou draaien")
    cohort.get_by_role("button", name="Vraag toegang aan").focus()
    page.keyboard.press("Enter")
    project = cohort.get_by_label("Project")
    expect(project).to_have_value("bakery")
    project.select_option("biobank")
    page.keyboard.press("Tab")
    cohort.get_by_label("Waarvoor").fill("Slaap en hart")
    cohort.get_by_role("button", name="Verstuur").focus()
    page.keyboard.press("Enter")
    expect(cohort.get_by_role("status")).to_contain_text("Vul alle velden in")
    expect(cohort.get_by_label("Waarvoor")).to_have_value("Slaap en hart")
    expect(cohort.get_by_role("button", name="Verstuur")).to_be_focused()
    page.screenshot(path=screenshots("datasets") / "application.png", full_page=True)
    cohort.get_by_label("Tot en met").fill("2027-01-31")
    page.keyboard.press("Enter")
    expect(cohort.get_by_role("status")).to_have_text("Je aanvraag is verstuurd.")
    expect(cohort.locator("h3")).to_be_focused()
    assert platform.offered["cohort"]["project"] == "biobank"


def test_the_focus_stays_in_the_card(platform: Platform, page: Page, address: str) -> None:
    """Also where its button goes, and while another card changes."""
    pages.show(page, address, datasets())
    vehicles = page.locator(of(page, "vehicles"))
    vehicles.get_by_role("button", name="Gebruik").focus()
    page.keyboard.press("Space")
    expect(vehicles.locator("h3")).to_be_focused()
    more = page.locator(of(page, "cohort")).get_by_role("button", name="Meer over")
    more.focus()
    page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    expect(more).to_be_focused()
    platform.mounted.clear()
    page.evaluate("window.kernel && document.querySelector('.wp-data-bar button').click()")
    expect(vehicles.get_by_role("status")).to_contain_text("niet meer gekoppeld")
    expect(more).to_be_focused()


def test_search_and_filter(platform: Platform, page: Page, address: str) -> None:
    """By any word of a card, and by kind; how many are left is said."""
    pages.show(page, address, datasets())
    page.get_by_role("searchbox").fill("westerwold BOMEN")
    expect(page.locator(".wp-data-card:visible")).to_have_count(1)
    expect(page.locator(".wp-data-count")).to_have_text("1 van 3 datasets")
    page.get_by_label("Soort").select_option("restricted")
    expect(page.locator(".wp-data-count")).to_contain_text("Geen dataset past hierbij")
    page.get_by_role("searchbox").fill("")
    expect(page.locator(of(page, "cohort"))).to_be_visible()
    expect(page.locator(".wp-data-card:visible")).to_have_count(1)


def test_the_first_rows(platform: Platform, page: Page, address: str) -> None:
    """A table with headings, and a sentence where none may be shown."""
    platform.offered["cohort"]["preview"] = None
    pages.show(page, address, datasets())
    for name in ("vehicles", "cohort"):
        page.locator(of(page, name)).get_by_role("button", name="Meer over").click()
    expect(page.get_by_role("columnheader", name="plate")).to_be_visible()
    expect(page.get_by_role("cell", name="AB-12-CD")).to_be_visible()
    expect(page.locator(of(page, "cohort"))).to_contain_text("geen rijen vooraf")


def test_a_press_that_waits_says_why(platform: Platform, page: Page, address: str) -> None:
    """A kernel that runs a cell answers later; meanwhile a second press does nothing."""
    pages.show(page, address, datasets())
    page.evaluate("void (window.hold = new Promise(go => (window.go = go)))")
    vehicles = page.locator(of(page, "vehicles"))
    vehicles.get_by_role("button", name="Gebruik").click()
    waiting = vehicles.get_by_role("button", name="Even geduld")
    expect(waiting).to_have_attribute("aria-disabled", "true")
    waiting.click(force=True)
    expect(vehicles.get_by_role("status")).to_contain_text("nog bezig met een cel")
    page.evaluate("window.go()")
    expect(vehicles.get_by_role("status")).to_contain_text("staat klaar")
    assert sum(wish["want"] == "mount" for wish in platform.wishes) == 1


def test_a_machine_without_mounts_of_its_own(platform: Platform, page: Page, address: str) -> None:
    """Open data has its button, the rest a sentence."""
    platform.own_mounts = False
    pages.show(page, address, datasets())
    expect(page.locator(of(page, "cohort"))).to_contain_text("geen eigen koppelingen")
    expect(page.locator(of(page, "municipal-assets")).get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("button", name="Gebruik deze dataset")).to_have_count(1)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 1280])
def test_everybody_can_read_it(
    platform: Platform, page: Page, address: str, dark: bool, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing for axe-core to find, with all of it open; and no wider than its window."""
    monkeypatch.setenv("WERKPLAATS_LANGUAGE", "en" if dark else "nl")
    platform.offered["vehicles"]["tier"] = "restricted"
    platform.offered["extra"] = card("extra", "open", "free", both("Nog een", "Another"), synthetic=False)
    page.set_viewport_size({"width": width, "height": 900})
    pages.show(page, address, datasets(), dark=dark)
    for name in ("vehicles", "extra"):
        page.locator(of(page, name)).get_by_role("button").first.click()
        expect(page.locator(of(page, name)).locator("pre")).to_be_visible()
    for name in ("municipal-assets", "cohort"):
        page.locator(of(page, name)).get_by_role("button").first.click()
        expect(
            page.locator(of(page, name)).locator(".wp-data-buttons, [data-key=accept]").first
        ).to_be_visible()
    page.locator(of(page, "municipal-assets")).get_by_role("button").last.click()
    page.locator(of(page, "cohort")).get_by_role("button").last.click()
    page.wait_for_timeout(200)
    name = f"all-{'dark' if dark else 'light'}-{width}.png"
    page.screenshot(path=screenshots("datasets") / name, full_page=True)
    assert unreadable(page) == []


def test_nothing_of_a_record_is_html(platform: Platform, page: Page, address: str) -> None:
    """Every field, opened, mounted and refused: shown as it is written, and nothing of it runs."""
    for number, evil in enumerate(EVIL):
        text = both(evil)
        platform.offered[f"evil-{number}"] = card(
            f"evil-{number}", "open", "free", text, description=text, owner=evil, steward=evil, licence=evil,
            licence_title=evil, purposes=[text], read_with=evil, word=evil, terms=text, legal_basis=text,
            consent=text, version=evil, preview={"columns": [evil], "rows": [[evil]]},
        )  # fmt: skip
    shown = datasets()
    assert shown.trouble == ""
    pages.show(page, address, shown)
    for number, evil in enumerate(EVIL):
        one = page.locator(of(page, f"evil-{number}"))
        one.get_by_role("button").first.click()
        expect(one.locator("pre")).to_be_visible()
        one.locator('[data-key="more"]').click()
        expect(one.locator("td")).to_have_count(1)
        if evil.isprintable():
            expect(one.locator("h3")).to_have_text(evil)
            expect(one.locator("pre")).to_have_text(evil)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert page.locator(".wp-data :is(img, svg, iframe, style, script, [onfocus], [onload])").count() == 0
    expect(page.locator(of(page, "evil-0")).locator("h3")).to_be_visible()


def test_it_ends_cleanly(platform: Platform, page: Page, address: str) -> None:
    """A cell that is run again leaves nothing behind."""
    pages.show(page, address, datasets())
    assert page.evaluate("window.listeners()") == 8
    page.evaluate("window.end()")
    assert page.evaluate("window.listeners()") == 0
