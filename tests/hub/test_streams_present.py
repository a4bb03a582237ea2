"""What real commands of Slurm 22.05 printed, and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hub.fake_slurm import recorded

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Partitions
from werkplaats_hub.slurm_commands import SlurmFailed
from werkplaats_hub.streams import capacity, present
from werkplaats_hub.streams.capacity import Capacity
from werkplaats_hub.streams.model import COLUMNS, Column, Kind, Thing, canonical, tres, written

FILES = {
    ("sacctmgr", "qos"): "qos",
    ("sacctmgr", "associations"): "associations",
    ("sacctmgr", "account"): "account",
    ("sacctmgr", "user"): "user",
    ("scontrol", "assoc_mgr"): "assoc_mgr",
    ("scontrol", "config"): "config",
    ("scontrol", "nodes"): "nodes",
    ("scontrol", "partitions"): "partitions",
    ("squeue", "--format=%a|%u|%q|%T"): "queue",
    ("squeue", "--qos=lent"): "lent",
}


def replay(argv: Sequence[str]) -> str:
    """Answer as the recorded instance did."""
    (name,) = (name for (command, word), name in FILES.items() if argv[0] == command and word in argv)
    return recorded(name)


RESOURCES = st.dictionaries(
    st.sampled_from(["cpu", "mem", "billing", "gres/gpu", "gres/gpu:h200"]), st.integers(0, 10**9)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("cpu=16", {"cpu": 16}),
        ("billing=4000,gres/gpu=4,mem=192G", {"billing": 4000, "gres/gpu": 4, "mem": 196608}),
        ("mem=5M", {"mem": 5}),
        ("mem=1.50T", {"mem": 1572864}),
        ("mem=62.5G", {"mem": 64000}),
        ("mem=2048K", {"mem": 2}),
        ("mem=1P", {"mem": 1024**3}),
        ("gres/gpu:h200=2", {"gres/gpu:h200": 2}),
        ("nonsense", {}),
    ],
)  # fmt: skip
def test_resources(text: str, expected: dict[str, int]) -> None:
    """A list of resources is read as sacctmgr and scontrol write it; memory comes in MB."""
    assert tres(text) == expected


@given(RESOURCES)
def test_resources_come_back(resources: dict[str, int]) -> None:
    """What we write we read, and the order in which it was written makes no difference."""
    assert tres(written(resources)) == resources
    backwards = ",".join(f"{key}={resources[key]}" for key in sorted(resources, reverse=True))
    assert canonical(Column("GrpTRES", "grptres", "tres"), backwards) == written(resources)


@pytest.mark.parametrize(
    ("kind", "shown", "expected"),
    [
        ("tres", "gres/gpu=4,cpu=80,mem=192G", "cpu=80,gres/gpu=4,mem=196608"),
        ("names", "regional,lent", "lent,regional"),
        ("names", "UsageFactorSafe,DenyOnLimit", "DenyOnLimit,UsageFactorSafe"),
        ("time", "7-00:00:00", "10080"),
        ("time", "01:10:00", "70"),
        ("time", "00:05:00", "5"),
        ("seconds", "00:01:00", "60"),
        ("seconds", "1-00:00:01", "86401"),
        ("seconds", "00:00:00", ""),
        ("factor", "0.000000", "0"),
        ("factor", "1.000000", "1"),
        ("factor", "0.500000", "0.5"),
        ("number", "0", "0"),
        ("word", "cluster", "cluster"),
    ],
)
def test_one_form_of_a_value(kind: str, shown: str, expected: str) -> None:
    """A value is compared in one form, however sacctmgr shows it; zero is a limit, and nothing is none."""
    assert canonical(Column("x", "x", kind), shown) == expected
    assert canonical(Column("x", "x", kind), "") == ""


def test_every_column_was_recorded() -> None:
    """The recordings have as many fields as are asked for: none is passed over as malformed."""
    for name, kind, keys in (("qos", Kind.QOS, 1), ("associations", Kind.ACCOUNT, 3)):
        widths = {line.count("|") + 1 for line in recorded(name).splitlines()}
        assert widths == {len(COLUMNS[kind]) + keys}


def test_recorded_qos() -> None:
    """Each QOS with what is set of it; those of others are read as well, to be left alone."""
    state = present.read(replay).state
    qos = {thing.name: state[thing] for thing in state if thing.kind is Kind.QOS}
    usual = {"PreemptMode": "cluster", "UsageFactor": "1"}
    assert qos["normal"] == {**usual, "Description": "Normal QOS default", "Priority": "0"}
    assert qos["regional"] == {
        **usual,
        "Description": "werkplaats",
        "Priority": "200",
        "Preempt": "lent",
        "Flags": "DenyOnLimit",
        "GrpTRES": "billing=4000,cpu=80,gres/gpu=4,mem=196608",
        "MaxWall": "10080",
    }
    assert qos["visitors"] == {
        **usual,
        "Description": "visitors",
        "Priority": "0",
        "GrpJobs": "7",
        "MaxTRESPerUser": "gres/gpu=2",
        "MaxJobsPerUser": "4",
    }
    assert (qos["lent"]["GraceTime"], qos["lent"]["UsageFactor"]) == ("60", "0")


def test_recorded_associations() -> None:
    """What comes from above is in none of them; a newcomer's own budget is."""
    state = present.read(replay).state
    assert state[Thing(Kind.ACCOUNT, "regional")] == {
        "Parent": "root",
        "QosLevel": "lent,regional",
        "DefaultQOS": "regional",
    }
    assert state[Thing(Kind.ACCOUNT, "rijk-verkenning")] == {
        "Parent": "national",
        "QosLevel": "lent,national",
        "DefaultQOS": "national",
        "GrpTRESMins": "gres/gpu=60000",
        "GrpJobs": "0",
        "GrpSubmitJobs": "0",
    }
    assert state[Thing(Kind.USER, "mkb-verkenning", "mkb")] == {}
    assert state[Thing(Kind.USER, "rijk-verkenning", "rijk")] == {}
    assert state[Thing(Kind.USER, "first-steps", "student")] == {"GrpTRESMins": "gres/gpu=120"}
    assert state[Thing(Kind.USER, "chemistry", "expert")] == {}
    assert state[Thing(Kind.ACCOUNT, "chemistry")] == {"Parent": "root"}
    assert state[Thing(Kind.ACCOUNT, "root")] == {"QosLevel": "normal"}


