"""The operator's file: what is shipped is good, and each fault is named with its key and a mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tests.hub.faults import Change, Raw, set_

from werkplaats_hub.facility import FacilityError, read


def test_the_shipped_file_is_good(facility_file: Path) -> None:
    """It can be used as it is, and offers what the documentation promises."""
    facility = read(facility_file)
    assert [flavour.name for flavour in facility.flavours] == ["first-steps", "gpu-1", "gpu-2"]
    assert [flavour.gpus for flavour in facility.flavours] == [0, 1, 2]
    assert [stream.name for stream in facility.streams] == ["regional", "national", "eurohpc"]
    assert [stream.name for stream in facility.streams if stream.guaranteed] == ["regional"]
    assert {project.gpu_hours for project in facility.projects} == {1000}
    assert facility.demo is not None
    assert set(facility.demo.people) == {
        "mkb", "student", "onderzoeker", "rijk", "docent", "expert", "steward", "beheer",
    }  # fmt: skip
    assert facility.demo.admins == ("beheer",)


def test_every_demo_person_has_a_project(facility_file: Path) -> None:
    """Nobody who is named on the log-in page meets a refusal at their first start."""
    facility = read(facility_file)
    assert facility.demo is not None
    members = {person for project in facility.projects for person in project.members}
    assert members == set(facility.demo.people)


def test_an_offer_is_the_files_own_order(facility_file: Path) -> None:
    """The first flavour is the default, so the order of the file counts."""
    facility = read(facility_file)
    assert facility.offer.flavours == facility.flavours
    assert facility.offer.projects[0].name == "mkb-verkenning"


SECTIONS = {
    "": lambda raw: raw,
    "facility.": lambda raw: raw["facility"],
    "facility.name.": lambda raw: raw["facility"]["name"],
    "streams.regional.": lambda raw: raw["streams"]["regional"],
    "streams.regional.title.": lambda raw: raw["streams"]["regional"]["title"],
    "projects.cursus-ai.": lambda raw: raw["projects"]["cursus-ai"],
    "flavours.gpu-2.": lambda raw: raw["flavours"]["gpu-2"],
    "streams.regional.person.": lambda raw: raw["streams"]["regional"].setdefault("person", {}),
    "first_steps.": lambda raw: raw["first_steps"],
    "lending.": lambda raw: raw["lending"],
    "budgets.": lambda raw: raw["budgets"],
    "partitions.": lambda raw: raw["partitions"],
    "limits.": lambda raw: raw["limits"],
    "demo.": lambda raw: raw["demo"],
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_misspelt_key_is_named_at_every_level(fault: Callable[[Change], str], section: str) -> None:
    """A key that is not known is refused under the name that it has in the file, with what to do."""

    def misspell(raw: Raw) -> None:
        SECTIONS[section](raw)["gpu_huors"] = 1

    said = fault(misspell)
    assert said == f"the key '{section}gpu_huors' is not known here. Check its spelling, or take it out."


@pytest.mark.parametrize("section", ["streams.regional", "projects.cursus-ai", "flavours.gpu-2"])
def test_a_name_within_a_named_table_is_not_passed_over(fault: Callable[[Change], str], section: str) -> None:
    """The table's own name is the name: a key ``name`` in it would do nothing, and so is refused."""
    kind, name = section.split(".")

    def rename(raw: Raw) -> None:
        raw[kind][name]["name"] = "another"

    assert f"{section}.name" in fault(rename)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("streams.regional.share", -0.1),
        ("streams.regional.share", 1.1),
        ("streams.regional.share", float("nan")),
        ("streams.regional.share", "a quarter"),
        ("streams.regional.guaranteed", "yes"),
        ("streams.regional.guaranteed", 1),
        ("streams.regional.title", "Regional"),
        ("streams.regional.title.nl", ""),
        ("projects.cursus-ai.gpu_hours", -1),
        ("projects.cursus-ai.gpu_hours", 1.5),
        ("projects.cursus-ai.gpu_hours", True),
        ("projects.cursus-ai.gpu_hours", {"a": 1}),
        ("projects.cursus-ai.members", "student"),
        ("projects.cursus-ai.members", [7]),
        ("projects.cursus-ai.members", ["Student"]),
        ("projects.cursus-ai.members", ["student; id"]),
        ("streams.regional.lends", "no"),
        ("streams.regional.groups", "companies"),
        ("streams.regional.person", 2),
        ("streams.regional.person.gpus", 0),
        ("streams.regional.person.hours", 169),
        ("streams.regional.person.servers", 1.5),
        ("projects.cursus-ai.owners", ["Docent"]),
        ("projects.cursus-ai.call", "x" * 121),
        ("projects.cursus-ai.ends", "next year"),
        ("projects.cursus-ai.ends", "2027-01-31"),
        ("first_steps.gpu_hours", -1),
        ("first_steps.gpu_hours", 1001),
        ("lending.notice_seconds", 0),
        ("lending.notice_seconds", "60s"),
        ("lending.charged", 1),
        ("budgets.period", "weekly"),
        ("budgets.without_accounting", "wait"),
        ("partitions.gpu", "GPU nodes"),
        ("partitions.cpus_per_gpu", 0),
        ("partitions.memory_gb_per_gpu", 0.5),
        ("flavours.gpu-2.cpus", 0),
        ("flavours.gpu-2.cpus", "8"),
        ("flavours.gpu-2.cpus", 2.0),
        ("flavours.gpu-2.memory_gb", -32),
        ("flavours.gpu-2.memory_gb", "32G"),
        ("flavours.gpu-2.gpus", -1),
        ("flavours.gpu-2.gpus", 65),
        ("flavours.gpu-2.hours", 0),
        ("flavours.gpu-2.max_hours", 169),
        ("flavours.gpu-2", 7),
        ("streams.regional", "regional"),
        ("limits.named_servers", -1),
        ("limits.named_servers", 1000),
        ("limits.jobs_per_person", 0),
        ("limits.jobs_per_person", "many"),
        ("limits", 4),
        ("facility", "Werkplaats"),
        ("facility.name", {"nl": ["Werkplaats"], "en": "x"}),
        ("facility.language", "fr"),
        ("facility.primary", "blue"),
        ("demo.people", "mkb"),
        ("demo.people", ["a" * 32]),
        ("demo", True),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(fault: Callable[[Change], str], key: str, value: Any) -> None:
    """A number out of range, a wrong type, a table for a value or a value for a table: the key is named."""
    said = fault(set_(key, value))
    assert f"'{key}" in said.splitlines()[0]
    assert any(mend in said for mend in ("Change the value.", "Add it;", "write ", "choose "))


