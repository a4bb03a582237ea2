"""From the facility to Slurm's accounting: the difference, in an order that works, and only once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from werkplaats_hub import facility as facilities
from werkplaats_hub.facility import Facility
from werkplaats_hub.streams import Accounting, apply, commands, desired, present


class FakeAccounting:
    """A sacctmgr that keeps what it is told, and refuses what the real one refuses."""

    def __init__(self) -> None:
        self.qos = ["normal"]
        self.parents: dict[str, str] = {"root": ""}
        self.allowed: dict[str, str] = {"root": "normal"}
        self.users: set[tuple[str, str]] = {("root", "root")}
        self.changes: list[list[str]] = []

    def __call__(self, argv: Sequence[str]) -> str:
        """Run a command."""
        words = list(argv)
        assert words[0] == "sacctmgr"
        match words[1:]:
            case ["-nP", "show", "qos", "format=name"]:
                return "".join(f"{name}\n" for name in self.qos)
            case ["-nP", "show", "associations", "format=account,user,parentname,qos"]:
                return self._associations()
        self.changes.append(words)
        assert words[1] == "-i", "a question would wait for an answer for ever"
        match words[2:]:
            case ["add", "qos", name]:
                self.qos.append(name)
            case ["add", "account", name, parent, qos]:
                self._add_account(name, parent.removeprefix("parent="), qos.removeprefix("qos="))
            case ["add", "user", user, account]:
                assert account.removeprefix("account=") in self.parents
                self.users.add((account.removeprefix("account="), user))
            case ["modify", "account", name, "set", *settings]:
                self._modify_account(name, dict(setting.split("=", 1) for setting in settings))
            case other:
                raise AssertionError(f"not a command of sacctmgr: {other}")
        return ""

    def _add_account(self, name: str, parent: str, qos: str) -> None:
        assert name not in self.parents, f"Nothing new added: the account {name} exists"
        assert parent in self.parents, f"No such parent account '{parent}'"
        assert qos in self.qos, f"Invalid qos '{qos}'"
        self.parents[name], self.allowed[name] = parent, qos

    def _modify_account(self, name: str, settings: dict[str, str]) -> None:
        assert name in self.parents
        if "qos" in settings:
            assert settings["qos"] in self.qos
            self.allowed[name] = settings["qos"]
        self.parents[name] = settings.get("parent", self.parents[name])

    def _associations(self) -> str:
        rows = [f"{name}||{parent}|{self.allowed[name]}" for name, parent in self.parents.items()]
        rows += [f"{account}|{user}||{self.allowed[account]}" for account, user in sorted(self.users)]
        return "".join(f"{row}\n" for row in rows)


@pytest.fixture
def facility(facility_file: Path) -> Facility:
    """The facility as it is shipped."""
    return facilities.read(facility_file)


#: What a real ``sacctmgr -nP show associations format=account,user,parentname,qos`` printed.
RECORDED = """\
root|||normal
root|root||normal
eurohpc||root|eurohpc
onderzoek||eurohpc|eurohpc
onderzoek|onderzoeker||eurohpc
regional||root|regional
cursus-ai||regional|regional
cursus-ai|docent||regional
cursus-ai|student||regional
"""


def test_recorded_accounting_is_read() -> None:
    """Accounts with their parents, people with their accounts; what is Slurm's own is no account of ours."""
    found = present(lambda argv: RECORDED if "associations" in argv else "normal\neurohpc\nregional\n")
    assert found == Accounting(
        qos=frozenset({"normal", "eurohpc", "regional"}),
        accounts=frozenset(
            {("eurohpc", "root"), ("onderzoek", "eurohpc"), ("regional", "root"), ("cursus-ai", "regional")}
        ),
        users=frozenset(
            {("root", "root"), ("onderzoek", "onderzoeker"), ("cursus-ai", "docent"),
             ("cursus-ai", "student")}
        ),
        allowed=frozenset(
            {("root", "normal"), ("eurohpc", "eurohpc"), ("onderzoek", "eurohpc"), ("regional", "regional"),
             ("cursus-ai", "regional")}
        ),
    )  # fmt: skip


