"""``redact()``: nothing of the corpus gets through, and what is no secret stays as it was."""

from __future__ import annotations

import hashlib
import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.widgets.corpus import HARMLESS, Example, Maker, examples, in_a_notebook

from werkplaats_widgets.reading import KINDS, Reading
from werkplaats_widgets.redacting import redact, taken_out

CORPUS = [one for seed in (1, 2, 3) for one in examples(seed)]


def left(example: Example, text: str) -> list[str]:
    """Return the secrets that are in a text still."""
    return [secret for secret in example.secrets if secret in text]


def test_the_corpus_is_wide() -> None:
    """Of more than fifty kinds, and several of each."""
    kinds = {one.kind for one in CORPUS}
    assert len(kinds) >= 60
    assert all(left(one, one.text) for one in CORPUS), "an example without its secret proves nothing"


def test_none_gets_through() -> None:
    """As it is, and once more after itself."""
    through = [(one.kind, one.text, redact(one.text)) for one in CORPUS if left(one, redact(one.text))]
    assert through == []


def test_none_gets_through_in_a_notebook() -> None:
    """Where each line is a string of its own, and quotes have a backslash; it can be read as JSON still."""
    for one in CORPUS:
        text = in_a_notebook(one.text)
        secrets = [secret for secret in one.secrets if secret in text]
        gone = redact(text)
        assert [secret for secret in secrets if secret in gone] == [], (one, gone)
        assert json.loads(gone)["nbformat"] == 4, (one, gone)


def test_none_gets_through_among_others() -> None:
    """All of them in one text, line by line."""
    text = "\n".join(one.text for one in CORPUS)
    gone = redact(text)
    assert [(one.kind, one.text) for one in CORPUS if left(one, gone)] == []


def test_none_gets_through_in_a_coloured_traceback() -> None:
    """As IPython writes it: a colour before and after each word."""
    for esc, seed in itertools.product(("\x1b", "\\x1b", "\\u001b", "\\033"), range(5)):
        secret = Maker(seed).word()
        text = (
            f"{esc}[0;32m---> 1{esc}[0m password {esc}[38;5;241m={esc}[39m {esc}[38;5;124m'{secret}'{esc}[39m"
        )
        assert secret not in redact(text)
        assert redact(text).endswith(f"'{esc}[39m")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    """Alone, and in a notebook."""
    assert redact(text) == text
    assert redact(in_a_notebook(text)) == in_a_notebook(text)


def test_what_is_no_secret_stays_together() -> None:
    """One line does not make a secret of the next."""
    text = "\n".join(HARMLESS)
    assert redact(text) == text
    assert len(HARMLESS) >= 60


def test_only_the_secret_is_taken_out() -> None:
    """What is around it stays, to the last space."""
    assert redact("db = connect(user='jan',  password='hunter2', port=5432)\n") == (
        "db = connect(user='jan',  password='[removed: password]', port=5432)\n"
    )
    assert (
        redact("see https://jan:geheim1@example.org/x?page=2 .")
        == "see https://[removed: password]@example.org/x?page=2 ."
    )


def test_what_was_taken_out_is_counted() -> None:
    """By kind, each once; a mark that stands already is not."""
    text = "password='hunter2' jan@example.org, piet@example.org [removed: e-mail]"
    gone, counts = taken_out(text)
    assert counts == {"password": 1, "e-mail": 2}
    assert taken_out(gone) == (gone, {})
    assert set(counts) <= set(KINDS)


def test_what_went_through_stays_as_it_is() -> None:
    """A second time changes nothing."""
    gone = {redact(one.text) for one in CORPUS}
    assert [text for text in gone if redact(text) != text] == []