@pytest.mark.parametrize("section", ["streams", "projects", "flavours"])
@pytest.mark.parametrize("value", [7, "x", [{"name": "x"}]])
def test_a_section_of_another_kind_is_named(fault: Callable[[Change], str], section: str, value: Any) -> None:
    """``streams = 7``, or ``[[streams]]`` for ``[streams.NAME]``: it is said how the section is written."""
    said = fault(set_(section, value)).splitlines()
    assert said[0] == (
        f"'{section}' must be one table for each, that has its name: write [{section}.NAME], "
        f"and not [[{section}]] or {section} = ...."
    )


@pytest.mark.parametrize(
    "key",
    ["facility", "facility.name", "facility.name.en", "streams.regional.share", "streams.regional.title",
     "projects.cursus-ai.stream", "projects.cursus-ai.members", "flavours.gpu-2.gpus", "demo.people"],
)  # fmt: skip
def test_a_missing_key_is_named(fault: Callable[[Change], str], key: str) -> None:
    """What must be there and is not, is named, with where to see how it is written."""

    def leave_out(raw: Raw) -> None:
        *tables, last = key.split(".")
        for table in tables:
            raw = raw[table]
        del raw[last]

    expected = f"the key '{key}' is missing. Add it; the facility.toml that came along shows how."
    assert expected in fault(leave_out).splitlines()


@pytest.mark.parametrize("section", ["streams", "flavours"])
@pytest.mark.parametrize("how", ["empty", "absent"])
def test_a_facility_needs_one_of_each(fault: Callable[[Change], str], section: str, how: str) -> None:
    """Without a stream or a flavour there is nothing to offer."""
    said = fault(lambda raw: raw.pop(section) if how == "absent" else raw[section].clear())
    assert f"'{section}'" in said


