"""The extension of every kernel: it counts the same error, tells the desk once, and breaks nothing."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from tests.instances import CHECKOUT
from tests.widgets.fakes import running
from tests.widgets.help_desk import HelpDesk

from werkplaats_server import watching
from werkplaats_server.watching import Watch, fingerprint, load_ipython_extension
from werkplaats_widgets import offering

CONFIG = CHECKOUT / "extensions/werkplaats_server/ipython/ipython_kernel_config.py"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelpDesk]:
    """A desk where somebody wants help to be offered, and this process as a kernel of the platform."""
    found = HelpDesk(wanted="yes")
    with running(tmp_path, found) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Keep what help is offered for."""
    found: list[BaseException] = []
    monkeypatch.setattr(offering, "show", found.append)
    return found


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A shell that runs cells, and is watched."""
    found = InteractiveShell()
    monkeypatch.setattr(found, "showtraceback", lambda *_words, **_more: None)
    monkeypatch.setattr(found, "showsyntaxerror", lambda *_words, **_more: None)
    yield found
    found.history_manager.end_session()


def run(shell: Any, code: str, times: int = 1) -> None:
    """Run a cell, so many times."""
    for _ in range(times):
        shell.run_cell(code, store_history=False)


def test_the_same_five_times(desk: HelpDesk, shell: Any, shown: list[BaseException]) -> None:
    """The desk hears it once, at the fifth, as a fingerprint; help is offered once."""
    load_ipython_extension(shell)
    run(shell, "x = 1\nundefined_name", 4)
    assert desk.told == []
    run(shell, "x = 1\nundefined_name")
    (told,) = desk.told
    assert told["kind"] == "error"
    assert "undefined" not in str(told)
    assert len(told["fingerprint"]) == 64
    assert [type(one) for one in shown] == [NameError]
    run(shell, "x = 1\nundefined_name", 10)
    assert (len(desk.told), len(shown)) == (1, 1)


@pytest.mark.parametrize("wanted", ["no", "unasked"])
def test_who_does_not_want_it(desk: HelpDesk, shell: Any, shown: list[BaseException], wanted: str) -> None:
    """The desk says no, and nothing is shown."""
    desk.wanted = wanted
    load_ipython_extension(shell)
    run(shell, "1/0", 9)
    assert (len(desk.told), shown) == (1, [])


def test_different_errors(desk: HelpDesk, shell: Any, shown: list[BaseException]) -> None:
    """Five that differ are no five times the same; what is stopped by hand is no error."""
    load_ipython_extension(shell)
    for name in "abcdefgh":
        run(shell, f"undefined_{name}")
    run(shell, "raise KeyboardInterrupt", 6)
    run(shell, "raise SystemExit", 6)
    run(shell, "x = 1", 6)
    assert desk.told == []
    run(shell, "def f(:", 5)
    assert len(desk.told) == 1


def test_a_fingerprint(shell: Any) -> None:
    """The same line with another number or more room is the same; another line, or another error, is not."""

    def of(code: str) -> str:
        result = shell.run_cell(code, store_history=False)
        return fingerprint(result.error_in_exec or result.error_before_exec)

    assert of("[1][ 7]") == of("[1][  12]")
    assert len({of("[1][7]"), of("{}[7]"), of("(1)[7]"), of("int('x')"), of("def f(:")}) == 5
    library = "import json\njson.loads('{')"
    assert of(library) == of("y = 1\n" + library) != of("import json\njson.loads('[')")


def test_a_desk_that_is_away_or_slow(
    desk: HelpDesk, shell: Any, shown: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell waits for a moment at most, once; a late answer is shown after the next cell."""
    monkeypatch.setattr(watching, "_PATIENCE", 0.05)
    answer = desk.answer

    def slowly(method: str, address: str, body: Any) -> tuple[int, Any]:
        time.sleep(0.5)  # what is tested is that nobody waits for this
        return answer(method, address, body)

    monkeypatch.setattr(desk, "answer", slowly)
    load_ipython_extension(shell)
    began = time.perf_counter()
    run(shell, "1/0", 5)
    assert time.perf_counter() - began < 0.45
    assert shown == []
    late = time.monotonic() + 10
    while not shown and time.monotonic() < late:
        run(shell, "x = 1")
    assert len(shown) == 1
    monkeypatch.setenv("WERKPLAATS_DESK_URL", "http://127.0.0.1:1/")
    run(shell, "int('x')", 6)
    assert len(shown) == 1


def test_nothing_of_its_own_goes_wrong(desk: HelpDesk, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in it, the cell is what it was, and it does not come again."""
    load_ipython_extension(shell)

    def broken(_self: Watch, _result: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(Watch, "after", broken)
    assert shell.run_cell("6 * 7").result == 42
    monkeypatch.undo()
    run(shell, "1/0", 5)
    assert desk.told == []


def test_an_error_that_cannot_be_read(shell: Any) -> None:
    """One without a traceback, or with a line that is not text."""
    assert fingerprint(ValueError("x")) == fingerprint(ValueError("y"))
    assert fingerprint(SyntaxError("x", ("f", 1, 1, "\ud800"))) != fingerprint(ValueError("x"))


def test_outside_the_platform(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is watched."""
    monkeypatch.delenv("WERKPLAATS_DESK_URL", raising=False)
    before = list(shell.events.callbacks["post_run_cell"])
    load_ipython_extension(shell)
    assert shell.events.callbacks["post_run_cell"] == before


def test_what_it_costs(desk: HelpDesk) -> None:
    """Less than a millisecond for a cell, with or without an error; many errors take no room."""
    watch = Watch()

    class Result:
        error_before_exec: BaseException | None = None
        error_in_exec: BaseException | None = None

    def seconds(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            watch.after(Result())
        return (time.perf_counter() - began) / count

    assert seconds(1000) < 0.001
    wrong: list[BaseException] = []
    for number in range(300):
        try:
            exec(compile("raise ValueError", f"<ipython-input-{number}>", "exec"), {})
        except ValueError as error:
            wrong.append(type(f"E{number}", (Exception,), {})().with_traceback(error.__traceback__))
    for one in wrong:
        Result.error_in_exec = one
        assert seconds(1) < 0.05
    assert len(watch._times) == 200
    Result.error_in_exec = wrong[0]
    watch.after(Result())
    assert seconds(1) < 0.001


def test_it_imports_next_to_nothing() -> None:
    """A kernel starts no later for it."""
    heavy = "[name for name in sys.modules if 'widget' in name or 'requests' in name]"
    code = f"import sys; import werkplaats_server.watching; print({heavy})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_kernel_loads_it() -> None:
    """The environment's own settings name it, beside what a person's settings name."""
    from IPython.core.application import ENV_CONFIG_DIRS

    target = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    laid = target["wheel"]["shared-data"][str(CONFIG.relative_to(CHECKOUT))]
    assert Path(sys.prefix, laid).parent == Path(ENV_CONFIG_DIRS[0])
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config()
    extensions = config.InteractiveShellApp.extensions
    assert extensions.get_value(["mine"]) == ["mine", "werkplaats_server.watching"]
