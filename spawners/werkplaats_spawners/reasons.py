"""Why a job waits: every reason of Slurm 22.05 as a sentence, and what to do about it.

The reasons are those that squeue prints (``job_reason_string()`` of Slurm's
``slurm_protocol_defs.c``). Most are of a few families, such as ``QOSGrpGRES`` and
``AssocMaxCpuPerJobLimit``, and are read by their parts. One that is not known here is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from werkplaats_spawners.language import gettext as _
from werkplaats_spawners.offer import LENT

#: Marks a sentence for the catalogue; it is said in the reader's language later.
N_ = str


@dataclass(frozen=True)
class Explained:
    """A reason, for the person who waits."""

    sentence: str
    advice: str


def explain(reason: str, qos: str = "") -> Explained:
    """Return what a reason of Slurm means, and what to do.

    Parameters
    ----------
    reason
        As squeue prints it; what follows a comma, such as the names of nodes, is left out.
    qos
        Under which the job waits: that of borrowed capacity has no share.
    """
    reason = reason.replace("_", " ")
    word = (
        next((known for text, known in _TEXTS if text.match(reason)), "")
        or re.split(r"[,( ]", reason.strip(), maxsplit=1)[0]
    )
    if word in ("", "None"):
        return Explained(_("Your request is in the queue."), _(_BY_ITSELF))
    if qos == LENT and word.startswith("QOSGrp"):
        return Explained(_(_ALL_LENT), _(_LENT_COMES_BACK))
    if word in _REASONS:
        sentence, advice = _REASONS[word]
        return Explained(_(sentence), _(advice))
    return _of_a_family(word) or Explained(
        _("Your request is in the queue. Slurm says: {reason}.").format(reason=reason),
        _("If this stays so, show it to the desk."),
    )


# -- what to do ------------------------------------------------------------------------------------

_BY_ITSELF: Final = N_("You do not have to do anything: it starts by itself.")
_CALL_DESK: Final = N_("This does not pass by itself. Stop, and show this page to the desk.")
_OPERATORS: Final = N_("The operators have to mend this first. You may wait, or stop and try again later.")
_TRY_AGAIN: Final = N_("Stop, and start again. If it happens again, show this page to the desk.")
_SMALLER: Final = N_("It does not start like this. Stop, and choose a smaller one, or fewer hours.")
_SMALLER_OR_BORROW: Final = N_(
    "Your server starts as soon as one is free. If you cannot wait: stop, and borrow under 'More options'."
)
_SHARE_COMES_BACK: Final = N_(
    "Your server starts as soon as others of your stream give enough back. If you cannot wait: stop, and "
    "choose a smaller one, or borrow under 'More options'."
)
_OTHERS_OF_PROJECT: Final = N_("Your server starts as soon as enough of what your project has running stops.")
_YOURS_FIRST: Final = N_("It starts as soon as another server or job of yours stops.")
_NEW_BUDGET: Final = N_(
    "It starts when others end early, or when a new budget begins. Fewer hours may fit now."
)
_HELD: Final = N_("It starts when the hold is taken away. If you do not know why: ask the desk.")

_ALL_LENT: Final = N_("Everything that can be lent is in use.")
_LENT_COMES_BACK: Final = N_(
    "Your server starts as soon as somebody gives something back. On your own stream's share you may be "
    "sooner."
)
_SHARE_IN_USE: Final = (N_("All GPUs of your stream's share are in use."), _SMALLER_OR_BORROW)
_OUT_OF_ORDER: Final = N_("The part of the cluster that your server needs is switched off now.")
_JOB_FAILED: Final = N_("Your server ended before it was ready.")
_OVER_LIMIT: Final = N_(
    "Your server would go over a limit that others of your project or stream count for too."
)
_NOT_ALLOWED: Final = N_("Your project may not be charged here.")
_PAST_PARTITION: Final = N_("Your server asks for more than this part of the cluster gives.")
_BURST_BUFFER: Final = N_("The fast storage that the request asks for is not ready yet.")
_POWER: Final = N_("The cluster may use no more power at the moment.")
_AFTER_ANOTHER: Final = N_("Your request waits for another job to end.")

#: Reason to sentence and advice, for what is not of a family.
_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "Priority": (N_("The machines are busy, and others are before you."), _BY_ITSELF),
    "Resources": (N_("The machines are busy. You are among the next."), _BY_ITSELF),
    "Prolog": (N_("A machine is being made ready for you."), _BY_ITSELF),
    "Cleaning": (N_("What ran before is still being cleaned up."), _BY_ITSELF),
    "SchedDefer": (N_("The cluster is busy handing out work."), _BY_ITSELF),
    "FedJobLock": (N_("Another cluster is looking whether it has a place for you."), _BY_ITSELF),
    "QOSGrpGRES": _SHARE_IN_USE,
    "QOSGrpBilling": _SHARE_IN_USE,
    "AssocGrpGRESMinutes": (
        N_("What the project has left does not cover this server while others run."),
        _NEW_BUDGET,
    ),
    "Dependency": (_AFTER_ANOTHER, _BY_ITSELF),
    "DependencyNeverSatisfied": (
        N_("Your request waits for another job that can no longer end well."),
        _CALL_DESK,
    ),
    "BeginTime": (N_("Your request may not start yet: its time of begin is later."), _BY_ITSELF),
    "JobArrayTaskLimit": (N_("As many of these jobs run as may run at once."), _BY_ITSELF),
    "JobHeldUser": (N_("Your request is held: you, or a program of yours, asked for that."), _HELD),
    "JobHeldAdmin": (N_("An operator holds your request."), _HELD),
    "JobHoldMaxRequeue": (N_("Your server was put back too often, and is held now."), _CALL_DESK),
    "Licenses": (N_("All licences that the request asks for are in use."), _BY_ITSELF),
    "Reservation": (N_("Your request waits for a reservation to begin."), _BY_ITSELF),
    "ReservationDeleted": (N_("The reservation that your request waits for is gone."), _CALL_DESK),
    "ReqNodeNotAvail": (
        N_("Machines that your server could use are switched off or kept for something else now."),
        _OPERATORS,
    ),
    "NodeDown": (N_("A machine that your server needs is broken."), _OPERATORS),
    "FrontEndDown": (_OUT_OF_ORDER, _OPERATORS),
    "PartitionDown": (_OUT_OF_ORDER, _OPERATORS),
    "PartitionInactive": (_OUT_OF_ORDER, _OPERATORS),
    "PartitionConfig": (_PAST_PARTITION, _SMALLER),
    "PartitionNodeLimit": (_PAST_PARTITION, _SMALLER),
    "PartitionTimeLimit": (
        N_("Your server asks for more hours than this part of the cluster gives."),
        _SMALLER,
    ),
    "BadConstraints": (N_("No machine of this cluster is as your request asks."), _SMALLER),
    "MaxMemPerLimit": (N_("Your server asks for more memory than one may have."), _SMALLER),
    "AccountingPolicy": (_OVER_LIMIT, _SMALLER),
    "AssociationJobLimit": (N_("You run as many servers and jobs as you may."), _YOURS_FIRST),
    "AssociationResourceLimit": (_OVER_LIMIT, _OTHERS_OF_PROJECT),
    "AssociationTimeLimit": (N_("The time that your project may use is used up."), _NEW_BUDGET),
    "QOSJobLimit": (N_("As many servers and jobs of your stream run as may run at once."), _BY_ITSELF),
    "QOSResourceLimit": _SHARE_IN_USE,
    "QOSTimeLimit": (N_("The time that your stream may use is used up."), _NEW_BUDGET),
    "QOSUsageThreshold": (N_("Your project has used more than its part lately."), _BY_ITSELF),
    "QOSNotAllowed": (_NOT_ALLOWED, _CALL_DESK),
    "AccountNotAllowed": (_NOT_ALLOWED, _CALL_DESK),
    "InvalidAccount": (_NOT_ALLOWED, _CALL_DESK),
    "InvalidQOS": (_NOT_ALLOWED, _CALL_DESK),
    "BurstBufferResources": (_BURST_BUFFER, _BY_ITSELF),
    "BurstBufferStageIn": (_BURST_BUFFER, _BY_ITSELF),
    "BurstBufferOperation": (N_("The fast storage that the request asks for failed."), _CALL_DESK),
    "PowerNotAvail": (_POWER, _BY_ITSELF),
    "PowerReserved": (_POWER, _BY_ITSELF),
    "BlockMaxError": (N_("Too many machines of one block are broken."), _OPERATORS),
    "BlockFreeAction": (N_("A block of machines is being made free."), _BY_ITSELF),
    "SystemFailure": (N_("Something in the cluster itself failed."), _TRY_AGAIN),
    "JobLaunchFailure": (N_("A machine was found, and your server could not be started on it."), _TRY_AGAIN),
    "NonZeroExitCode": (_JOB_FAILED, _TRY_AGAIN),
    "OutOfMemory": (N_("Your server needed more memory than it has."), _SMALLER),
    "TimeLimit": (N_("The time of your server is over."), _TRY_AGAIN),
    "InactiveLimit": (N_("Your server did nothing for too long."), _TRY_AGAIN),
    "DeadLine": (N_("It cannot be ready any more at the time that was asked for."), _TRY_AGAIN),
}


#: Texts that Slurm puts in a reason's place (``state_desc``), to the reason that they tell of.
_TEXTS: Final = (
    (re.compile(r"Nodes required for job are DOWN"), "ReqNodeNotAvail"),
    (re.compile(r"Job is at or exceeds QOS .* group "), "QOSGrpGRESMinutes"),
    (re.compile(r"Job is at or exceeds association .* group "), "AssocGrpGRESMinutes"),
    (re.compile(r"Job is at or exceeds .* max TRES"), "QOSMaxGRESMinutesPerJob"),
    (re.compile(r"Reservation .* has ended"), "ReservationDeleted"),
)


# -- families ----------------------------------------------------------------------------------------

_FAMILY: Final = re.compile(
    r"(?P<whose>QOS|Assoc|)(?P<kind>Grp|Max|Min)(?P<what>[A-Za-z]+?)(?P<over>RunMinutes|Minutes|)"
    r"(?:Per(?P<one>Job|Node|User|Account))?(?:Limit|NotSatisfied)?"
)

#: How Slurm calls what is limited, in lower case, to what people call it.
_WHAT: Final[Mapping[str, str]] = {
    "gres": N_("GPUs"),
    "cpu": N_("processors"),
    "mem": N_("memory"),
    "memory": N_("memory"),
    "node": N_("machines"),
    "energy": N_("energy"),
    "license": N_("licences"),
    "bb": N_("fast storage"),
    "billing": N_("GPUs, processors and memory together"),
    "unknown": N_("something that has no name here"),
    "jobs": N_("number of servers and jobs"),
    "submitjob": N_("number of requests"),
    "submitjobs": N_("number of requests"),
    "wall": N_("hours"),
    "wallduration": N_("hours"),
}

#: Whose limit, of what kind, and for one of what (``hours`` where it is an amount times its time).
_FAMILIES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("QOS", "together"): (N_("The share of your stream is full ({what})."), _SHARE_COMES_BACK),
    ("Assoc", "together"): (
        N_("Your project has in use what it may have at once ({what})."),
        _OTHERS_OF_PROJECT,
    ),
    ("QOS", "hours"): (
        N_("What your stream has left in hours does not cover this server ({what})."),
        _NEW_BUDGET,
    ),
    ("Assoc", "hours"): (
        N_("What your project has left in hours does not cover this server while others run ({what})."),
        _NEW_BUDGET,
    ),
    ("QOS", "promised"): (
        N_("What runs in your stream has so many hours to go that this server must wait ({what})."),
        N_("Your server starts when what runs has gone on for a while. One for fewer hours starts sooner."),
    ),
    ("Assoc", "promised"): (
        N_("What runs in your project has so many hours to go that this server must wait ({what})."),
        N_("Your server starts when what runs has gone on for a while. One for fewer hours starts sooner."),
    ),
    ("", "one job"): (N_("This is more than one server may have ({what})."), _SMALLER),
    ("", "one job's hours"): (
        N_("This is more than one server may use in all its hours ({what})."),
        _SMALLER,
    ),
    ("", "one person"): (N_("You have as much as one person may have at once ({what})."), _YOURS_FIRST),
    ("", "one project"): (
        N_("Your project has as much as one project may have at once ({what})."),
        _OTHERS_OF_PROJECT,
    ),
    ("", "least"): (
        N_("This is less than a server of your stream must ask for ({what})."),
        N_("It does not start like this. Stop, and choose a larger one."),
    ),
}


def _of_a_family(word: str) -> Explained | None:
    """Read a reason by its parts."""
    found = _FAMILY.fullmatch(word)
    what = _WHAT.get(found["what"].lower()) if found else None
    if found is None or what is None:
        return None
    limit = _limit(found["kind"], found["over"], found["one"] or "", found["what"])
    sentence, advice = _FAMILIES.get((found["whose"], limit)) or _FAMILIES["", limit]
    return Explained(_(sentence).format(what=_(what)), _(advice))


def _limit(kind: str, over: str, one: str, what: str) -> str:
    """Return which limit it is, in the words of :data:`_FAMILIES`."""
    if kind == "Grp":
        together = {"": "together", "Minutes": "hours", "RunMinutes": "promised"}
        return "hours" if what == "Wall" else together[over]
    if kind == "Min":
        return "least"
    by = {"User": "one person", "Account": "one project"}.get(one)
    if by is None and what.lower() in ("jobs", "submitjob"):
        return "one person"  # AssocMaxJobsLimit: one association's
    return by or ("one job's hours" if over else "one job")
