"""What is run in a notebook before Lab has seen to its kernel: once, on one connection, widgets and all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.browsers import chromium, notebook_of
from tests.widgets import labs
from tests.widgets.fakes import Platform, running

CELL = "import ipywidgets\nslider = ipywidgets.IntSlider(description='lengte')\nslider"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def page(tmp_path: Path, browser: Browser) -> Iterator[Page]:
    """Return a page, and Lab behind it with a notebook; narrow, so that no panel starts a kernel too."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "work/try.ipynb").write_text(json.dumps(notebook_of(CELL)))
    with running(tmp_path, Platform()) as environment, labs.lab(home, environment, "en") as url:
        window = browser.new_context(viewport={"width": 860, "height": 800}, base_url=url)
        yield window.new_page()
        window.close()


class Gate:
    """Holds requests of a page until it is opened."""

    def __init__(self, page: Page, address: str, method: str) -> None:
        self.held: list[Route] | None = []
        self.method = method
        page.route(address, self._came)

    def _came(self, route: Route) -> None:
        if self.held is None or route.request.method != self.method:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        """Let through what waits, and what comes."""
        waiting, self.held = self.held, None
        assert waiting, "nothing came to the gate"
        for route in waiting:
            route.continue_()


def run(page: Page) -> None:
    """Run the cell, as a person does."""
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click(timeout=60_000)
    page.keyboard.press("Shift+Enter")


def has_run(page: Page, times: int) -> None:
    """See that the cell was run so often by its kernel, that its widget is shown, and that no other runs."""
    prompt = page.locator(".jp-Notebook .jp-InputPrompt", has_text=f"[{times}]")
    expect(prompt).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-Notebook .widget-slider")).to_have_count(1, timeout=10_000)
    assert [found["path"] for found in labs.running(page.url.split("lab/")[0])] == ["try.ipynb"]


def test_a_cell_is_run_before_lab_asked_for_a_kernel(page: Page) -> None:
    """It starts the kernel; that Lab comes by later takes nothing away, and widgets live on."""
    gate = Gate(page, "**/api/contents/try.ipynb/checkpoints*", "GET")  # Lab asks for these first
    page.goto("lab/tree/try.ipynb")
    run(page)
    has_run(page, 1)
    connections: list[str] = []
    page.on("websocket", lambda opened: connections.append(opened.url))
    # Lab makes a checkpoint, and then comes by for the session.
    with page.expect_response(
        lambda answer: "/checkpoints" in answer.url and answer.request.method == "POST"
    ):
        gate.open()
    run(page)
    has_run(page, 2)
    assert connections == []


def test_a_cell_is_run_while_the_kernel_starts(page: Page) -> None:
    """It waits for it, and is run once."""
    gate = Gate(page, "**/api/sessions*", "POST")
    with page.expect_request(lambda request: request.method == "POST" and "/api/sessions" in request.url):
        page.goto("lab/tree/try.ipynb")
    run(page)
    gate.open()
    has_run(page, 1)