def test_what_slurm_must_hold(facility: Facility) -> None:
    """A stream is an account and a QOS of its name; a project an account below it, under that QOS."""
    want = desired(facility)
    assert want.qos == {"regional", "national", "eurohpc"}
    assert ("regional", "root") in want.accounts
    assert ("onderzoek", "eurohpc") in want.accounts
    assert ("onderzoek", "onderzoeker") in want.users
    assert ("onderzoek", "eurohpc") in want.allowed
    assert len(want.accounts) == len(want.allowed) == 8


def test_an_empty_slurm_gets_everything_and_then_nothing(facility: Facility) -> None:
    """Applied once, Slurm holds what the facility says; applied again, nothing is changed."""
    slurm = FakeAccounting()
    assert apply(facility, slurm) == len(slurm.changes) > 0
    assert slurm.parents["mkb-verkenning"] == "regional"
    assert slurm.allowed["mkb-verkenning"] == "regional"
    assert ("mkb-verkenning", "mkb") in slurm.users
    want, have = desired(facility), present(slurm)
    assert want.qos <= have.qos
    assert (want.accounts, want.allowed) == (have.accounts, have.allowed - {("root", "normal")})
    assert want.users == have.users - {("root", "root")}
    assert apply(facility, slurm) == 0


def test_each_thing_comes_after_what_it_needs(facility: Facility) -> None:
    """A QOS before the account that names it, a parent before its children, an account before its people."""
    nothing = Accounting(frozenset(), frozenset(), frozenset(), frozenset())
    lines = commands(desired(facility), nothing)
    kinds = [line[3] for line in lines]
    assert kinds == sorted(kinds, key=["qos", "account", "user"].index)
    accounts = [line[4:6] for line in lines if line[3] == "account"]
    made = {"root"}
    for name, parent in accounts:
        assert parent.removeprefix("parent=") in made
        made.add(name)


@pytest.mark.parametrize("lost", ["users", "qos"])
def test_what_was_lost_is_put_back(facility: Facility, lost: str) -> None:
    """Only what is missing is added: the rest of Slurm's accounting is not touched."""
    slurm = FakeAccounting()
    apply(facility, slurm)
    slurm.changes.clear()
    if lost == "users":
        slurm.users.discard(("onderzoek", "onderzoeker"))
    else:
        slurm.allowed["onderzoek"] = "normal"
    assert apply(facility, slurm) == 1
    assert "onderzoek" in str(slurm.changes)
    assert apply(facility, slurm) == 0


def test_nothing_is_taken_away(facility: Facility) -> None:
    """What others put into Slurm, and people who were taken out of the file, are the operator's matter."""
    slurm = FakeAccounting()
    apply(facility, slurm)
    slurm.parents["chemistry"], slurm.allowed["chemistry"] = "root", "normal"
    slurm.users.add(("chemistry", "curie"))
    before = (dict(slurm.parents), set(slurm.users), list(slurm.qos))
    assert apply(facility, slurm) == 0
    smaller = facility.model_copy(update={"projects": facility.projects[:1]})
    assert apply(smaller, slurm) == 0
    assert before == (slurm.parents, slurm.users, slurm.qos)


def test_a_new_member_is_one_command(facility: Facility) -> None:
    """Adding somebody to a project is exactly that."""
    slurm = FakeAccounting()
    apply(facility, slurm)
    slurm.changes.clear()
    first = facility.projects[0]
    grown = first.model_copy(update={"members": (*first.members, "nieuw")})
    assert apply(facility.model_copy(update={"projects": (grown, *facility.projects[1:])}), slurm) == 1
    assert slurm.changes == [["sacctmgr", "-i", "add", "user", "nieuw", f"account={first.name}"]]


def test_a_project_can_move_to_another_stream(facility: Facility) -> None:
    """An account that exists cannot be added: it must be moved, with its QOS, and then be at rest."""
    slurm = FakeAccounting()
    apply(facility, slurm)
    first = facility.projects[0]
    assert first.stream == "regional"
    moved = first.model_copy(update={"stream": "national"})
    changed = facility.model_copy(update={"projects": (moved, *facility.projects[1:])})
    apply(changed, slurm)
    assert slurm.parents[first.name] == slurm.allowed[first.name] == "national"
    assert apply(changed, slurm) == 0
