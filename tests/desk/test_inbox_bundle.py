"""What came along, laid out: whatever a file says, within bounds of time and length."""

from __future__ import annotations

import json
import struct
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from tests.desk import questions
from tests.desk.conftest import Browser
from tests.desk.questions import JPEG, PNG, TRACEBACK, code, notebook, shows
from tests.desk.test_inbox import asked, file

from werkplaats_desk.centre import bundle
from werkplaats_desk.centre.bundle import Laid
from werkplaats_desk.centre.models import Attachment
from werkplaats_desk.centre.notebook import Room, plain
from werkplaats_desk.centre.pictures import picture
from werkplaats_desk.desk import Desk

Make = Callable[..., Browser]
__all__ = ["file"]


def lay(kind: str, text: str | bytes, room: Room | None = None) -> Laid:
    """Lay one attachment out."""
    content = text.encode() if isinstance(text, str) else text
    one = Attachment(id=1, kind=kind, name="a name", size=len(content))
    return bundle.lay(one, content, room or Room())


def cells(*raw: Any) -> Any:
    """Lay a notebook of these cells out, and return its cells."""
    laid = lay("notebook", notebook(raw))
    assert laid.shape == "notebook"
    return laid.notebook.cells


def test_a_notebook_in_order() -> None:
    """Text, code, what was printed, errors without colours, pictures; each in its place."""
    laid = lay("notebook", questions.bundle()[2]["text"]).notebook
    assert [cell.kind for cell in laid.cells] == ["text", "code", "code", "code", "code", "code"]
    assert laid.cells[0].source.text == "# Weeds\nIn **images**"
    assert laid.cells[1].outputs[0].part.text == "3 rows\n"
    assert laid.cells[2].outputs[0].picture is not None
    assert laid.cells[2].outputs[0].part.text == "<Figure size 640x480>"
    assert laid.cells[3].outputs[0].part.text == "   a\n0  1"
    assert laid.cells[3].outputs[0].hidden == ("HTML",)
    error = laid.cells[4].outputs[0]
    assert (error.kind, error.part.text) == ("error", plain(TRACEBACK))
    assert "\x1b" not in error.part.text
    assert "\ufffd" not in error.part.text
    assert laid.cells[5].count is None
    assert laid.has_pictures


NOT = [
    "", "no JSON", "{", "[]", "null", "17", '"text"', "{}", '{"cells": {}}', '{"cells": null}', "\x00\xff",
    '{"worksheets": []}', "[" * 100_000, '{"cells": [' * 50_000, '{"a":' * 200_000, "1" * 5000, "NaN",
    '{"cells": [' + "[]," * 400_000 + "[]]}",
]  # fmt: skip


def test_what_was_to_be_a_notebook() -> None:
    """Sent as a file, because it is none, it says so too; another file does not."""
    for name, odd in (("les.IPYNB", True), ("les.txt", False)):
        assert bundle.lay(Attachment(id=1, kind="file", name=name, size=1), b"x", Room()).odd == odd


@pytest.mark.parametrize("text", NOT, ids=range(len(NOT)))
def test_what_is_no_notebook(text: str) -> None:
    """Is shown as text, and says so."""
    laid = lay("notebook", text)
    assert (laid.shape, laid.odd) == ("text", True)
    assert lay("notebook", text.encode("utf-16")).shape in ("text", "notebook")


WRONG: list[Any] = [
    None,
    17,
    -1,
    1.5,
    True,
    "text",
    [],
    ["a", 1, None, ["b"]],
    {},
    {"a": {"b": []}},
    [{}],
    "\ud800",
]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_fields_of_wrong_types(wrong: Any) -> None:
    """Each field of nbformat's in turn is something else: it is empty, or text; nothing falls over."""
    outputs = [
        {"output_type": wrong, "data": {"text/plain": "x"}},
        {"output_type": "stream", "name": wrong, "text": wrong},
        {"output_type": "error", "ename": wrong, "evalue": wrong, "traceback": wrong},
        {"output_type": "error", "ename": wrong, "evalue": wrong, "traceback": [wrong]},
        {"output_type": "display_data", "data": wrong, "metadata": wrong},
        shows(text_plain=wrong, image_png=wrong, image_jpeg=wrong, text_html=wrong, other=wrong),
        wrong,
    ]
    raw = [
        {"cell_type": wrong, "source": wrong},
        {"cell_type": "markdown", "source": wrong, "attachments": wrong},
        {"cell_type": "code", "source": "x", "execution_count": wrong, "outputs": wrong, "metadata": wrong},
        code(wrong, *outputs, count=wrong),
        wrong,
        {},
    ]
    laid = cells(*raw)
    assert len(laid) == len(raw)
    assert len(laid[3].outputs) == len(outputs)
    for cell in laid:
        for part in (cell.source, *(output.part for output in cell.outputs)):
            part.text.encode()  # nothing that a page cannot hold