def test_what_a_person_has_of_their_own() -> None:
    """A list of QOS or a limit is the person's own, also one that the account happens to have as well."""
    row = "mkb-verkenning|mkb||||||"
    own = "mkb-verkenning|mkb|||normal,regional|regional|||||3|||01:00:00||||"
    lines = [own if line.startswith(row) else line for line in recorded("associations").splitlines()]
    assert own in lines
    found = present.read(lambda argv: "\n".join(lines) if "associations" in argv else replay(argv)).state[
        Thing(Kind.USER, "mkb-verkenning", "mkb")
    ]
    assert found == {
        "QosLevel": "normal,regional",
        "DefaultQOS": "regional",
        "MaxJobs": "3",
        "MaxWall": "60",
    }


def test_an_association_for_one_partition_is_one_of_its_own() -> None:
    """It hides neither the person's other one, nor what is set of that."""
    rows = (
        f"mkb-verkenning|mkb|gpu||normal{'|' * 13}",
        f"first-steps|student|cpu||{'|' * 13}",
    )
    text = recorded("associations") + "".join(f"{row}\n" for row in rows)
    state = present.read(lambda argv: text if "associations" in argv else replay(argv)).state
    assert state[Thing(Kind.USER, "mkb-verkenning", "mkb", "gpu")] == {"QosLevel": "normal"}
    assert state[Thing(Kind.USER, "mkb-verkenning", "mkb")] == {}
    assert state[Thing(Kind.USER, "first-steps", "student", "cpu")] == {}
    assert state[Thing(Kind.USER, "first-steps", "student")] == {"GrpTRESMins": "gres/gpu=120"}


