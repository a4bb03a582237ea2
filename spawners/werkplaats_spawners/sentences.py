"""What a person is told when a start fails: a sentence, and what to do next."""

from __future__ import annotations

from werkplaats_spawners.cluster import Unreachable
from werkplaats_spawners.enrol.waiting import NotEnrolled
from werkplaats_spawners.enrol.why import Why
from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.launch.client import LaunchFailed
from werkplaats_spawners.policy import Granted
from werkplaats_spawners.request import Refused
from werkplaats_spawners.slurm import Trouble, alone


def last_words(how: str, lines: list[str]) -> str:
    """Say that a job ended before its server was ready, with the end of its log.

    Parameters
    ----------
    how
        Slurm's final state.
    lines
        The log's last lines; what cannot be printed in them is left out.
    """
    sentence = _("Your server stopped before it was ready ({how}). Its last words:").format(how=how)
    clean = ["".join(c if c.isprintable() else " " for c in line) for line in lines]
    return "\n".join([sentence, *clean])


def slurm_is_away(detail: str = "") -> Refused:
    """Say that nothing can be started now; `detail` is Slurm's own word."""
    sentence = _(
        "The cluster does not answer at the moment. Nothing was started. Try again in a few minutes."
    )
    return Refused("slurm-away", f"{sentence} ({detail})" if detail else sentence, 503)


def nothing_known(wrong: Unreachable) -> Refused:
    """Say that a request cannot be judged now."""
    return not_enrolled(wrong.why) if isinstance(wrong, NotEnrolled) else slurm_is_away(str(wrong))


def not_enrolled(why: Why) -> Refused:
    """Say that somebody's account is not there, and what becomes of it."""
    match why:
        case Why.NAME:
            return Refused("name-taken", kept_name(), 403)
        case Why.TAKEN:
            sentence = _(
                "This machine has a user, a group or a folder of your name, which is not yours. Sign in "
                "under another name, or ask the desk."
            )
            return Refused("name-taken", sentence, 403)
        case Why.WAITING:
            sentence = _("Your account on the cluster is being made. Load this page again in a moment.")
        case Why.FULL:
            sentence = _(
                "As many newcomers have come today as there is room for in one day. Come back tomorrow: then "
                "your account is made by itself. If it cannot wait, ask the desk."
            )
        case Why.UNREACHABLE:
            sentence = _(
                "Your account on the cluster will be made as soon as the cluster answers. You need not do "
                "anything for it. Load this page again in a few minutes."
            )
        case _:
            sentence = _(
                "Your account on the cluster could not be made yet. It is tried again each time you load "
                "this page. If it stays so, tell the desk."
            )
    return Refused("not-enrolled", sentence, 503)


def kept_name() -> str:
    """Say that nobody can sign in under a name that has the form of one."""
    return _("This machine keeps that name for something else. Choose another one.")


def submission_refused(failed: LaunchFailed, granted: Granted) -> Refused:
    """Say why Slurm did not take a job that the policy had granted."""
    match failed.trouble:
        case Trouble.UNREACHABLE:
            return slurm_is_away()
        case Trouble.NO_ASSOCIATION:
            sentence = _(
                "The cluster does not let you charge a server to the project '{project}'. "
                "Ask the owner of the project, or the desk, to add you."
            )
            return Refused("no-association", sentence.format(project=granted.project.name), 403)
        case Trouble.NOT_AVAILABLE:
            sentence = _("No node of this cluster can hold a server of the kind '{name}'. Choose another.")
            return Refused("not-available", sentence.format(name=granted.flavour.name), 400)
        case Trouble.BUSY:
            sentence = _(
                "Earlier requests of yours to the cluster have not come to an end, so nothing was started. "
                "Try again in a minute. If it stays so, tell the desk."
            )
            return Refused("busy", sentence, 503)
        case Trouble.ALONE:
            return alone_with(alone(str(failed)))
        case Trouble.OVER_LIMIT:
            sentence = _(
                "This server would go over a limit of your stream. Choose a smaller one, or fewer hours."
            )
            return Refused("over-limit", sentence, 403)
    sentence = _("The cluster did not take the job: {detail}")
    return Refused("submission-failed", sentence.format(detail=failed), 500)


def alone_with(dataset: str) -> Refused:
    """Say that nothing starts beside a dataset that is mounted; a dataset is called what its address is."""
    sentence = _(
        "While the dataset '{dataset}' is mounted, nothing else of yours starts. "
        "Unmount it, or stop that server."
    )
    return Refused("alone", sentence.format(dataset=dataset), 409)


def not_shared_with(dataset: str) -> Refused:
    """Say that no server is shared while a dataset is mounted that is for its person alone."""
    sentence = _(
        "While the dataset '{dataset}' is mounted, no server of this person can be shared. Unmount it first."
    )
    return Refused("alone", sentence.format(dataset=dataset), 409)


def not_shared_for_a_while() -> Refused:
    """Say that a server is not shared in the minutes in which such a dataset may be mounted in it."""
    sentence = _(
        "A dataset that is for one person alone was asked for in this server a moment ago. Nothing was "
        "shared. Try again in a few minutes."
    )
    return Refused("alone", sentence, 409)


def not_shared_now() -> Refused:
    """Say that nobody can tell whether a server may be shared."""
    sentence = _(
        "The cluster does not answer at the moment, so nobody can tell whether this server may be shared. "
        "Nothing was shared. Try again in a few minutes."
    )
    return Refused("slurm-away", sentence, 503)
