"""What the generators share: tables to Parquet, and the record that describes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

#: What every table says of itself, in its own metadata too.
LABEL: Final = {
    "synthetic": "true",
    "nl": "Verzonnen gegevens: geen rij gaat over een bestaand mens, voertuig of object.",
    "en": "Made-up data: no row is about an existing person, vehicle or object.",
}
_TYPES: Final = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.date32(): "sc:Date",
    pa.int8(): "cr:Int8",
    pa.int16(): "cr:Int16",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.float32(): "cr:Float32",
    pa.float64(): "cr:Float64",
}
_RECORD: Final = "croissant.json"


def write(folder: Path, name: str, columns: Mapping[str, Any]) -> None:
    """Write a table, labelled synthetic, as `name`.parquet."""
    table = pa.table(dict(columns))
    table = table.replace_schema_metadata({**LABEL})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table, folder / f"{name}.parquet", compression="zstd", compression_level=6, row_group_size=250_000
    )


def coded(words: tuple[str, ...], picked: Any) -> pa.Array:
    """Return a column of words, of which only the numbers are kept."""
    return pa.DictionaryArray.from_arrays(pa.array(picked, pa.int16()), pa.array(words))


def describe(template: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a record for the tables below ``data/``: their sums, their columns and their types."""
    described = template.get("wp:columns", {})
    tables = sorted((folder / "data").glob("*.parquet"))
    return {
        **{key: value for key, value in template.items() if key != "wp:columns"},
        "distribution": [_file(table) for table in tables],
        "recordSet": [_record_set(table, described) for table in tables],
    }


def save(folder: Path, record: Mapping[str, Any]) -> None:
    """Write a record beside its ``data/``."""
    (folder / _RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _file(table: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": table.name,
        "name": table.name,
        "contentUrl": f"data/{table.name}",
        "contentSize": f"{table.stat().st_size} B",
        "encodingFormat": "application/vnd.apache.parquet",
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
    }


def _record_set(table: Path, described: Mapping[str, Any]) -> dict[str, Any]:
    fields = [_field(table, column, described) for column in pq.read_schema(table)]
    return {"@type": "cr:RecordSet", "@id": table.stem, "name": table.stem, "field": fields}


def _field(table: Path, column: pa.Field, described: Mapping[str, Any]) -> dict[str, Any]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    field = {
        "@type": "cr:Field",
        "@id": f"{table.stem}/{column.name}",
        "name": column.name,
        "dataType": _TYPES[kind],
        "source": {"fileObject": {"@id": table.name}, "extract": {"column": column.name}},
    }
    said = described.get(column.name)
    return {**field, "description": said} if said else field