def test_who_may_change_accounting() -> None:
    """Coordinators of each account, and who has a level."""
    text = {
        "account": recorded("account").replace("regional|werkplaats|", "regional|werkplaats|mkb,docent"),
        "user": recorded("user").replace("mkb|mkb-verkenning|None", "mkb|mkb-verkenning|Operator"),
    }

    def run(argv: Sequence[str]) -> str:
        return next((text[what] for what in text if what in argv), "") or replay(argv)

    state = present.read(run).state
    assert {thing: state[thing] for thing in state if thing.kind in (Kind.COORDINATOR, Kind.ADMIN)} == {
        Thing(Kind.COORDINATOR, "regional", "mkb"): {},
        Thing(Kind.COORDINATOR, "regional", "docent"): {},
        Thing(Kind.ADMIN, "", "root"): {"AdminLevel": "Administrator"},
        Thing(Kind.ADMIN, "", "mkb"): {"AdminLevel": "Operator"},
    }


def test_recorded_marks_jobs_and_use() -> None:
    """Whose an account is, what runs and waits in it, and what it used of this period."""
    have = present.read(replay)
    assert have.ours == {
        "regional", "national", "eurohpc", "first-steps", "mkb-verkenning", "cursus-ai", "expertisecentrum",
        "onderzoek", "rijk-verkenning",
    }  # fmt: skip
    assert have.default_account["mkb"] == "mkb-verkenning"
    assert have.default_account["expert"] == "expertisecentrum"
    assert have.active == {
        ("mkb-verkenning", "mkb"): 5,
        ("rijk-verkenning", "rijk"): 1,
        ("onderzoek", "onderzoeker"): 2,
    }
    assert have.waiting == {("mkb-verkenning", "regional"): 3}
    assert [have.jobs_of(name) for name in ("mkb-verkenning", "onderzoek", "cursus-ai", "x")] == [5, 2, 0, 0]
    assert have.used_minutes("onderzoek") == 6
    assert have.used_minutes("mkb-verkenning") == 3, "what was borrowed is not charged"
    assert have.used_minutes("chemistry") == have.used_minutes("x") == 0


def test_half_an_answer_is_none() -> None:
    """When one of the commands fails, nothing is concluded from the others."""
    for asked in FILES:

        def run(argv: Sequence[str], asked: tuple[str, str] = asked) -> str:
            if argv[0] == asked[0] and asked[1] in argv:
                raise SlurmFailed("gone")
            return replay(argv)

        if asked[1] not in ("nodes", "partitions", "--qos=lent"):
            with pytest.raises(SlurmFailed):
                present.read(run)


def test_the_cluster_is_the_controllers() -> None:
    """A database may hold several clusters: only that of this controller is read."""
    asked: list[list[str]] = []

    def run(argv: Sequence[str]) -> str:
        asked.append(list(argv))
        return replay(argv)

    assert present.cluster(replay) == "werkplaats"
    present.read(run)
    (associations,) = (argv for argv in asked if "associations" in argv)
    assert "cluster=werkplaats" in associations
    assert present.cluster(lambda argv: "slurm_load_ctl_conf error\n") == ""


def test_recorded_capacity(facility_file: Path) -> None:
    """All nodes count by what they are configured with, busy or idle."""
    partitions = facilities.read(facility_file).partitions
    assert capacity.read(replay, partitions) == Capacity(16, 64, 128 * 1024)


@pytest.mark.parametrize("state", ["DOWN*", "IDLE+DRAIN", "DOWN+DRAIN+NOT_RESPONDING"])
def test_a_node_that_is_away_still_counts(state: str) -> None:
    """A share does not shrink because a node is down or drained."""
    text = recorded("nodes").replace("State=MIXED", f"State={state}")
    assert state in text
    assert capacity.read(lambda argv: text, Partitions()) == Capacity(16, 64, 128 * 1024)


def test_only_the_facilitys_partitions_count() -> None:
    """Nodes of other partitions are no part of it; one in both is a node with GPUs."""
    text = recorded("nodes").replace("Partitions=gpu ", "Partitions=gpu,cpu ", 1)
    assert capacity.read(lambda argv: text, Partitions()) == Capacity(16, 64, 128 * 1024)
    assert capacity.read(lambda argv: text, Partitions(gpu="fast", cpu="cpu")).gpus == 0
    assert capacity.read(lambda argv: text, Partitions(gpu="gpu", cpu="rest")) == Capacity(16)
    assert capacity.read(lambda argv: "No nodes in the system\n", Partitions()) == Capacity(0)
