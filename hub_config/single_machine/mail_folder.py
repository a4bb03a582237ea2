"""The folder of the desk's socket for mail: the desk's, and for one group to pass."""

from __future__ import annotations

from single_machine import files
from single_machine.console import StepFailed
from werkplaats_hub.help_settings import Mail
from werkplaats_hub.instance import Instance


def make(instance: Instance, mail: Mail | None) -> None:
    """Let this machine's mail server, and nobody else, come to the desk's socket.

    Parameters
    ----------
    mail
        As ``facility.toml`` has it; without one, or without replies, nothing is made.

    Raises
    ------
    StepFailed
        When the machine has no such group.
    """
    if mail is None or not mail.replies:
        return
    try:
        files.folder(instance.mail_socket.parent, 0o710, instance.desk_user, mail.group)
    except LookupError:
        raise StepFailed(
            f"this machine has no group '{mail.group}', as whose member its mail server would run",
            "install the mail server, or name its group in help.mail.group of facility.toml",
        ) from None
