"""Limits and use as a real slurmctld 22.05 printed them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from werkplaats_spawners.limits import (
    Association,
    Qos,
    Use,
    parse_associations,
    parse_qos,
    read_associations,
    read_qos,
    show_limits,
)

#: Eleven accounts and people of a shipped facility, with five jobs running, shortened to those in use.
TEXT = (Path(__file__).parent / "recorded/assoc_mgr.txt").read_text()


def test_one_question_for_all() -> None:
    """Associations and QOS come from the controller's memory, in one call."""
    assert show_limits() == ["scontrol", "show", "assoc_mgr", "flags=assoc,qos"]


def test_recorded_associations() -> None:
    """Accounts and people, with budget, use and what may still be used; a closed one is seen to be."""
    found = {(one.account, one.user): one for one in parse_associations(TEXT)}
    assert len(found) == 13
    assert found["onderzoek", ""] == Association("onderzoek", "", Use(60000, 6), committed=1583)
    assert found["onderzoek", "onderzoeker"].gpu_minutes == Use(None, 6)
    assert found["mkb-verkenning", ""].gpu_minutes == Use(60000, 3)
    assert found["mkb-verkenning", ""].committed == 116, "of the job on its own GPU, not of the lent ones"
    assert found["first-steps", "student"] == Association("first-steps", "student", Use(120, 0))
    assert found["rijk-verkenning", ""].closed
    assert [key for key, one in found.items() if one.closed] == [("rijk-verkenning", "")]
    assert found["root", ""].gpu_minutes == Use(None, 10)


def test_recorded_qos() -> None:
    """A share, what is in use of it, and by whom; what others keep beside their GPUs in thousandths."""
    found = {one.name: one for one in parse_qos(TEXT)}
    assert found == {
        "lent": Qos("lent", Use(16, 2), Use(None, 2000), {"1009": 2}),
        "eurohpc": Qos("eurohpc", Use(8, 2), Use(8000, 2000), {"1011": 2}),
        "national": Qos("national", Use(4, 0), Use(4000, 0)),
        "regional": Qos("regional", Use(4, 1), Use(4000, 1000), {"1009": 1}),
        "visitors": Qos("visitors", Use(None, 0), Use(None, 0)),
    }


def test_a_limit_on_a_person_is_not_their_use() -> None:
    """In ``gres/gpu=2(1)`` the first is what they may have, the second what they have."""
    limited = TEXT.replace("fs/disk=N(0),vmem=N(0),pages=N(0),gres/gpu=N(1)", "gres/gpu=2(1)")
    assert limited != TEXT
    found = {one.name: one for one in parse_qos(limited)}
    assert found["regional"].users == {"1009": 1}


def test_several_people_in_one_qos() -> None:
    """Each has a number of their own, and who has no GPU is left out."""
    person = (
        "      {}\n        MaxJobsPU=N(1) MaxSubmitJobsPU=N(1)\n        MaxTRESPU=cpu=N(4),gres/gpu=N({})\n"
    )
    several = "".join(person.format(*each) for each in ((1001, 3), (1002, 0), (1003, 11)))
    (found,) = parse_qos(f"QOS=regional(4)\n    GrpTRES=gres/gpu=16(14)\n    User Limits\n{several}")
    assert found.users == {"1001": 3, "1003": 11}
    assert found.gpus == Use(16, 14)


@pytest.mark.parametrize(
    ("use", "left"), [(Use(10, 3), 7), (Use(10, 12), 0), (Use(0, 0), 0), (Use(None, 3), None), (Use(), None)]
)
def test_what_is_left(use: Use, left: int | None) -> None:
    """Never below nothing, and without a limit no number at all."""
    assert use.left == left


def test_no_limit_is_not_a_limit_of_nothing() -> None:
    """N is no limit; 0 is one."""
    head = "ClusterName=c Account=bakery UserName= Partition= Priority=0 ID=1\n"
    for text, expected in (("N(5)", Use(None, 5)), ("0(5)", Use(0, 5)), ("600(5)", Use(600, 5))):
        (found,) = parse_associations(f"{head}    GrpTRESMins=cpu=N(1),gres/gpu={text}\n")
        assert found.gpu_minutes == expected


def test_kinds_of_gpu_are_not_counted_twice() -> None:
    """Where accounting tracks ``gres/gpu:h200`` too, only the whole is read."""
    head = "ClusterName=c Account=bakery UserName= Partition= Priority=0 ID=1\n"
    body = "    GrpTRESMins=cpu=N(1),gres/gpu:h200=5(4),gres/gpu=60(9),gres/gpumem=N(3)\n"
    (found,) = parse_associations(head + body)
    assert found.gpu_minutes == Use(60, 9)


def test_a_closed_account_is_one_that_takes_no_job() -> None:
    """A limit of ten is not one of none, however many are in."""
    head = "ClusterName=c Account=bakery UserName= Partition= Priority=0 ID=1\n    "
    for text, closed in (("0(0)", True), ("0(3)", True), ("10(0)", False), ("N(0)", False)):
        (found,) = parse_associations(
            f"{head}GrpJobs=N(0) GrpJobsAccrue=N(0)\n    GrpSubmitJobs={text} GrpWall=N(0.00)\n"
        )
        assert found.closed is closed


def test_they_come_back_as_they_were_published() -> None:
    """As JSON objects, through the publisher's socket."""
    associations, qos = parse_associations(TEXT), parse_qos(TEXT)
    assert read_associations(json.loads(json.dumps([asdict(one) for one in associations]))) == associations
    assert read_qos(json.loads(json.dumps([asdict(one) for one in qos]))) == qos


@given(st.integers(0, len(TEXT)))
def test_a_text_that_was_cut_short(at: int) -> None:
    """What came whole is read as it was, and the last of what was cut at most in part."""
    for parse in (parse_associations, parse_qos):
        whole = {getattr(one, "account", "") + getattr(one, "user", "") + getattr(one, "name", ""): one
                 for one in parse(TEXT)}  # fmt: skip
        found = parse(TEXT[:at])
        for one in found[:-1]:
            assert one in whole.values()


@given(st.text() | st.text("ClusterName=QOS AccUsTRES()\n gpu/0123,N"))
@example("")
@example("slurm_load_assoc_mgr_info error: Unable to contact slurm controller (connect failure)\n")
@example("QOS=(1)\nQOS=a(1)\n    User Limits\n      x\n")
@example("ClusterName= Account= UserName= Partition=\n")
def test_any_text_is_read(text: str) -> None:
    """Whatever comes, no exception ends the view of all; what is no record is none."""
    for one in parse_associations(text):
        assert one.account
    for qos in parse_qos(text):
        assert qos.name


def test_a_foreign_line_ends_a_record() -> None:
    """A line at the margin that is no record belongs to none, and neither does what stands below it."""
    text = (
        "QOS=regional(4)\n    GrpTRES=gres/gpu=4(1)\nSomething new=1\n    GrpTRES=gres/gpu=9(9)\n"
        "QOS=national(5)\n    GrpTRES=gres/gpu=2(0)\n"
    )
    assert [(one.name, one.gpus) for one in parse_qos(text)] == [
        ("regional", Use(4, 1)),
        ("national", Use(2, 0)),
    ]
