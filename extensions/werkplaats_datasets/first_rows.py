"""Read the first rows of a table: run in people's environment, as nobody.

``python -I -m werkplaats_datasets.first_rows KIND < FILE`` with the kind ``parquet`` or ``csv`` prints a
preview as JSON.
"""

from __future__ import annotations

import itertools
import json
import math
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from werkplaats_datasets.catalogue import MOST_ROWS

#: More columns, and more of one value, are not shown.
_COLUMNS: Final = 60
_CHARACTERS: Final = 200
_MEMORY: Final = 8 * 1024**3


def _parquet(file: IO[bytes]) -> tuple[list[str], Iterator[Iterable[Any]]]:
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(file)
    columns = list(table.schema_arrow.names)[:_COLUMNS]
    batches = table.iter_batches(batch_size=MOST_ROWS, columns=columns)
    return columns, (row.values() for batch in batches for row in batch.to_pylist())


def _csv(file: IO[bytes]) -> tuple[list[str], Iterator[Iterable[Any]]]:
    import csv
    import io

    # A line without an end would be read whole; what a table's head needs is far less.
    rows = csv.reader(io.StringIO(file.read(1024 * 1024).decode("utf-8", errors="replace")))
    return next(rows, [])[:_COLUMNS], (row[:_COLUMNS] for row in rows)


_KINDS: Final = {"parquet": _parquet, "csv": _csv}


def _shown(value: Any) -> str | int | float | bool | None:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)[:_CHARACTERS]


def preview(kind: str, file: IO[bytes]) -> dict[str, Any]:
    """Return the columns and the first rows of a table."""
    columns, rows = _KINDS[kind](file)
    first = itertools.islice(rows, MOST_ROWS)
    return {
        "columns": [str(name)[:_CHARACTERS] for name in columns],
        "rows": [[*map(_shown, row)] for row in first],
    }


def main() -> None:
    """Read the standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    print(json.dumps(preview(sys.argv[1], sys.stdin.buffer)))


if __name__ == "__main__":
    main()
