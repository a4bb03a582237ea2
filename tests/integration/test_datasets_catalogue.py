"""The catalogue on a real machine: what `make up` laid down, who can read what, and the command."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.datasets.records import TABLE, lay

from .conftest import PREFIX, Platform


def test_the_three_are_there(platform: Platform) -> None:
    """Offered, as large as they should be, with a place to be mounted on."""
    rows = json.loads(platform.werkplaats("datasets", "list", "--json").stdout)
    assert [(row["id"], row["tier"]) for row in rows] == [
        ("vehicles", "open"),
        ("municipal-assets", "registered"),
        ("cohort", "restricted"),
    ]
    assert 5_000_000 < sum(row["size_bytes"] for row in rows) < 100_000_000
    counted = platform.run(
        str(platform.instance.notebook / "bin/python3"),
        "-c",
        "import sys, pyarrow.parquet as pq; print(pq.ParquetFile(sys.argv[1]).metadata.num_rows)",
        str(platform.instance.vault / "vehicles/1.0.0/vehicles.parquet"),
    )
    assert int(counted) >= 1_000_000
    for row in rows:
        point = platform.instance.data / row["id"]
        assert point.owner() == "root"
        assert not point.is_symlink()
        assert list(point.iterdir()) == []


def test_people_read_the_records_and_not_the_data(platform: Platform) -> None:
    """The vault is root's; nor can a job look into it, or put something where data will be mounted."""
    person, instance = PREFIX + "mkb", platform.instance
    assert "Voertuigen" in platform.run(
        "cat", f"{instance.catalogue}/vehicles/1.0.0/croissant.json", user=person
    )
    for argv in (
        ("ls", str(instance.vault)),
        ("cat", f"{instance.vault}/vehicles/1.0.0/vehicles.parquet"),
        ("touch", f"{instance.data}/vehicles/mine"),
        ("touch", f"{instance.catalogue}/vehicles/current"),
    ):
        assert platform.run(*argv, user=person, check=False) == ""
    assert list((instance.data / "vehicles").iterdir()) == []


def test_a_dataset_of_an_operator(platform: Platform, tmp_path: Path) -> None:
    """Checked, added, listed, withdrawn and deleted; a broken one is refused with file, field and mend."""
    steward = {"@type": "Person", "name": "De steward", "identifier": f"{PREFIX}steward"}
    folder = lay(tmp_path / "given", maintainer=steward)
    checked = platform.werkplaats("datasets", "check", str(folder))
    assert checked.stdout.endswith("good. colours 1.0.0 (open), 1 files.\n"), checked.stderr
    broken = platform.werkplaats("datasets", "add", str(lay(tmp_path / "broken", **{"wp:tier": "x"})))
    assert broken.returncode == 1
    assert "croissant.json: wp:tier: " in broken.stderr
    assert "Write open, registered or restricted." in broken.stderr
    try:
        added = platform.werkplaats("datasets", "add", str(folder), "--image")
        assert "colours 1.0.0 is offered (open)" in added.stdout, added.stderr
        assert (platform.instance.vault / "colours/1.0.0.squashfs").stat().st_size > len(TABLE)
        assert "colours" in platform.werkplaats("datasets", "list").stdout
        exported = json.loads(platform.werkplaats("datasets", "export").stdout)
        assert len(exported["dcat:dataset"]) == 4
    finally:
        removed = platform.werkplaats("datasets", "remove", "colours", "--bytes", "--yes")
    assert "The data of colours 1.0.0 is deleted" in removed.stdout, removed.stderr
    assert "colours" not in platform.werkplaats("datasets", "list").stdout


def test_make_up_again_makes_nothing(platform: Platform) -> None:
    """What is as it was is looked at in an instant, and stays the same file."""
    from single_machine import datasets

    table = platform.instance.vault / "vehicles/1.0.0/vehicles.parquet"
    before, started = table.stat().st_ino, time.monotonic()
    datasets.lay_down(platform.up.console, platform.instance)
    assert time.monotonic() - started < 1
    assert table.stat().st_ino == before
