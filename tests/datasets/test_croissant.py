"""What runs in people's environment: mlcroissant on a record, and the first rows of a table."""

from __future__ import annotations

import io
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.datasets.helpers import helper, places
from tests.datasets.records import CONTEXT, lay, record

from werkplaats_datasets import adding, first_rows
from werkplaats_datasets.faults import Broken, Refused
from werkplaats_datasets.helper import MOST_BYTES, Helper


def errors(**changes: Any) -> list[str]:
    """Return what mlcroissant says of a record with changes."""
    text = json.dumps(record(**changes)).encode()
    said = helper().run("werkplaats_datasets.check_croissant", "-", given=text, within=60)
    return list(json.loads(said)["errors"])


def test_a_good_record() -> None:
    """In both languages, and with terms that mlcroissant does not know."""
    assert errors() == []


def test_a_record_set_without_a_source() -> None:
    """What is wrong beyond what the platform reads is found too."""
    field = {"@type": "cr:Field", "@id": "x/a", "name": "a", "dataType": "sc:Text"}
    found = errors(recordSet=[{"@type": "cr:RecordSet", "@id": "x", "name": "x", "field": [field]}])
    assert any("does not define" in error for error in found), found


@pytest.mark.parametrize(
    "context",
    ["https://127.0.0.1:9/context.json", {**CONTEXT, "@import": "http://127.0.0.1:9/context.json"}, 7, None],
)
def test_nothing_is_fetched(context: Any) -> None:
    """A record that names another file as its context is refused, and no connection is made."""
    assert errors(**{"@context": context})


def test_a_nested_context_is_not_fetched() -> None:
    """Wherever it stands."""
    party = {
        "@context": "http://127.0.0.1:9/x.json",
        "@type": "Organization",
        "name": "x",
        "url": "https://x.org",
    }
    assert any("without a network" in error for error in errors(creator=party))


def test_from_a_file(tmp_path: Path) -> None:
    """As an operator would by hand."""
    path = lay(tmp_path / "given") / "croissant.json"
    said = helper().run("werkplaats_datasets.check_croissant", path, within=60)
    assert json.loads(said)["errors"] == []


def test_the_whole_of_it(tmp_path: Path) -> None:
    """Added by real helpers, a broken one refused by them."""
    where = places(tmp_path / "machine")
    assert adding.add(lay(tmp_path / "one"), where, helper()).new
    assert (where.catalogue / "colours/1.0.0/preview.json").exists()
    broken = {"@type": "cr:RecordSet", "@id": "x", "field": [{"@type": "cr:Field", "@id": "x/a"}]}
    with pytest.raises(Broken, match=r"croissant\.json: "):
        adding.add(lay(tmp_path / "two", version="2.0.0", recordSet=[broken]), where, helper())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_root_gives_up_its_rights() -> None:
    """What reads an operator's files is nobody."""
    dropped = Helper(helper().command)
    said = dropped.run(
        "timeit", "-n1", "-r1", "-s", "import os; print(os.getuid(), os.getgroups())", within=60
    )
    assert said.startswith((b"65534 []", b"65534 [65534]"))


def test_one_that_hangs_is_ended() -> None:
    """Within the time that it was given."""
    with pytest.raises(Refused, match="longer than 1 s"):
        helper().run("timeit", "-n1", "-r1", "-s", "import time; time.sleep(30)", within=1)
    with pytest.raises(Refused, match="cannot be run"):
        Helper(("/nowhere/python",)).run("x", within=1)
    with pytest.raises(Refused, match="timeit failed: ZeroDivisionError"):
        helper().run("timeit", "1/0", within=60)


_SHOUT = "import sys\nwhile True: sys.{}.write('x' * 1000)"


def test_one_that_prints_without_end_is_ended() -> None:
    """It would fill root's memory: a little is read, and that it is too much is said."""
    for stream, said in (("stdout", "answered more than 1 MiB"), ("stderr", "longer than 1 s")):
        before = time.monotonic()
        with pytest.raises(Refused, match=said):
            helper().run("timeit", "-n1", "-r1", "-s", _SHOUT.format(stream), within=1)
        assert time.monotonic() - before < 5
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="failed: ValueError: last"):
        helper().run(
            "timeit",
            "-n1",
            "-r1",
            "-s",
            "import sys\nsys.stderr.write('x' * 300_000_000)\nraise ValueError('last')",
            within=60,
        )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 100_000  # kB


def test_an_answer_as_long_as_may_be() -> None:
    """It is taken whole."""
    shout = f"import sys; sys.stdout.write('x' * {MOST_BYTES - 1000})"
    said = helper().run("timeit", "-n1", "-r1", "-s", shout, within=60)
    assert said.startswith(b"x" * (MOST_BYTES - 1000))


def test_one_whose_child_lives_on_is_ended() -> None:
    """Its child has its output: that is not waited for without end."""
    fork = "import os, time\nif os.fork() == 0: time.sleep(4)\nos._exit(0)"
    with pytest.raises(Refused, match="longer than 1 s"):
        helper().run("timeit", "-n1", "-r1", "-s", fork, within=1)


# -- the first rows ----------------------------------------------------------------------------------


def parquet(**columns: Any) -> io.BytesIO:
    """Return a table as a file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    file.seek(0)
    return file


def test_rows_of_parquet() -> None:
    """Ten of them, and every value as JSON has it."""
    found = first_rows.preview("parquet", parquet(a=range(100), b=[float("nan")] * 100, c=["x" * 999] * 100))
    assert found["columns"] == ["a", "b", "c"]
    assert len(found["rows"]) == 10
    assert found["rows"][3] == [3, None, "x" * 200]


def test_rows_of_nothing() -> None:
    """An empty table has a head."""
    assert first_rows.preview("parquet", parquet(a=pa.array([], pa.int8()))) == {"columns": ["a"], "rows": []}
    assert first_rows.preview("csv", io.BytesIO(b"")) == {"columns": [], "rows": []}


def test_rows_of_csv() -> None:
    """Quoted, short, long, of no encoding."""
    found = first_rows.preview("csv", io.BytesIO(b'a,b\n"x,y",1\n\xff\n' + b"z,2\n" * 100))
    assert found["columns"] == ["a", "b"]
    assert found["rows"][0] == ["x,y", "1"]
    assert len(found["rows"]) == 10


def test_many_columns() -> None:
    """Only the first are shown."""
    found = first_rows.preview("parquet", parquet(**{f"c{number}": [1] for number in range(500)}))
    assert len(found["columns"]) == len(found["rows"][0]) == 60