@pytest.mark.parametrize("name", ["root", "all", "none", "normal", "default", "parent", "where", "set"])
@pytest.mark.parametrize("section", ["streams", "projects", "flavours"])
def test_reserved_names_are_refused(fault: Callable[[Change], str], section: str, name: str) -> None:
    """A name that means something else to Slurm never becomes an account or a QOS."""

    def rename(raw: Raw) -> None:
        raw[section][name] = next(iter(raw[section].values()))

    assert f"'{section}.{name}.name': '{name}' means something else to Slurm; choose another name." in fault(
        rename
    )


@pytest.mark.parametrize("name", ["Gpu", "a", "gpu_1", "gpu 1", "-gpu", "gpu-", "a.b"])
def test_names_that_slurm_would_misread_are_refused(fault: Callable[[Change], str], name: str) -> None:
    """Capitals, spaces and punctuation are no part of a name."""
    assert name in fault(lambda raw: raw["flavours"].__setitem__(name, raw["flavours"]["gpu-2"]))


def test_hours_above_the_longest_session(fault: Callable[[Change], str]) -> None:
    """A default that the flavour itself refuses would refuse every start."""
    said = fault(set_("flavours.gpu-2.hours", 25))
    assert said == "flavours.gpu-2.hours is above its max_hours; lower one of the two."


@pytest.mark.parametrize(("key", "much", "most"), [("cpus", 9, 8), ("memory_gb", 33, 32)])
def test_a_server_that_counts_for_more_gpus_than_it_has(
    fault: Callable[[Change], str], key: str, much: int, most: int
) -> None:
    """What goes with a GPU is what a share is counted by; beyond it a small server takes a large part."""
    assert fault(set_(f"flavours.gpu-2.{key}", much)) == (
        f"flavours.gpu-2.{key} is above {most}, which goes with its GPUs (partitions.{key}_per_gpu); "
        "lower it, or give it more GPUs."
    )


def test_an_admin_who_is_nobody(fault: Callable[[Change], str]) -> None:
    """An admin must be one of the people, and the sentence says which list to mend."""
    said = fault(set_("demo.admins", ["baas"]))
    assert said == "'demo': 'baas' is in admins but not in people; add the name to people."


def test_every_fault_is_said_at_once(fault: Callable[[Change], str]) -> None:
    """An operator mends a file once, and not once a fault."""

    def twice(raw: Raw) -> None:
        raw["flavours"]["gpu-2"]["cpus"] = 0
        raw["limits"]["nmaed_servers"] = 1

    assert len(fault(twice).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[facility\n", "is not TOML"),
        (b"[facility]\nname = {\n", "is not TOML"),
        (b"a = 1\na = 2\n", "is not TOML"),
        (b"a = '\xff'\n", "is not TOML"),
        (b"\x00\x01", "is not TOML"),
    ],
)
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes, expected: str) -> None:
    """The file is named, what is wrong with it, and that a line must be mended."""
    path = tmp_path / "facility.toml"
    path.write_bytes(content)
    with pytest.raises(FacilityError, match=rf"^{path}: {expected}: .*Mend that line\.$"):
        read(path)


def test_a_file_that_is_nested_too_deep(tmp_path: Path) -> None:
    """The reader's own limit is a sentence as well, and no traceback."""
    path = tmp_path / "facility.toml"
    path.write_text(f"a = {'[' * 100_000}")
    with pytest.raises(FacilityError) as refused:
        read(path)
    assert str(refused.value) == f"{path}: is not TOML: a value is nested too deep. Mend that line."


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "projects.cursus-ai.members",
            "student",
            "'projects.cursus-ai.members' is 'student': it must be a list, such as [\"mkb\"]. "
            "Change the value.",
        ),
        ("demo.people", 7, "'demo.people' is 7: it must be a list, such as [\"mkb\"]. Change the value."),
        ("limits", 4, "'limits' is 4: it must be a table. Change the value."),
        ("streams.regional", "x", "'streams.regional' is 'x': it must be a table. Change the value."),
        (
            "streams.regional.title",
            "x",
            "'streams.regional.title' is 'x': it must be a table. Change the value.",
        ),
    ],
)
def test_another_shape_is_said_in_words_of_the_file(
    fault: Callable[[Change], str], key: str, value: Any, said: str
) -> None:
    """A list and a table, as the file's own manual calls them; not a tuple or a dictionary."""
    assert fault(set_(key, value)).splitlines()[0] == said


