"""Have mlcroissant check a record: run in people's environment, as nobody, without a network.

``python -I -m werkplaats_datasets.check_croissant FILE`` (``-`` is the standard input) prints
``{"errors": [...], "warnings": [...]}``.
"""

from __future__ import annotations

import itertools
import json
import logging
import resource
import sys
from typing import Any, Final

from werkplaats_datasets.record import MOST_BYTES

#: More errors than anybody mends in one go are not told: the answer must stay short.
_MOST_SAID: Final = 100
#: More than mlcroissant needs for the longest record (bytes).
_MEMORY: Final = 4 * 1024**3


def _no_network(event: str, _given: Any) -> None:
    """Refuse every connection: a record may name another file as its context."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request"):
        raise PermissionError("a record is checked without a network: write its @context out in full")


def check(text: str) -> dict[str, list[str]]:
    """Return what mlcroissant finds wrong, and what it would rather see."""
    import mlcroissant

    try:
        issues = mlcroissant.Dataset(jsonld=json.loads(text)).metadata.ctx.issues
    except mlcroissant.ValidationError as wrong:
        return {"errors": _lines(str(wrong)), "warnings": []}
    except Exception as wrong:  # a record that it cannot even walk through
        return {"errors": [f"{type(wrong).__name__}: {wrong}"[:500]], "warnings": []}
    return {"errors": _said(issues.errors), "warnings": _said(issues.warnings)}


def _lines(report: str) -> list[str]:
    """Return the errors of a report, which has a line ``  -  ...`` for each, then one for warnings."""
    errors, _, _warnings = report.partition("warning(s)")
    found = [line.strip()[1:].strip()[:500] for line in errors.splitlines() if line.startswith("  -")]
    return found[:_MOST_SAID] or [report.strip()[:500]]


def _said(issues: Any) -> list[str]:
    return [str(one)[:500] for one in itertools.islice(issues, _MOST_SAID)]


def main() -> None:
    """Check the file that is named."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.disable()
    name = sys.argv[1]
    if name == "-":
        text = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with open(name, "rb") as file:
            text = file.read(MOST_BYTES + 1)
    sys.addaudithook(_no_network)
    print(json.dumps(check(text.decode())))


if __name__ == "__main__":
    main()
