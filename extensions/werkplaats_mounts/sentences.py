"""What the daemon says to people when it does not do what they ask: the reason, and what to do."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["nl", "en"]

#: By reason: in English, and in Dutch.
_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "unknown-message": (
        "This message is not one that the mount daemon knows. "
        "Ask as the reference of the dataset service says.",
        "Dit bericht kent de koppeldienst niet. Vraag het zoals de beschrijving van de datasetdienst zegt.",
    ),
    "forged": (
        "This grant was not signed by the desk. Press mount again: the desk makes a new one.",
        "Deze toestemming is niet door het loket ondertekend. "
        "Druk nog eens op koppelen: het loket maakt een nieuwe.",
    ),
    "another-person": (
        "This grant is somebody else's. Ask the desk for one of your own.",
        "Deze toestemming is van iemand anders. Vraag het loket er een voor jezelf.",
    ),
    "replayed": (
        "This grant was used before, and each is good for one mount. Press mount again.",
        "Deze toestemming is al gebruikt, en elke geldt voor één keer koppelen. Druk nog eens op koppelen.",
    ),
    "early": (
        "This grant is of a later moment than this node's clock. Tell whoever runs the facility.",
        "Deze toestemming is van een later moment dan de klok van deze node. Meld het de beheerder.",
    ),
    "expired": (
        "This grant has expired: it is good for a minute. Press mount again.",
        "Deze toestemming is verlopen: ze geldt een minuut. Druk nog eens op koppelen.",
    ),
    "ended": (
        "The time for which this dataset was granted is over. Apply for it again.",
        "De tijd waarvoor deze dataset is toegekend, is voorbij. Vraag hem opnieuw aan.",
    ),
    "revoked": (
        "The access to this dataset was taken back. Ask its steward why.",
        "De toegang tot deze dataset is ingetrokken. Vraag de beheerder van de data waarom.",
    ),
    "desk-away": (
        "The desk does not answer, so nobody can tell whether this access still stands. "
        "Try again in a minute.",
        "Het loket antwoordt niet, dus is niet te zeggen of deze toegang nog geldt. "
        "Probeer het over een minuut.",
    ),
    "slurm-away": (
        "Slurm does not answer, so nobody can tell whose this server is. Try again in a minute.",
        "Slurm antwoordt niet, dus is niet te zeggen van wie deze server is. Probeer het over een minuut.",
    ),
    "audit-away": (
        "The audit cannot write this down, and without it nothing is mounted or unmounted. "
        "Try again in a minute.",
        "Het logboek kan dit niet vastleggen, en dan wordt er niets gekoppeld of losgekoppeld. "
        "Probeer het over een minuut.",
    ),
    "another-job": (
        "This grant is for a server that is not yours, or that Slurm does not know any more. "
        "Press mount again.",
        "Deze toestemming is voor een server die niet van jou is, of die Slurm niet meer kent. "
        "Druk nog eens op koppelen.",
    ),
    "not-running": (
        "The server that this grant is for does not run. Start it, and press mount there.",
        "De server waarvoor deze toestemming is, draait niet. Start hem, en druk daar op koppelen.",
    ),
    "another-project": (
        "This server runs in another project than the dataset was granted for. Start one in that project.",
        "Deze server draait in een ander project dan waarvoor de dataset is toegekend. "
        "Start er een in dat project.",
    ),
    "lent": (
        "This server runs on borrowed capacity, and this dataset is not mounted there. "
        "Start a server of your own budget, and press mount there.",
        "Deze server draait op geleende capaciteit, en daar wordt deze dataset niet gekoppeld. "
        "Start een server uit je eigen budget, en druk daar op koppelen.",
    ),
    "others-run": (
        "This dataset is only mounted while nothing else of yours runs or waits. Stop your other servers and "
        "jobs, and press mount again.",
        "Deze dataset wordt alleen gekoppeld zolang er niets anders van jou draait of wacht. Stop je andere "
        "servers en taken, en druk nog eens op koppelen.",
    ),
    "programs-elsewhere": (
        "Programs of yours run on this node outside this server: they were left by one that ended, or came "
        "another way. End them, or wait until they are over (`ps -u $USER` shows them), and press mount "
        "again.",
        "Er draaien programma's van jou op deze node buiten deze server: ze zijn achtergebleven van een "
        "vorige, of langs een andere weg gekomen. Beëindig ze of wacht tot ze klaar zijn (`ps -u $USER` laat "
        "ze zien), en druk nog eens op koppelen.",
    ),
    "elsewhere": (
        "This server does not run on this node, or on several at once. Ask from within a server of one node.",
        "Deze server draait niet op deze node, of op meer dan één. Vraag het vanuit een server op één node.",
    ),
    "no-own-mounts": (
        "This machine gives servers no mounts of their own, so it offers open datasets only. "
        "Ask whoever runs the facility for another machine.",
        "Deze machine geeft servers geen eigen koppelingen, en biedt daarom alleen open datasets. "
        "Vraag de beheerder om een andere machine.",
    ),
    "no-data": (
        "The data of this version is not on this node. Tell the steward of the dataset.",
        "De gegevens van deze versie staan niet op deze node. Meld het de beheerder van de data.",
    ),
    "bad-place": (
        "The folder on which this dataset is to be mounted is not as it must be. "
        "Tell whoever runs the facility.",
        "De map waarop deze dataset gekoppeld moet worden, is niet zoals het hoort. Meld het de beheerder.",
    ),
    "no-loop": (
        "This dataset is an image, and this machine has no loop device for it. "
        "Tell whoever runs the facility.",
        "Deze dataset is een schijfbeeld, en deze machine heeft er geen loop-apparaat voor. "
        "Meld het de beheerder.",
    ),
    "other-version": (
        "Another version of this dataset is mounted in this server. Unmount that one first.",
        "Een andere versie van deze dataset is in deze server gekoppeld. Koppel die eerst los.",
    ),
    "not-mounted": (
        "This dataset is not mounted in this server, so there is nothing to unmount.",
        "Deze dataset is in deze server niet gekoppeld; er valt niets los te koppelen.",
    ),
    "busy": (
        "A program still has a file of this dataset open. "
        "Close it, or restart the kernel, and unmount again.",
        "Een programma heeft nog een bestand van deze dataset open. Sluit het, of herstart de kernel, "
        "en koppel nog eens los.",
    ),
    "crowded": (
        "You have too many connections to the mount daemon at once. Close some, and try again.",
        "Je hebt te veel verbindingen met de koppeldienst tegelijk. "
        "Sluit er een paar, en probeer het opnieuw.",
    ),
    "failed": (
        "This node could not do it; its log says why. Try again, and if it stays so, tell whoever runs "
        "the facility.",
        "Het lukte deze node niet; het logboek zegt waarom. Probeer het opnieuw, en blijft het zo, meld het "
        "de beheerder.",
    ),
}
REASONS: Final = frozenset(_SENTENCES)


def say(reason: str, language: Language) -> str:
    """Return the sentence of a reason.

    >>> say("busy", "nl").split(".")[0]
    'Een programma heeft nog een bestand van deze dataset open'
    """
    english, dutch = _SENTENCES[reason]
    return dutch if language == "nl" else english
