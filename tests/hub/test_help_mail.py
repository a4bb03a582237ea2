"""``[help.mail]``: what the desk is told of it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from werkplaats_hub.help_settings import Help, Mail, help_settings
from werkplaats_hub.instance import Instance


def told(tmp_path: Path, **mail: Any) -> dict[str, Any]:
    """Return what the desk is told of mail."""
    given = Help.model_validate(
        {
            "topics": {"vision": {"title": {"nl": "x", "en": "x"}, "kind": "technique"}},
            "experts": {"anna": {"hours_per_week": 8.0}},
            "mail": {"sender": "help@werkplaats.example", **mail},
        }
    )
    said = help_settings(Instance.beside(tmp_path, "wpmail", 28000), given, {"regional": 1.0})
    assert said is not None
    found: dict[str, Any] = said["mail"]
    return found


def test_what_the_desk_is_told(tmp_path: Path) -> None:
    """Where its key lies, always; the password where it signs in, the socket where replies are taken."""
    assert told(tmp_path) == {
        "sender": "help@werkplaats.example", "host": "localhost", "port": 25, "security": "starttls",
        "user": "", "password_file": None, "incoming": None,
        "key_file": str(tmp_path / "state/secrets/mail-key"),
    }  # fmt: skip
    more = told(tmp_path, user="desk", replies=True, group="exim")
    assert more["password_file"] == str(tmp_path / "state/secrets/mail-password")
    assert more["incoming"] == str(tmp_path / "run/mail/mail.socket")
    assert "group" not in more


def test_mail_in_the_clear_stays_on_this_machine(tmp_path: Path) -> None:
    """Without TLS to a server elsewhere everybody on the way reads it, the password as well."""
    for host in ("localhost", "127.0.0.1", "::1"):
        assert told(tmp_path, host=host, security="none")["security"] == "none"
    with pytest.raises(ValidationError, match=r"smtp\.example is another machine; write 'starttls' or 'tls'"):
        Mail(sender="help@werkplaats.example", host="smtp.example", security="none")


def test_a_secret_fits_behind_the_senders_name() -> None:
    """The part before the @ has 64 characters at most, the secret's included (RFC 5321)."""
    Mail(sender=f"{'a' * 25}@werkplaats.example", replies=True)
    Mail(sender=f"{'a' * 60}@werkplaats.example")
    with pytest.raises(ValidationError, match="use a shorter one"):
        Mail(sender=f"{'a' * 26}@werkplaats.example", replies=True)


@pytest.mark.parametrize("group", ["", "root; true", "a b", "-x", "a" * 40])
def test_a_group_is_a_name(group: str) -> None:
    """Nothing else is handed to the system."""
    with pytest.raises(ValidationError):
        Mail(sender="help@werkplaats.example", group=group)