@pytest.mark.parametrize("name", ["Gpu", "a", "gpu_1", "a" * 41])
@pytest.mark.parametrize("section", ["streams", "projects", "flavours"])
def test_the_name_of_a_table(fault: Callable[[Change], str], section: str, name: str) -> None:
    """It is said of the table, as it stands in the file, which names are good ones."""

    def rename(raw: Raw) -> None:
        raw[section][name] = next(iter(raw[section].values()))

    assert fault(rename).splitlines()[0] == (
        f"the name of the table [{section}.{name}] must be 2 to 40 lower-case letters, digits and hyphens, "
        "from a letter on and not to a hyphen; choose another name."
    )


def test_one_partition_for_both(fault: Callable[[Change], str]) -> None:
    """Work without a GPU would take the processors that go with the GPUs."""
    said = fault(lambda raw: raw.update(partitions={"gpu": "all-of-it", "cpu": "all-of-it"}))
    assert said == (
        "'partitions': gpu and cpu are both 'all-of-it'; name two partitions, that share no cores."
    )


@pytest.mark.parametrize("key", ["projects.cursus-ai.members", "projects.cursus-ai.owners", "demo.people"])
def test_root_is_nobody(fault: Callable[[Change], str], key: str) -> None:
    """Slurm's administrator passes by every limit that the file could set."""
    said = fault(set_(key, ["beheer", "root"]))
    assert f"{key} has 'root', whom Slurm limits in nothing; take the name out." in said.splitlines()


@pytest.mark.parametrize("call", ["line\nbreak", "bell\a", "\x1b[31mred", "tab\there", "\u202ebackwards"])
def test_a_call_is_one_line_of_text(fault: Callable[[Change], str], call: str) -> None:
    """It is printed on terminals and in tables."""
    assert fault(set_("projects.cursus-ai.call", call)) == (
        "projects.cursus-ai.call has a line break or another control character; write it as one line of text."
    )


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg://desk:Geheim@db.example/desk", "secrets/desk-database-password"),
        ("postgresql+psycopg://desk@db.example/desk?password=Geheim", "secrets/desk-database-password"),
        ("postgresql+psycopg://desk@db.example/desk?sslpassword=Geheim", "secrets/desk-database-password"),
        ("postgresql+psycopg://desk:a@b:Geheim@db.example/desk", "such as postgresql+psycopg://"),
        ("postgresql+psycopg://desk@db.example:Geheim/desk", "such as postgresql+psycopg://"),
        ("mysql://Geheim@db.example/desk", "PostgreSQL and SQLite"),
        ("Geheim", "such as postgresql+psycopg://"),
    ],
)
def test_the_desks_database_is_named_without_a_password(
    fault: Callable[[Change], str], address: str, said: str
) -> None:
    """Everybody on the machine can read the file; what stood there is not repeated in the fault either."""
    found = fault(set_("desk.database", address))
    assert "'desk.database'" in found
    assert said in found
    assert "Geheim" not in found


def test_a_database_of_postgresql(tmp_path: Path, shipped_raw: Raw) -> None:
    """An address without a secret is taken as it is."""
    address = "postgresql+psycopg://desk@db.example/desk?sslmode=verify-full"
    shipped_raw["desk"]["database"] = address
    path = tmp_path / "facility.toml"
    path.write_text(tomli_w.dumps(shipped_raw))
    assert read(path).desk.database == address


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, and a folder in its place, are named as such."""
    with pytest.raises(
        FacilityError, match=rf"^{tmp_path}/absent.toml: cannot be read \(No such file or directory\)"
    ):
        read(tmp_path / "absent.toml")
    with pytest.raises(FacilityError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Nothing is assumed of who the facility is."""
    (tmp_path / "facility.toml").touch()
    with pytest.raises(FacilityError, match="the key 'facility' is missing"):
        read(tmp_path / "facility.toml")


def test_a_facility_without_a_demo(tmp_path: Path, shipped_raw: Raw) -> None:
    """At a real facility there are no demo log-ins, and limits have their defaults."""
    raw = {key: value for key, value in shipped_raw.items() if key not in ("demo", "limits")}
    path = tmp_path / "facility.toml"
    path.write_text(tomli_w.dumps(raw))
    facility = read(path)
    assert facility.demo is None
    assert facility.limits.named_servers == 4
