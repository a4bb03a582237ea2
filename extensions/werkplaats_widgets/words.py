"""What ``datasets()`` and ``provenance()`` say, in Dutch and English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "nl": {
        "language": "nl",
        "title": "Gegevens",
        "search": "Zoek een dataset",
        "tier": "Soort",
        "all": "Alle soorten",
        "open": "Open",
        "registered": "Met voorwaarden",
        "restricted": "Beperkt",
        "open_means": "Iedereen mag deze gegevens gebruiken.",
        "registered_means": "Te gebruiken nadat je één keer met de voorwaarden akkoord bent gegaan.",
        "restricted_means": "Alleen voor wie toestemming heeft, voor één project en één doel.",
        "found": "{n} van {all} datasets",
        "none": "Geen dataset past hierbij. Zoek met minder woorden, of kies alle soorten.",
        "empty": "Er zijn hier nog geen datasets.",
        "again": "Ververs",
        "owner": "Van",
        "licence": "Licentie",
        "size": "Grootte",
        "version": "Versie",
        "files": "{n} bestanden",
        "one_file": "1 bestand",
        "synthetic": "Namaakgegevens: gemaakt door een programma, niet over echte mensen of zaken.",
        "synthetic_badge": "Namaak",
        "stand_free": "Je kunt deze dataset meteen gebruiken.",
        "stand_terms": "Lees eerst de voorwaarden en ga akkoord.",
        "stand_apply": "Vraag toegang aan; de beheerder van deze gegevens beslist.",
        "stand_waiting": "Je aanvraag is verstuurd. De beheerder van deze gegevens beslist.",
        "stand_granted": "Je hebt toegang.",
        "stand_granted_project": "Je hebt toegang, in een server van het project {project}.",
        "stand_declined": "Je aanvraag is afgewezen. Je kunt een nieuwe aanvraag doen.",
        "until": "Tot en met {day}.",
        "word": "De beheerder schreef: {word}",
        "unknown": "Wat je met deze dataset mag is onbekend. Ververs, of vraag het de helpdesk.",
        "mount": "Gebruik deze dataset",
        "read_terms": "Lees de voorwaarden",
        "accept": "Akkoord en gebruik",
        "apply": "Vraag toegang aan",
        "send": "Verstuur de aanvraag",
        "cancel": "Annuleer",
        "terms": "Voorwaarden",
        "terms_once": "Je gaat één keer per versie akkoord. Dat wordt vastgelegd.",
        "details": "Meer over deze dataset",
        "about": "Over deze dataset",
        "preview": "Eerste rijen",
        "no_preview": "Van deze dataset worden geen rijen vooraf getoond.",
        "basis": "Rechtsgrond",
        "consent": "Toestemming",
        "purposes": "Mag worden gebruikt voor",
        "steward": "Beheerder",
        "project": "Project",
        "purpose": "Waarvoor heb je deze gegevens nodig?",
        "last_day": "Tot en met",
        "required": "Vul alle velden in: project, waarvoor en tot wanneer.",
        "applied": "Je aanvraag is verstuurd.",
        "busy": "Even geduld …",
        "kernel_busy": "Je notebook is nog bezig met een cel. Dit gaat verder zodra die klaar is.",
        "lost": "Er komt geen antwoord van de kernel. Voer de cel nog eens uit.",
        "mounted": "Klaar voor gebruik",
        "path": "Staat in",
        "code": "Zo lees je het",
        "copy": "Kopieer",
        "copied": "Gekopieerd.",
        "unmount": "Ontkoppel",
        "unmounted": "{title} is ontkoppeld.",
        "is_mounted": "{title} staat klaar in {path}.",
        "gone": "{title} is niet meer gekoppeld: de tijd was om, of de dataset is ergens anders ontkoppeld.",
        "revoked": "{title} is niet meer gekoppeld: je toegang is ingetrokken of voorbij.",
        "alone": (
            "Deze gegevens zijn beperkt. Zolang ze gekoppeld zijn, mag er niets anders van jou draaien "
            "of wachten en is deze server met niemand te delen."
        ),
        "alone_ends": "Op {moment} worden ze ontkoppeld en stopt deze server, of eerder als je haar stopt.",
        "alone_job": "Ze worden ontkoppeld als deze server stopt.",
        "alone_before": (
            "Beperkt betekent: zolang deze gegevens gekoppeld zijn, mag er niets anders van jou draaien "
            "of wachten, en is je server met niemand te delen."
        ),
        "no_mounts": (
            "Deze machine kan een server geen eigen koppelingen geven. Daarom is deze dataset hier niet te "
            "gebruiken; open datasets wel."
        ),
        "outside": "Dit werkt alleen in een server van het platform. Open het notebook daar.",
        "desk_away": ("Het loket geeft nu geen antwoord. Probeer het zo opnieuw; wat gekoppeld is, blijft."),
        "mounts_away": (
            "Datasets kunnen op deze machine nu niet worden gekoppeld of ontkoppeld. Probeer het zo opnieuw; "
            "wat gekoppeld is, blijft."
        ),
        "refused": "Het platform kent deze server niet meer. Sla je werk op en start opnieuw.",
        "no_dataset": "Zo kan een dataset niet heten: {id}. Kijk in datasets() hoe ze heten.",
        "no_project": "Zo kan een project niet heten: {project}.",
        "statement": "Herkomstverklaring",
        "statement_project": "Herkomstverklaring van {project}",
        "save": "Bewaar naast het notebook",
        "saved": "Bewaard: {html} en {crate}, in {folder}.",
        "not_saved": "Dit kon niet worden bewaard in {folder}: {why}. Kies een map waarin je mag schrijven.",
        "no_folder": "De map {folder} is er niet. Maak die eerst, of roep save() aan met een andere map.",
        "no_such_name": "Zo kan een map niet heten: {folder}.",
        "not_writable": (
            "In {folder} mag je niet schrijven. Roep save() aan met een map waarin dat wel mag, zoals je "
            "thuismap: save('~')."
        ),
        "disk_full": (
            "In {folder} is geen ruimte meer, en er is niets bewaard. Ruim iets op, of roep save() aan met "
            "een andere map."
        ),
        "not_ours": (
            "In {folder} staat al een {file} dat van iets anders is. Verplaats dat eerst, "
            "of roep save() aan met een andere map."
        ),
    },
    "en": {
        "language": "en",
        "title": "Data",
        "search": "Search for a dataset",
        "tier": "Kind",
        "all": "All kinds",
        "open": "Open",
        "registered": "With terms",
        "restricted": "Restricted",
        "open_means": "Anybody may use this data.",
        "registered_means": "To be used after you accepted the terms, once.",
        "restricted_means": "Only for who has permission, for one project and one purpose.",
        "found": "{n} of {all} datasets",
        "none": "No dataset fits this. Search with fewer words, or choose all kinds.",
        "empty": "There are no datasets here yet.",
        "again": "Refresh",
        "owner": "From",
        "licence": "Licence",
        "size": "Size",
        "version": "Version",
        "files": "{n} files",
        "one_file": "1 file",
        "synthetic": "Synthetic: made by a program, not about real people or things.",
        "synthetic_badge": "Synthetic",
        "stand_free": "You can use this dataset at once.",
        "stand_terms": "Read the terms first, and accept them.",
        "stand_apply": "Ask for access; the steward of this data decides.",
        "stand_waiting": "Your application was sent. The steward of this data decides.",
        "stand_granted": "You have access.",
        "stand_granted_project": "You have access, in a server of the project {project}.",
        "stand_declined": "Your application was declined. You can send a new one.",
        "until": "Until {day} inclusive.",
        "word": "The steward wrote: {word}",
        "unknown": "What you may do with this dataset is unknown. Refresh, or ask the help desk.",
        "mount": "Use this dataset",
        "read_terms": "Read the terms",
        "accept": "Accept and use",
        "apply": "Ask for access",
        "send": "Send the application",
        "cancel": "Cancel",
        "terms": "Terms",
        "terms_once": "You accept once for each version. That is recorded.",
        "details": "More about this dataset",
        "about": "About this dataset",
        "preview": "First rows",
        "no_preview": "Of this dataset no rows are shown beforehand.",
        "basis": "Legal basis",
        "consent": "Consent",
        "purposes": "May be used for",
        "steward": "Steward",
        "project": "Project",
        "purpose": "What do you need this data for?",
        "last_day": "Until",
        "required": "Fill in all fields: the project, what for, and until when.",
        "applied": "Your application was sent.",
        "busy": "One moment …",
        "kernel_busy": "Your notebook is still running a cell. This goes on when that is done.",
        "lost": "The kernel does not answer. Run the cell again.",
        "mounted": "Ready to use",
        "path": "It is in",
        "code": "How to read it",
        "copy": "Copy",
        "copied": "Copied.",
        "unmount": "Unmount",
        "unmounted": "{title} is unmounted.",
        "is_mounted": "{title} is ready in {path}.",
        "gone": "{title} is no longer mounted: its time was over, or it was unmounted elsewhere.",
        "revoked": "{title} is no longer mounted: your access was taken back or is over.",
        "alone": (
            "This data is restricted. While it is mounted nothing else of yours may run or wait, "
            "and this server cannot be shared with anybody."
        ),
        "alone_ends": "On {moment} it is unmounted and this server is ended, or sooner when you stop it.",
        "alone_job": "It is unmounted when this server stops.",
        "alone_before": (
            "Restricted means: while this data is mounted nothing else of yours may run or wait, "
            "and your server cannot be shared with anybody."
        ),
        "no_mounts": (
            "This machine cannot give a server mounts of its own. So this dataset cannot be used here; "
            "open datasets can."
        ),
        "outside": "This works only in a server of the platform. Open the notebook there.",
        "desk_away": (
            "The desk of the platform does not answer now. Try again soon; what is mounted stays mounted."
        ),
        "mounts_away": (
            "Datasets cannot be mounted or unmounted on this machine now. Try again soon; "
            "what is mounted stays mounted."
        ),
        "refused": "The platform no longer knows this server. Save your work and start again.",
        "no_dataset": "A dataset cannot be called this: {id}. See datasets() for their names.",
        "no_project": "A project cannot be called this: {project}.",
        "statement": "Statement of provenance",
        "statement_project": "Statement of provenance of {project}",
        "save": "Save beside the notebook",
        "saved": "Saved: {html} and {crate}, in {folder}.",
        "not_saved": "This could not be saved in {folder}: {why}. Choose a folder in which you may write.",
        "no_folder": "There is no folder {folder}. Make it first, or call save() with another one.",
        "no_such_name": "A folder cannot be called that: {folder}.",
        "not_writable": (
            "You may not write in {folder}. Call save() with a folder in which you may, such as your home "
            "directory: save('~')."
        ),
        "disk_full": (
            "There is no room left in {folder}, and nothing was saved. Clear something away, or call save() "
            "with another folder."
        ),
        "not_ours": (
            "In {folder} there is already a {file} of something else. Move that first, "
            "or call save() with another folder."
        ),
    },
}


def language(environment: Mapping[str, str] = os.environ) -> str:
    """Return ``nl`` or ``en``: what this server speaks."""
    spoken = environment.get("WERKPLAATS_LANGUAGE", "nl")
    return spoken if spoken in WORDS else "nl"


def say(what: str, /, **values: str) -> str:
    """Return a sentence in this server's language."""
    text = WORDS[language()][what]
    return text.format(**values) if values else text
