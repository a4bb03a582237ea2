"""The terms of the Data Use Ontology (GA4GH) that say what data may be used for, in both languages.

https://github.com/EBISPOT/DUO; the Dutch is ours.
"""

from __future__ import annotations

from typing import Final

#: A code, and its name in Dutch and English.
TERMS: Final = {
    "DUO:0000004": ("geen beperking", "no restriction"),
    "DUO:0000006": (
        "onderzoek naar gezondheid, geneeskunde of biomedische vragen",
        "health or medical or biomedical research",
    ),
    "DUO:0000007": ("onderzoek naar een bepaalde ziekte", "disease specific research"),
    "DUO:0000011": ("onderzoek naar herkomst of afstamming", "population origins or ancestry research only"),
    "DUO:0000012": ("beperkt tot een soort onderzoek", "research specific restrictions"),
    "DUO:0000015": ("niet om methoden te ontwikkelen", "no general methods research"),
    "DUO:0000016": ("alleen genetisch onderzoek", "genetic studies only"),
    "DUO:0000018": (
        "alleen zonder winstoogmerk en niet commercieel",
        "not for profit, non commercial use only",
    ),
    "DUO:0000019": ("resultaten worden gepubliceerd", "publication required"),
    "DUO:0000020": ("samenwerking met de onderzoekers vereist", "collaboration required"),
    "DUO:0000021": ("goedkeuring van een ethische commissie vereist", "ethics approval required"),
    "DUO:0000022": ("beperkt tot een gebied", "geographical restriction"),
    "DUO:0000024": ("voorlopig niet publiceren", "publication moratorium"),
    "DUO:0000025": ("beperkt in tijd", "time limit on use"),
    "DUO:0000026": ("alleen voor genoemde personen", "user specific restriction"),
    "DUO:0000027": ("alleen voor een genoemd project", "project specific restriction"),
    "DUO:0000028": ("alleen voor genoemde instellingen", "institution specific restriction"),
    "DUO:0000029": ("resultaten gaan terug naar de bron", "return to database or resource"),
    "DUO:0000042": ("onderzoek in het algemeen", "general research use"),
    "DUO:0000043": ("zorg voor patiënten", "clinical care use"),
    "DUO:0000044": (
        "geen onderzoek naar herkomst of afstamming",
        "population origins or ancestry research prohibited",
    ),
    "DUO:0000045": ("alleen organisaties zonder winstoogmerk", "not for profit organisation use only"),
    "DUO:0000046": ("alleen niet-commercieel gebruik", "non-commercial use only"),
}
MEND: Final = "Give a termCode such as DUO:0000042; the codes stand in the Data Use Ontology"


def address(code: str) -> str:
    """Return the address of a term.

    >>> address("DUO:0000042")
    'http://purl.obolibrary.org/obo/DUO_0000042'
    """
    return "http://purl.obolibrary.org/obo/" + code.replace(":", "_")
