"""The folder of the desk's socket for mail: whose it is, and who may pass."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from single_machine import files, mail_folder
from single_machine.console import StepFailed
from werkplaats_hub.help_settings import Mail
from werkplaats_hub.instance import Instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance in a folder."""
    return Instance.beside(tmp_path, "wpmail", 28000)


def test_one_group_may_pass(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the desk's, its group is the mail server's, and others cannot even look."""
    given: list[tuple[str, str]] = []
    chown = SimpleNamespace(chown=lambda path, owner, group: given.append((owner, group)))
    monkeypatch.setattr(files, "shutil", chown)
    mail_folder.make(instance, Mail(sender="help@w.example", replies=True, group="exim"))
    assert given == [("wpmail-desk", "exim")]
    assert stat.S_IMODE((instance.run / "mail").stat().st_mode) == 0o710


@pytest.mark.parametrize("mail", [None, Mail(sender="help@w.example")])
def test_without_replies_there_is_none(instance: Instance, mail: Mail | None) -> None:
    """What nobody uses is not laid down."""
    mail_folder.make(instance, mail)
    assert not (instance.run / "mail").exists()


def test_a_group_that_is_not_there(instance: Instance) -> None:
    """The operator reads which, and where it is named."""
    with pytest.raises(StepFailed, match="no group 'no-such-group'") as failed:
        mail_folder.make(instance, Mail(sender="help@w.example", replies=True, group="no-such-group"))
    assert "help.mail.group" in failed.value.mend
