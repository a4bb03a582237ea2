"""What ``ask_for_help()`` says, in Dutch and English."""

from __future__ import annotations

from typing import Final

from werkplaats_widgets.words import language

HELP: Final[dict[str, dict[str, str]]] = {
    "nl": {
        "language": "nl",
        "title": "Vraag een expert",
        "intro": "Een expert leest je vraag en schrijft terug. Niets gaat weg voordat jij het hebt gezien.",
        "subject": "Onderwerp",
        "question": "Je vraag",
        "question_hint": "Wat wilde je doen, en wat gebeurde er?",
        "topic": "Waar gaat het over?",
        "topic_choose": "Kies een onderwerp",
        "urgency": "Hoe dringend is het?",
        "low": "Het kan wachten",
        "normal": "Gewoon",
        "high": "Ik kan niet verder",
        "expected": "Een antwoord is er naar verwachting uiterlijk {moment}.",
        "project": "Voor welk project?",
        "no_project": "Geen project",
        "attach": "Meesturen",
        "error": "De fout, met waar hij ontstond",
        "cell": "De code van de cel",
        "environment": "De omgeving: pakketten, GPU en taak",
        "notebook": "Het notebook, zoals het is opgeslagen",
        "outputs": "Met de uitvoer van de cellen",
        "log": "Het einde van het logboek van deze server",
        "file": "Bestand",
        "see": "Bekijk wat er verstuurd wordt",
        "preview": "Dit wordt verstuurd",
        "preview_hint": (
            "Lees het na en pas het aan. Wachtwoorden, sleutels en gegevens van personen zijn er "
            "automatisch uitgehaald; op die plek staat [removed: ...]. Dat vindt niet alles: kijk zelf ook."
        ),
        "taken": "Eruit gehaald: {what}.",
        "taken_none": "Er is niets uitgehaald.",
        "changed": "Door jou aangepast.",
        "leave_out": "Niet meesturen",
        "put_back": "Toch meesturen",
        "left_out": "Wordt niet meegestuurd.",
        "back": "Terug naar de vraag",
        "send": "Verstuur",
        "restricted": (
            "In deze server is een beperkte dataset gebruikt. Een fout, een cel of een notebook kan er "
            "gegevens uit bevatten, en die mogen niet zomaar naar een ander. Kijk goed na wat je meestuurt, "
            "of stuur niets mee."
        ),
        "acknowledge": "Ik heb het nagekeken: er staat niets in wat de expert niet mag zien.",
        "acknowledge_first": "Zet eerst het vinkje bij de waarschuwing, of stuur niets mee.",
        "sent": "Je vraag is verstuurd. Het nummer is {number}.",
        "sent_expected": "Een antwoord is er naar verwachting uiterlijk {moment}.",
        "follow": "Volg je vraag op de pagina van het loket",
        "another": "Stel nog een vraag",
        "mine": "Je vragen",
        "mine_none": "Je hebt nog geen vragen gesteld.",
        "again": "Ververs",
        "unread": "Nieuw",
        "open": "Bekijk",
        "hide": "Verberg",
        "new": "nog niet opgepakt",
        "assigned": "een expert heeft hem",
        "waiting": "wacht op jou",
        "answered": "beantwoord",
        "closed": "gesloten",
        "you": "Jij",
        "expert": "Expert",
        "by_mail": "per e-mail",
        "attached": "Meegestuurd: {names}",
        "reply": "Je antwoord",
        "reply_send": "Verstuur antwoord",
        "reply_acknowledge": "Er is een beperkte dataset gebruikt. In mijn antwoord staat niets daaruit.",
        "close": "Deze vraag is klaar",
        "replied": "Je antwoord is verstuurd.",
        "is_closed": "Vraag {number} is gesloten. Schrijf er iets bij, en hij gaat weer open.",
        "offering": "Hulp aanbieden als het vastloopt",
        "offering_ask": (
            "Mag het platform je één keer hulp aanbieden als dezelfde fout vaak terugkomt? Alleen een "
            "vingerafdruk van de fout gaat dan naar het loket, niet je code."
        ),
        "offering_yes": "Ja, graag",
        "offering_no": "Nee",
        "offering_is_yes": "Hulp wordt aangeboden als dezelfde fout vaak terugkomt.",
        "offering_is_no": "Er wordt geen hulp aangeboden.",
        "offering_off": "Niet meer aanbieden",
        "offering_on": "Wel aanbieden",
        "offer": "Deze fout kwam nu vijf keer. Zal een expert met je meekijken?",
        "offer_ask": "Vraag een expert",
        "offer_not_now": "Niet nu",
        "offer_never": "Niet meer aanbieden",
        "offer_gone": "Goed. Met ask_for_help() kun je altijd om hulp vragen.",
        "offer_off": "Goed, dat gebeurt niet meer. Met ask_for_help() kun je altijd om hulp vragen.",
        "busy": "Even geduld …",
        "kernel_busy": "Je notebook is nog bezig met een cel. Dit gaat verder zodra die klaar is.",
        "fill": "Vul nog in: {what}.",
        "too_long": "Je vraag is te lang: hooguit {most} tekens. Zet de rest in een bestand of een cel.",
        "too_much": "Alles samen is {size}; hooguit {most} kan mee. Laat iets weg.",
        "too_large": "Het notebook is {size}; hooguit {most} kan mee. Stuur alleen de cel mee.",
        "too_large_stripped": "Het notebook is {size}; hooguit {most} kan mee. Stuur het mee zonder uitvoer.",
        "no_notebook": "Het notebook is niet gevonden. Sla het op en probeer het opnieuw.",
        "unreadable": "Het notebook is niet te lezen: {why}.",
        "no_json": "Dit bestand is geen leesbaar notebook. Het gaat mee als gewone tekst.",
        "no_log": "Het logboek van deze server is niet te lezen: {why}.",
        "kept": "Wat je schreef staat er nog.",
        "repr": "ask_for_help(): open dit in een notebook om een expert te vragen.",
        "none": "Er is hier nu geen hulp.",
    },
    "en": {
        "language": "en",
        "title": "Ask an expert",
        "intro": "An expert reads your question and writes back. Nothing leaves before you have seen it.",
        "subject": "Subject",
        "question": "Your question",
        "question_hint": "What did you want to do, and what happened?",
        "topic": "What is it about?",
        "topic_choose": "Choose a topic",
        "urgency": "How urgent is it?",
        "low": "It can wait",
        "normal": "Normal",
        "high": "I cannot go on",
        "expected": "An answer is expected by {moment}.",
        "project": "For which project?",
        "no_project": "No project",
        "attach": "Send along",
        "error": "The error, and where it came from",
        "cell": "The code of the cell",
        "environment": "The environment: packages, GPU and job",
        "notebook": "The notebook, as it was saved",
        "outputs": "With the outputs of its cells",
        "log": "The end of this server's log",
        "file": "File",
        "see": "See what will be sent",
        "preview": "This will be sent",
        "preview_hint": (
            "Read it, and change what you like. Passwords, keys and personal data were taken out "
            "automatically; there it says [removed: ...]. That does not find everything: look yourself too."
        ),
        "taken": "Taken out: {what}.",
        "taken_none": "Nothing was taken out.",
        "changed": "Changed by you.",
        "leave_out": "Leave out",
        "put_back": "Send it after all",
        "left_out": "Will not be sent.",
        "back": "Back to the question",
        "send": "Send",
        "restricted": (
            "A restricted dataset was used in this server. An error, a cell or a notebook may hold data "
            "from it, which must not simply go to somebody else. Look well at what you send along, or send "
            "nothing along."
        ),
        "acknowledge": "I looked at it: there is nothing in it that the expert may not see.",
        "acknowledge_first": "First set the tick at the warning, or send nothing along.",
        "sent": "Your question was sent. Its number is {number}.",
        "sent_expected": "An answer is expected by {moment}.",
        "follow": "Follow your question on the desk's page",
        "another": "Ask another question",
        "mine": "Your questions",
        "mine_none": "You have not asked anything yet.",
        "again": "Refresh",
        "unread": "New",
        "open": "Read",
        "hide": "Hide",
        "new": "not taken yet",
        "assigned": "an expert has it",
        "waiting": "waits for you",
        "answered": "answered",
        "closed": "closed",
        "you": "You",
        "expert": "Expert",
        "by_mail": "by mail",
        "attached": "Sent along: {names}",
        "reply": "Your reply",
        "reply_send": "Send the reply",
        "reply_acknowledge": "A restricted dataset was used in this server. Nothing from it is in my reply.",
        "close": "This question is done",
        "replied": "Your reply was sent.",
        "is_closed": "Question {number} is closed. Write in it, and it opens again.",
        "offering": "Offer help when I am stuck",
        "offering_ask": (
            "May the platform offer you help, once, when the same error comes back again and again? Only a "
            "fingerprint of the error goes to the desk then, not your code."
        ),
        "offering_yes": "Yes, please",
        "offering_no": "No",
        "offering_is_yes": "Help is offered when the same error comes back again and again.",
        "offering_is_no": "No help is offered.",
        "offering_off": "Do not offer it again",
        "offering_on": "Do offer it",
        "offer": "This error came five times now. Shall an expert have a look with you?",
        "offer_ask": "Ask an expert",
        "offer_not_now": "Not now",
        "offer_never": "Do not offer it again",
        "offer_gone": "All right. With ask_for_help() you can always ask for help.",
        "offer_off": "All right, no help is offered any more. With ask_for_help() you can always ask for it.",
        "busy": "One moment …",
        "kernel_busy": "Your notebook is still running a cell. This goes on when that is done.",
        "fill": "Still to be filled in: {what}.",
        "too_long": "Your question is too long: {most} characters at most. Put the rest in a file or a cell.",
        "too_much": "Together it is {size}; {most} at most can go along. Leave something out.",
        "too_large": "The notebook is {size}; {most} at most can go along. Send only the cell.",
        "too_large_stripped": "The notebook is {size}; at most {most} can go along. Send it without outputs.",
        "no_notebook": "The notebook was not found. Save it, and try again.",
        "unreadable": "The notebook cannot be read: {why}.",
        "no_json": "This file is no readable notebook. It goes along as plain text.",
        "no_log": "This server's log cannot be read: {why}.",
        "kept": "What you wrote is still here.",
        "repr": "ask_for_help(): open this in a notebook to ask an expert.",
        "none": "There is no help here now.",
    },
}

