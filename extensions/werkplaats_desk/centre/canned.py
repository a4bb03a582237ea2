"""First answers to begin with: the ones that experts write again and again, in both languages."""

# ruff: noqa: E501  # a paragraph is one line here, and the reader's window breaks it

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from werkplaats_desk.words import Language, Words


@dataclass(frozen=True)
class Canned:
    """One of them.

    Attributes
    ----------
    name
        In the link that chooses it.
    title
        What the expert chooses by.
    text
        What the person reads, when the expert sends it so.
    """

    name: str
    title: Words
    text: Words

    def said(self, language: Language) -> str:
        """Return the text in the language of a question."""
        return self.text.nl if language == "nl" else self.text.en


CANNED: Final = (
    Canned(
        "looking",
        Words(nl="Ik kijk ernaar", en="I am looking at it"),
        Words(
            nl="""Dank je voor je vraag. Ik kijk ernaar, en laat vandaag nog van me horen.

Weet je intussen meer, schrijf het hier dan bij.""",
            en="""Thank you for your question. I am looking at it, and you hear from me today.

If you find out more meanwhile, write it here.""",
        ),
    ),
    Canned(
        "more",
        Words(nl="Meer nodig: fout en cel", en="More needed: error and cell"),
        Words(
            nl="""Om te zien wat er misgaat, heb ik iets meer nodig. Voer de cel die misgaat nog eens uit, en daarna in een nieuwe cel:

```
from werkplaats_widgets import ask_for_help
ask_for_help()
```

Kies dan deze vraag en stuur de foutmelding en de cel mee. Je ziet wat er meegaat voordat je het verstuurt.""",
            en="""To see what goes wrong I need a little more. Run the cell that fails once more, and then in a new cell:

```
from werkplaats_widgets import ask_for_help
ask_for_help()
```

Then choose this question, and send the error and the cell along. You see what goes along before you send it.""",
        ),
    ),
    Canned(
        "memory",
        Words(nl="GPU-geheugen is vol", en="GPU memory is full"),
        Words(
            nl="""Het geheugen van de GPU is vol. Probeer dit, in deze volgorde:

1. Start de kernel opnieuw: wat van eerdere cellen is blijven staan, is dan weg.
2. Maak de batch kleiner, bijvoorbeeld de helft.
3. Reken met halve precisie (bfloat16).

Helpt dat niet, schrijf dan welk model je gebruikt en hoe groot de batch is.""",
            en="""The memory of the GPU is full. Try this, in this order:

1. Restart the kernel: what earlier cells left behind is then gone.
2. Make the batch smaller, half of it for example.
3. Compute with half precision (bfloat16).

If that does not help, write which model you use and how large the batch is.""",
        ),
    ),
    Canned(
        "package",
        Words(nl="Een pakket ontbreekt", en="A package is missing"),
        Words(
            nl="""Dit pakket staat nog niet in je omgeving. Je kunt het in je eigen map installeren. Zet dit bovenaan je notebook, met de naam van het pakket erin:

```
%pip install --quiet --target ~/pakketten NAAM-VAN-HET-PAKKET

import os, sys
sys.path.append(os.path.expanduser("~/pakketten"))
```

Gaat het installeren mis, stuur dan de laatste regels van wat er verschijnt.""",
            en="""This package is not in your environment yet. You can install it in a folder of your own. Put this at the top of your notebook, with the name of the package in it:

```
%pip install --quiet --target ~/packages NAME-OF-THE-PACKAGE

import os, sys
sys.path.append(os.path.expanduser("~/packages"))
```

If installing it fails, send the last lines of what appears.""",
        ),
    ),
    Canned(
        "waiting",
        Words(nl="Het wachten duurt lang", en="Waiting takes long"),
        Words(
            nl="""Alle GPU's van deze grootte zijn nu bezet. De wachtpagina zegt waar je op wacht, en wanneer het ongeveer jouw beurt is.

Wil je niet wachten, start dan een kleinere server of een zonder GPU: je bestanden staan daar ook. Wat je project nog over heeft, zie je met:

```
from werkplaats_widgets import quota
quota()
```""",
            en="""All GPUs of this size are busy now. The waiting page says what you wait for, and about when it is your turn.

If you do not want to wait, start a smaller server or one without a GPU: your files are there too. What your project has left you see with:

```
from werkplaats_widgets import quota
quota()
```""",
        ),
    ),
    Canned(
        "data",
        Words(nl="Geen vertrouwelijke gegevens sturen", en="Send no confidential data"),
        Words(
            nl="""Stuur geen gegevens uit een beschermde dataset mee, ook geen paar regels: wat je hier schrijft wordt bewaard en door experts gelezen.

Beschrijf liever hoe de gegevens eruitzien (kolommen, soorten, aantallen), of maak een klein voorbeeld met verzonnen waarden.""",
            en="""Do not send data from a restricted dataset, not even a few rows: what you write here is kept, and read by experts.

Describe instead what the data looks like (columns, types, numbers), or make a small example with made-up values.""",
        ),
    ),
    Canned(
        "solved",
        Words(nl="Is het hiermee opgelost?", en="Is it solved with this?"),
        Words(
            nl="""Ik heb een tijdje niets van je gehoord, dus ik neem aan dat het gelukt is, en sluit je vraag.

Is dat niet zo, schrijf het dan hier: je vraag gaat dan weer open.""",
            en="""I have not heard from you for a while, so I take it that it worked, and close your question.

If that is not so, write it here: your question is then open again.""",
        ),
    ),
)


def text_of(name: str, language: str) -> str:
    """Return the text of that name in a question's language; nothing where there is none."""
    found = next((one for one in CANNED if one.name == name), None)
    return found.said("nl" if language == "nl" else "en") if found else ""