PIECES = st.sampled_from(
    [
    "password", "token", "key", "secret", "=", ": ", "'", "', ", ", ", ", ", ", ", ", ", ", ",
    ", ", ", ",
    "-----END", "eyJ", "sk-", "[removed: ", "[removed: token]", "]", "06", "12345678", "123456782",
    "+31", "NL91", "ABNA0417164300",
    "Cookie", "Bearer ", "Basic ", "{", "}", "(", ")", ",", ";", "&", "?token=", "%3D", "\x1b[31m",
    "\U0010ff80", "a7Q", "x" * 20, "--password ", "bsn",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_comes_through_twice_the_same(text: str) -> None:
    """It never fails, and is done after one time."""
    gone = redact(text)
    assert redact(gone) == gone


@given(st.text())
def test_any_text_is_read_and_written_back(text: str) -> None:
    """The form in which the rules read it loses nothing, whatever characters there are in it."""
    reading = Reading.of(text)
    assert reading.back(reading.text) == text


@given(st.text(alphabet=st.characters(categories=["L", "Zs", "P"], exclude_characters="@:=<>'\"`\\%-/?#&")))
def test_a_text_of_words_stays(text: str) -> None:
    """Without digits and signs there is nothing to take out."""
    assert redact(text) == text


LARGE = 2_000_000
ADVERSARIAL = [
    "a", "1", "1 ", "a.", "a@", "@", "a@a.", ":", "a:", "://", "://a:b", "://a:", "//", "eyJ",
    "eyJaaaaa.", "eyJ-", "sk-", "SG.-", "=", "password=", "password='",
    "password=\"", "password=\\\"", "password=(", "password ", "token: ", "key=aaaaaaaa1",
    "secret is ", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----A",
    "BEGIN PRIVATE KEY", "Cookie: ", "cookies={", "Authorization: ", "Bearer ", "Basic a",
    "--password ", "-p ", "mysql ", "docker login ", "WIFI:", "user a password ", "\n", "\\n",
    "\\\\", "\\\"", "'", "\"", "\x1b[0m", "NL91", "NL91 ", "4111", "06 ", "+31", "0 ", "?token=",
    "%3Ftoken%3D", "[removed: ", "\U0010ff80", "a:1:a:a:", "login(a,", "auth=(a,", "tel ", "bsn ",
]  # fmt: skip


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_the_time_it_takes_grows_with_the_text(piece: str) -> None:
    """Ten times the text takes ten times as long, and not a hundred times."""

    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        best = 1e9
        for _ in range(2):
            began = time.process_time()
            redact(text)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(10_000), seconds(100_000)
    assert large < 30 * small + 0.2, (piece, small, large)


def test_two_megabytes() -> None:
    """Of code, logs and numbers: it takes seconds."""
    line = "2026-11-21 step 1000 loss=0.69 token=abc key: layer.0.weight user@host /home/x 192.168.1.1\n"
    text = line * (LARGE // len(line))
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 20


TABLES = (
    "JUPYTERHUB_API_TOKEN            {secret}\nHOME      /home/mkb",
    "JUPYTERHUB_API_TOKEN\t{secret}",
    "| JUPYTERHUB_API_TOKEN | {secret} |",
    "│ JUPYTERHUB_API_TOKEN │ {secret} │",
    "<tr><th>JUPYTERHUB_API_TOKEN</th>\n      <td>{secret}</td></tr>",
    "JUPYTERHUB_API_TOKEN=\n{secret}",
    '{{"JUPYTERHUB_API_TOKEN":\n    "{secret}"}}',
)


@pytest.mark.parametrize("table", TABLES)
def test_a_variable_and_its_value_in_a_table(table: str) -> None:
    """As pandas, a shell and HTML show an environment; also within a notebook's outputs."""
    for seed in range(5):
        secret = hashlib.md5(str(seed).encode()).hexdigest()  # the shape of JupyterHub's tokens
        text = table.format(secret=secret)
        assert secret not in redact(text)
        assert secret not in redact(in_a_notebook(text))


def test_what_this_kernel_keeps_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own token goes wherever it stands, whatever it looks like; a short value is no secret."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "plain words of a token")
    monkeypatch.setenv("OTHER_KEY", "short")
    text = "here: plain words of a token. And a short one."
    assert taken_out(text) == ("here: [removed: token]. And a short one.", {"token": 1})
