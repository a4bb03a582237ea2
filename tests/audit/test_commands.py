"""``werkplaats audit``: what the operator reads, and the status with which it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.audit.journals import SIGNER, Place, mount
from typer.testing import CliRunner

from werkplaats_audit.events import Event
from werkplaats_hub.audit_settings import AuditPlace, anchor, audit_settings
from werkplaats_hub.cli import app
from werkplaats_hub.instance import Instance


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance with an audit of three acts."""
    made = Instance.beside(tmp_path, "wptry", 20000)
    for folder in (made.etc, made.audit_journal, anchor(made, AuditPlace()).parent):
        folder.mkdir(parents=True)
    (made.etc / "instance.json").write_text(made.text())
    (made.etc / "audit-signing-key.pub").write_bytes(SIGNER.public())
    shutil.copy(Path(__file__).parents[2] / "hub_config/facility.toml", made.facility)
    monkeypatch.setenv("WERKPLAATS_INSTANCE", str(made.etc / "instance.json"))
    with _place(made).opened() as journal:
        begun = journal.begin("mounts", mount("mkb", "vehicles", project="proef"))
        journal.end("mounts", begun.entry, "done", {})
        journal.begin("mounts", mount("rijk", "cohort", purpose="sleep\nand \u202ehearts"))
        journal.begin(
            "desk", Event(kind="decision", person="rijk", dataset="cohort", by="steward"), "refused"
        )
    return made


def _place(instance: Instance) -> Place:
    return Place(instance.audit_journal, anchor(instance, AuditPlace()))


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *words])
    return done.exit_code, done.output


def test_a_good_journal(instance: Instance) -> None:
    """How many entries, since when, and the head."""
    status, said = _run("verify")
    assert status == 0
    assert said.startswith("good: 4 entries since 2")
    assert "held against 4 signed heads, and 4 at" in said


def test_each_fault_is_a_line(instance: Instance) -> None:
    """With the entry's number, and what to do."""
    journal = _place(instance).journal
    journal.write_bytes(journal.read_bytes().replace(b'"person":"mkb"', b'"person":"xyz"'))
    status, said = _run("verify")
    assert status == 1
    assert said.startswith("WRONG  entry 1 was changed after it was written")
    assert "docs/how-to/audit.md" in said


def test_an_anchor_that_was_kept(instance: Instance, tmp_path: Path) -> None:
    """All three files put back are found against a copy alone."""
    place = _place(instance)
    kept = tmp_path / "kept"
    shutil.copy(place.anchor, kept)
    for path in (place.journal, place.heads, place.anchor):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert _run("verify")[0] == 0
    status, said = _run("verify", "--anchor", str(kept))
    assert status == 1
    assert "an older state was put back" in said


def test_an_anchor_that_came_by_mail(instance: Instance, tmp_path: Path) -> None:
    """A saved mail counts for its head; one without is refused, and what to do is said."""
    kept = tmp_path / "kept.eml"
    newest = _place(instance).anchor.read_text().splitlines()[-1]
    kept.write_text(f"Subject: where it ends\n\nWords before it.\n\n{newest}\n")
    status, said = _run("verify", "--anchor", str(kept))
    assert (status, "4 signed heads, and 1 at" in said) == (0, True)
    assert str(kept) in said
    kept.write_text("Subject: something else\n\nWords.\n")
    status, said = _run("verify", "--anchor", str(kept))
    assert status == 1
    assert "Save the mail as it came" in said


def test_who_gets_heads_by_mail(instance: Instance) -> None:
    """An address needs a mail server; nobody is written to unless that is asked."""
    assert json.loads(audit_settings(instance, AuditPlace()))["mail"] is None
    given = {"anchor_mail": "logboek@example.org", "smtp": {"host": "mail.example.org", "starttls": True}}
    mail = json.loads(audit_settings(instance, AuditPlace.model_validate(given)))["mail"]
    assert (mail["to"], mail["sender"]) == ("logboek@example.org", "logboek@example.org")
    assert (mail["host"], mail["port"], mail["starttls"], mail["every"]) == (
        "mail.example.org",
        25,
        True,
        3600,
    )
    with pytest.raises(ValidationError, match=r"write \[audit.smtp\] too"):
        AuditPlace.model_validate({"anchor_mail": "logboek@example.org"})
    for wrong in ("nobody", "a@b\nBcc: c@d", "a b@c", "a@b,c@d"):
        with pytest.raises(ValidationError):
            AuditPlace.model_validate({**given, "anchor_mail": wrong})


def test_what_cannot_be_read_is_said(instance: Instance, tmp_path: Path) -> None:
    """No traceback, and not the status of a good journal."""
    status, said = _run("verify", "--anchor", str(tmp_path / "nothing"))
    assert (status, "cannot be read" in said) == (1, True)
    (instance.etc / "audit-signing-key.pub").write_text("no key")
    status, said = _run("verify")
    assert (status, "make up" in said) == (1, True)
    _place(instance).journal.write_bytes(b"rubbish\n")
    status, said = _run("show")
    assert (status, "werkplaats audit verify" in said) == (1, True)


def test_show(instance: Instance) -> None:
    """Each act on one line of its own, with its end; no text passes for another line."""
    status, said = _run("show")
    lines = said.splitlines()
    assert status == 0
    assert [line.split()[3:5] for line in lines] == [
        ["mount", "done"],
        ["mount", "open"],
        ["decision", "refused"],
    ]
    assert "sleep and  hearts" in lines[1]
    assert _run("show", "--person", "mkb")[1].count("\n") == 1
    assert _run("show", "--dataset", "cohort", "--last", "1")[1].split()[3] == "decision"
    assert _run("show", "--person", "nobody") == (0, "The journal has nothing of that.\n")


def test_where_it_writes(instance: Instance) -> None:
    """Beside the instance's own state, or where the operator says."""
    said = json.loads(audit_settings(instance, AuditPlace()))
    assert said["anchor"] == str(instance.state / "audit-anchor/heads")
    other = AuditPlace.model_validate({"anchor": "/mnt/other/heads"})
    assert json.loads(audit_settings(instance, other))["anchor"] == "/mnt/other/heads"
    for wrong in ("heads", "/mnt/../heads", "", 7):
        with pytest.raises(ValidationError):
            AuditPlace.model_validate({"anchor": wrong})