#: How the widget calls what was taken out; the mark in the text is the same in every language.
TAKEN: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "nl": {
        "password": ("wachtwoord", "wachtwoorden"),
        "token": ("token", "tokens"),
        "key": ("sleutel", "sleutels"),
        "private key": ("privésleutel", "privésleutels"),
        "cookie": ("cookie", "cookies"),
        "BSN": ("BSN", "BSN's"),
        "IBAN": ("rekeningnummer", "rekeningnummers"),
        "card number": ("kaartnummer", "kaartnummers"),
        "e-mail": ("e-mailadres", "e-mailadressen"),
        "phone number": ("telefoonnummer", "telefoonnummers"),
    },
    "en": {
        "password": ("password", "passwords"),
        "token": ("token", "tokens"),
        "key": ("key", "keys"),
        "private key": ("private key", "private keys"),
        "cookie": ("cookie", "cookies"),
        "BSN": ("citizen service number", "citizen service numbers"),
        "IBAN": ("account number", "account numbers"),
        "card number": ("card number", "card numbers"),
        "e-mail": ("e-mail address", "e-mail addresses"),
        "phone number": ("telephone number", "telephone numbers"),
    },
}


def tell(what: str, /, **values: str) -> str:
    """Return a sentence in this server's language."""
    text = HELP[language()][what]
    return text.format(**values) if values else text


def taken(counts: dict[str, int]) -> str:
    """Return what was taken out of a text, as a sentence."""
    if not counts:
        return tell("taken_none")
    names = TAKEN[language()]
    return tell("taken", what=", ".join(f"{n} {names[kind][n > 1]}" for kind, n in counts.items()))