def png(width: int, height: int, kind: bytes = b"IHDR") -> str:
    """Return a picture that says how large it is."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((kind, head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )
    return b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def test_pictures_that_are_what_they_say() -> None:
    """PNG and JPEG alone, looked at and encoded again; with line breaks in them as old notebooks have."""
    for encoded, kind in ((PNG, "png"), (PNG[:40] + "\n" + PNG[40:] + "\n", "png"), (JPEG, "jpeg")):
        found = picture(encoded)
        assert found is not None
        assert found.source.startswith(f"data:image/{kind};base64,")
        assert (found.width, found.height) == ((1, 1) if kind == "png" else (3, 2))
    found = picture(png(640, 480))
    assert found is not None
    assert (found.width, found.height) == (640, 480)


def test_pictures_are_small_when_they_are_unpacked(browser: Make, desk: Desk) -> None:
    """A few bytes may say that they are millions of pixels: a page has 40 million of those in all."""
    many = notebook([code("x", *[shows(image_png=png(5000, 4000), text_plain="beside")] * 3)] * 2)
    (first, second) = lay("notebook", many).notebook.cells
    assert [one.kind for one in first.outputs] == ["picture", "picture", "text"]
    assert {(one.kind, one.hidden) for one in second.outputs} == {("text", ("image/png",))}
    room = Room()
    lay("notebook", many, room)
    (cell,) = lay("notebook", notebook([code("x", shows(image_png=PNG))]), room).notebook.cells
    assert cell.outputs[0].picture is None, "of all that is on a page together"
    (cell,) = cells(code("x", shows(image_png=png(8000, 8000)), shows(image_jpeg=JPEG)))
    assert [one.kind for one in cell.outputs] == ["hidden", "picture"], "one too large leaves room"
    beside = [{"kind": "notebook", "name": f"{n}.ipynb", "text": many} for n in range(3)]
    page = browser("expert").get(f"inbox/{asked(desk, attachments=beside)}").text
    assert (page.count("<img"), page.count("image/png, not shown")) == (2, 16)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "x",
        "no base64!",
        "aGFsbG8=",
        b64encode(SVG).decode(),
        b64encode(b"GIF89a" + SVG).decode(),
        b64encode(b"\x89PNG\r\n\x1a\n" + SVG).decode(),
        b64encode(b"\xff\xd8\xff" + SVG).decode(),
        png(0, 10),
        png(10, 100_000),
        png(2**31, 2**31),
        png(10, 10, b"iHDR"),
        b64encode(b"\xff\xd8").decode(),
        '"><script>alert(1)</script>',
        PNG + '" onerror="alert(1)',
        "é" * 8,
        PNG[:30],
        b64encode(b64decode(PNG) + b"\x00" * 3_000_000).decode(),
    ],
)
def test_pictures_that_are_not(encoded: str) -> None:
    """They are named, and not shown; the text beside them is."""
    assert picture(encoded) is None
    (cell,) = cells(code("x", shows(image_png=encoded, text_plain="beside")))
    assert cell.outputs[0].kind == "text"
    assert cell.outputs[0].hidden == ("image/png",)
    assert cell.outputs[0].part.text == "beside"


def test_what_only_a_browser_could_show() -> None:
    """HTML, scripts, drawings and widgets are named; what else there is has its own name, cut short."""
    data = {
        "text/html": "<b>x</b>", "application/javascript": "alert(1)", "image/svg+xml": SVG.decode(),
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "x" * 500: "y",
    }  # fmt: skip
    (cell,) = cells(code("x", {"output_type": "display_data", "data": data}))
    assert cell.outputs[0].kind == "hidden"
    assert cell.outputs[0].hidden == ("HTML", "JavaScript", "SVG", "widget", "x" * 60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\ufffd[0;31mred\ufffd[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("\x1bMup", "up"),
        ("a\x00b\x07", "a\ufffdb\ufffd"),
        ("\u202etxt", "\ufffdtxt"),
        ("1%\r50%\r100%\n", "100%\n"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "\ufffd"),
        ("a\tb", "a\tb"),
        ("[0m", "[0m"),
    ],
)
def test_a_terminals_marks(text: str, shown: str) -> None:
    """Colours, links, titles and progress go; what cannot be shown is replaced."""
    assert plain(text) == shown


def heavy(cell: Any, megabytes: float = 8) -> str:
    """Return a notebook of some megabytes of one cell over and over."""
    one = json.dumps(cell)
    return notebook([]).replace("[]", "[" + ", ".join([one] * int(megabytes * 2**20 / (len(one) + 2))) + "]")


HEAVY = {
    "lines": code(["x = 1\n"] * 200, {"output_type": "stream", "name": "stdout", "text": ["line\n"] * 200}),
    "one-line": code("x" * 1_000_000),
    "one-output": code(
        "x", {"output_type": "stream", "name": "stdout", "text": "\x1b[31mab\x1b[0m" * 100_000}
    ),
    "escapes": code("\x1b[0" * 200_000, count=1),
    "titles": code("\x1b]0" * 200_000),
    "returns": code("1%\r" * 200_000),
    "pictures": code("x", *[shows(image_png=b64encode(b64decode(PNG) + bytes(60_000)).decode())] * 20),
    "outputs": code("x", *[{"output_type": "stream", "name": "stdout", "text": "x"}] * 2000),
    "small-cells": code("x"),
    "nothing": 1,
    "numbers": list(range(1000)),
    "controls": code("\x01" * 200_000),
    "plotly": code("x", shows(application_vnd={"data": [{"x": list(range(10_000))}]})),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_eight_megabytes(kind: str) -> None:
    """Are laid out in less than a second, and not all of it is on the page."""
    text = heavy(HEAVY[kind]).encode()
    assert 6 * 2**20 < len(text) <= 8 * 2**20 + 100
    taken = []
    for _ in range(2):
        begun = time.process_time()
        laid = lay("notebook", text)
        taken.append(time.process_time() - begun)
    assert min(taken) < 1
    shown = sum(
        len(part.text)
        for cell in laid.notebook.cells
        for part in (cell.source, *(output.part for output in cell.outputs))
    )
    assert shown + len(laid.part.text) <= 300_000
    left = [laid.notebook.left, laid.part.left]
    for cell in laid.notebook.cells:
        left += [cell.source.left, cell.outputs_left, *(len(output.hidden) for output in cell.outputs)]
    assert sum(left) > 0, "something is not shown, and that is said"


def test_a_heavy_page(browser: Make, desk: Desk) -> None:
    """A question with 8 MiB of notebook has it on a page of its own, which comes within a second."""
    text = heavy(HEAVY["pictures"])
    number = asked(desk, attachments=[{"kind": "notebook", "name": "heavy.ipynb", "text": text}])
    expert = browser("expert")
    page = expert.get(f"inbox/{number}").text
    assert len(page) < 50_000
    assert f'href="/services/desk/inbox/{number}/attachments/1"' in page
    taken = []
    for _ in range(3):
        begun = time.process_time()
        own = expert.get(f"inbox/{number}/attachments/1")
        taken.append(time.process_time() - begun)
    assert own.status_code == 200
    assert "image/png, not shown" in own.text
    assert len(own.text) < 8_000_000
    assert min(taken) < 1


def test_the_page_has_an_end(browser: Make, desk: Desk) -> None:
    """Of many middling attachments those that are too much are named, and have pages of their own."""
    each = [{"kind": "log", "name": f"log {n}", "text": f"{n}\n" * 90_000} for n in range(10)]
    number = asked(desk, attachments=each)
    page = browser("expert").get(f"inbox/{number}").text
    assert page.count('<details class="wp-attached"') == 5
    assert page.count("wp-elsewhere") == 5
    assert len(page) < 700_000


def test_ends_and_beginnings() -> None:
    """Of a log and an error the end is shown; of a cell the beginning; what is left out is counted."""
    lines = "".join(f"line {n}\n" for n in range(100_000))
    for kind in ("log", "error"):
        laid = lay(kind, lines)
        assert laid.from_end
        assert laid.part.text.endswith("line 99999\n")
        assert laid.part.left == len(lines) - 100_000
    laid = lay("cell", lines)
    assert laid.part.text.startswith("line 0\n")
    assert laid.part.left == len(lines) - 100_000
    assert not laid.from_end
    assert lay("error", TRACEBACK).summary == "ValueError: X has 3 features, but the model wants 4"
    assert lay("error", "").summary == ""
    assert lay("log", "short").part.left == 0


def test_the_environment_is_a_table() -> None:
    """A name and what it is, in each line; however it was written."""
    laid = lay("environment", "python 3.11\n\n  numpy   2.4.6 \nbare\ngpu NVIDIA H100, 80 GB\n")
    assert laid.rows == (("python", "3.11"), ("numpy", "2.4.6"), ("bare", ""), ("gpu", "NVIDIA H100, 80 GB"))
    assert laid.part.left == 0
    many = lay("environment", "".join(f"p{n} 1\n" for n in range(2000)))
    assert len(many.rows) == 500
    assert many.part.left > 0


@pytest.mark.parametrize(
    ("kind", "name", "kept"),
    [
        ("file", "data.csv", "data.csv"),
        ("file", "run.exe", "run.exe.txt"),
        ("file", "x.html", "x.html.txt"),
        ("file", "../../etc/passwd", "_.._etc_passwd.txt"),
        ("file", "...", "file.txt"),
        ("log", "job 17", "job 17.txt"),
        ("notebook", "les", "les.ipynb"),
        ("notebook", "LES.IPYNB", "LES.IPYNB"),
        ("file", 'a"b\\c.txt', "a_b_c.txt"),
        ("file", "C:\\x.bat", "C__x.bat.txt"),
        ("file", "é+ü.md", "é_ü.md"),
        ("file", "x" * 120, "x" * 100 + ".txt"),
        ("file", "x.html.", "x.html.txt"),
        ("file", "a\u202eexe.txt", "a_exe.txt"),
        ("file", "a;b.txt", "a_b.txt"),
    ],
)
def test_names_of_files(kind: str, name: str, kept: str) -> None:
    """No path, nothing that a machine would run, nothing that ends the header."""
    one = Attachment(kind=kind, name=name)
    assert bundle.file_name(one) == kept
    header = bundle.headers(one)["Content-Disposition"]
    assert header.isascii()
    assert header.count('"') == 2
    assert header.count(";") == 2


def test_a_file_to_keep(browser: Make, desk: Desk) -> None:
    """As it was sent, and a browser is told to make nothing of it; not by way of another question."""
    evil = "<script>alert(1)</script>"
    number = asked(desk, attachments=[{"kind": "file", "name": "evil.html", "text": evil}])
    other = asked(desk)
    expert = browser("expert")
    answer = expert.get(f"inbox/{number}/attachments/1/file")
    assert answer.text == evil
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith('attachment; filename="evil.html.txt"')
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert expert.get(f"inbox/{other}/attachments/1/file").status_code == 404
    assert expert.get(f"inbox/{other}/attachments/1").status_code == 404


def test_pictures_open_the_policy_for_themselves_alone(browser: Make, desk: Desk) -> None:
    """A page without a picture has the desk's own policy; with one, pictures in the page are let in too."""
    plain_one = asked(desk, attachments=[{"kind": "cell", "name": "cell", "text": "x"}])
    with_one = asked(desk, attachments=questions.bundle())
    expert = browser("expert")
    usual = expert.get("inbox").headers["content-security-policy"]
    assert expert.get(f"inbox/{plain_one}").headers["content-security-policy"] == usual
    for path in (f"inbox/{with_one}", f"inbox/{with_one}/attachments/4"):
        policy = expert.get(path).headers["content-security-policy"]
        assert policy == usual.replace("img-src 'self'", "img-src 'self' data:")
        assert policy != usual
