"""A Slurm in memory, for the operator's commands: keeps what it is told, refuses what Slurm 22.05 refuses.

Each refusal, and the form in which values are shown, was seen on the real one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from werkplaats_hub.slurm_commands import SlurmFailed

RECORDED = Path(__file__).parent / "recorded"
#: What the Hub asks as well.
_SHARED = Path(__file__).parents[1] / "spawners" / "recorded"
CLUSTER = "werkplaats"

#: ``format=`` of sacctmgr to the name in ``set``, where the two differ.
SHOWN = {"grpsubmit": "grpsubmitjobs", "mintres": "mintresperjob", "qos": "qoslevel", "parentname": "parent"}
#: What each table is asked with: of an association only what is its own, of an account who coordinates it.
SHOWN_WITH = {
    "associations": [f"cluster={CLUSTER}", "woplimits", "withrawqoslevel"],
    "account": ["withcoordinators"],
}
NEW_QOS = {"priority": "0", "preemptmode": "cluster", "gracetime": "00:00:00", "usagefactor": "1.000000"}
TRES = ("cpu", "mem", "billing", "gres/gpu")


def recorded(name: str) -> str:
    """Return what a real command printed."""
    folder = RECORDED if (RECORDED / f"{name}.txt").exists() else _SHARED
    return (folder / f"{name}.txt").read_text()


@dataclass
class FakeSlurm:
    """sacctmgr, scontrol, squeue and scancel of one cluster.

    Attributes
    ----------
    qos, accounts, people
        What is set, as it is shown, by lower-case name of the setting.
    organization
        Of every account that there ever was: a deleted one leaves its entry, as in Slurm.
    jobs
        Account, person and GPUs of each job.
    used
        GPU-minutes that an account has used.
    waiting
        Account, person and QOS of each job that waits.
    partitions
        What is set of an association for one partition, by account, person and partition.
    coordinators
        Account and person; who is one of an account is shown as one of those below it as well.
    levels
        Who has another level than none.
    changes
        Every command that could change something, also those that failed.
    fails_at
        The number of such a command at which the database goes away, once.
    """

    qos: dict[str, dict[str, str]] = field(default_factory=lambda: {"normal": dict(NEW_QOS)})
    accounts: dict[str, dict[str, str]] = field(default_factory=lambda: {"root": {"qoslevel": "normal"}})
    people: dict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: {("root", "root"): {}})
    organization: dict[str, str] = field(default_factory=lambda: {"root": "root"})
    default: dict[str, str] = field(default_factory=lambda: {"root": "root"})
    jobs: list[tuple[str, str, int]] = field(default_factory=list)
    waiting: list[tuple[str, str, str]] = field(default_factory=list)
    partitions: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    coordinators: list[tuple[str, str]] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=lambda: {"root": "Administrator"})
    used: dict[str, int] = field(default_factory=dict)
    changes: list[list[str]] = field(default_factory=list)
    fails_at: int | None = None

    def __call__(self, argv: Sequence[str]) -> str:
        """Run a command and return its standard output."""
        match list(argv):
            case ["sacctmgr", "--immediate", *words]:
                self._changes(argv)
                return self._change(words)
            case ["scancel", account]:
                self._changes(argv)
                self.jobs = [job for job in self.jobs if job[0] != _value(account)]
                return ""
            case ["sacctmgr", "--noheader", "--parsable2", "show", what, shown, *where]:
                assert where == SHOWN_WITH.get(what, [])
                return "".join(f"{'|'.join(row)}\n" for row in self._shown(what, _value(shown).split(",")))
            case ["squeue", "--noheader", *options]:
                return self._queue(options)
            case ["scontrol", *words]:
                return self._controller(words)
        raise AssertionError(f"not a command that is known here: {argv}")

    def _changes(self, argv: Sequence[str]) -> None:
        self.changes.append(list(argv))
        if self.fails_at == len(self.changes):
            raise SlurmFailed("sacctmgr: error: slurm_persist_conn_open: Connection refused")

    # -- what is shown ------------------------------------------------------------------------------

    def _shown(self, what: str, columns: list[str]) -> list[list[str]]:
        names = [SHOWN.get(column, column) for column in columns]
        rows = {
            "qos": [{"name": name, **has} for name, has in self.qos.items()],
            "account": [
                {"account": a, "organization": o, "coordinators": ",".join(self._coordinators(a))}
                for a, o in self.organization.items()
            ],
            "user": [
                {"user": user, "defaultaccount": a, "adminlevel": self.levels.get(user, "None")}
                for user, a in self.default.items()
            ],
            "associations": [
                *({"account": account, **has} for account, has in self.accounts.items()),
                *({"account": account, "user": user, **own} for (account, user), own in self.people.items()),
                *(
                    {"account": account, "user": user, "partition": partition, **own}
                    for (account, user, partition), own in self.partitions.items()
                ),
            ],
        }[what]
        return [[row.get(name, "") for name in names] for row in rows]

    def _coordinators(self, account: str) -> list[str]:
        above = self.accounts.get(account, {}).get("parent", "")
        own = [user for name, user in self.coordinators if name == account]
        return own + (self._coordinators(above) if above else [])

    def _queue(self, options: list[str]) -> str:
        if "--format=%a|%u|%q|%T" in options:
            running = [f"{account}|{user}|normal|RUNNING\n" for account, user, _ in self.jobs]
            waiting = [f"{account}|{user}|{qos}|PENDING\n" for account, user, qos in self.waiting]
            return "".join([*running, *waiting])
        if "--qos=lent" in options:
            return ""
        (account,) = [_value(word) for word in options if word.startswith("--account=")]
        return "".join(f"{number}\n" for number, job in enumerate(self.jobs) if job[0] == account)

    def _controller(self, words: list[str]) -> str:
        if "assoc_mgr" not in words:
            return recorded(words[-1])
        return "".join(
            f"ClusterName={CLUSTER} Account={account} UserName= Partition= Priority=0 ID=1\n"
            f"    GrpTRESMins=cpu=N(0),gres/gpu={_limit(has)}({self.used.get(account, 0)})\n"
            for account, has in self.accounts.items()
        )

    # -- what is changed ----------------------------------------------------------------------------

    def _change(self, words: list[str]) -> str:
        match words:
            case ["add", "qos", name]:
                assert name not in self.qos, "a QOS that is there cannot be added"
                self.qos[name] = {"description": name, **NEW_QOS}
            case ["add", "account", name, where, organization, *settings]:
                self._add_account(name, where, _value(organization), settings)
            case ["add", "user", user, where, account, *settings]:
                self._add_person(user, where, _value(account), settings)
            case ["modify", "qos", name, "set", *settings] if "=" not in name:
                self._modify("qos", {"name": name}, settings)
            case ["modify", what, "where", *rest]:
                cut = rest.index("set")
                self._modify(what, dict(_pairs(rest[:cut])), rest[cut + 1 :])
            case ["delete", "coordinator", "where", name, account]:
                return self._delete_coordinator(_value(name), _value(account))
            case ["delete", what, "where", *rest]:
                self._delete(what, dict(_pairs(rest)))
            case other:
                raise AssertionError(f"not a command of sacctmgr: {other}")
        return ""

    def _add_account(self, name: str, where: str, organization: str, settings: list[str]) -> None:
        assert where == f"cluster={CLUSTER}"
        assert name not in self.accounts, "Nothing new added"
        self.organization.setdefault(name, organization)
        self.accounts[name] = {}
        try:
            self._set(self.accounts[name], settings)
            self._check_parent(name)
        except SlurmFailed:
            del self.accounts[name]
            raise

    def _add_person(self, user: str, where: str, account: str, settings: list[str]) -> None:
        assert where == f"cluster={CLUSTER}"
        assert (account, user) not in self.people, "Nothing new added"
        if account not in self.accounts:
            raise SlurmFailed(f"This account '{account}' doesn't exist.")
        self.people[account, user] = {}
        self._set(self.people[account, user], settings)
        self.default.setdefault(user, account)

    def _modify(self, what: str, where: dict[str, str], settings: list[str]) -> None:
        name = where["name"]
        keys = [word.partition("=")[0] for word in settings]
        assert settings
        if keys == ["organization"]:
            assert where == {"name": name}, "the mark is the account's, on whatever cluster"
            self.organization[name] = _value(settings[0])
        elif keys == ["defaultaccount"]:
            assert (_value(settings[0]), name) in self.people, "can only default to an account they have"
            self.default[name] = _value(settings[0])
        elif keys == ["adminlevel"]:
            assert where == {"name": name}, "with an account sacctmgr asks whether the default one is meant"
            self.levels[name] = _value(settings[0])
        else:
            self._modify_association(what, where, settings)

    def _modify_association(self, what: str, where: dict[str, str], settings: list[str]) -> None:
        has = self._found(what, where)
        before = dict(has)
        self._set(has, settings)
        try:
            if what == "account":
                self._check_parent(where["name"])
                if any("qos" in word.partition("=")[0].lower() for word in settings):
                    self._check_default_qos(where["name"])
        except SlurmFailed:
            has.clear()
            has.update(before)
            raise

    def _check_default_qos(self, account: str) -> None:
        """Refuse QOS of an account with which somebody's own in it do not go."""
        has = self.accounts[account]
        people = [own for key, own in (self.people | self.partitions).items() if key[0] == account]
        for own in people:
            may, default = ({**has, **own}.get(key, "") for key in ("qoslevel", "defaultqos"))
            if default and default not in may.split(","):
                raise SlurmFailed("These associations don't have access to their default qos.")

    def _found(self, what: str, where: dict[str, str]) -> dict[str, str]:
        if what == "qos":
            assert set(where) == {"name"}
            return self.qos[where["name"]]
        assert where["cluster"] == CLUSTER, "without it another cluster's would change too"
        if what == "account":
            return self.accounts[where["name"]]
        if "partition" in where:
            return self.partitions[where["account"], where["name"], where["partition"]]
        return self.people[where["account"], where["name"]]

    def _delete(self, what: str, where: dict[str, str]) -> None:
        name, account = where["name"], where.get("account", where["name"])
        if what == "qos":
            self._delete_qos(name)
            return
        self._found(what, where)
        if any(job[0] == account and (what == "account" or job[1] == name) for job in self.jobs):
            raise SlurmFailed("Error with request: Job(s) active, cancel job(s) before remove")
        if what == "user" and "partition" in where:
            del self.partitions[account, name, where["partition"]]
        elif what == "user":
            self._forget(account, name)
        else:
            self._delete_account(name)

    def _delete_coordinator(self, user: str, account: str) -> str:
        assert user in self.default, "You specified a non-existent user"
        had = len(self.coordinators)
        self.coordinators = [pair for pair in self.coordinators if pair != (account, user)]
        return "" if len(self.coordinators) < had else " Nothing removed\n"

    def _delete_qos(self, name: str) -> None:
        users = [*self.accounts.values(), *self.people.values()]
        if any(name == has.get("defaultqos") for has in users):
            raise SlurmFailed("Associations listed below have these as their Default QOS.")
        del self.qos[name]
        for has in (*users, *self.qos.values()):
            for key in {"qoslevel", "preempt"} & has.keys():
                has[key] = ",".join(one for one in has[key].split(",") if one != name)

    def _delete_account(self, name: str) -> None:
        assert not any(has.get("parent") == name for has in self.accounts.values()), "takes all below it away"
        members = [user for account, user in self.people if account == name]
        if any(self.default[user] == name and self._accounts(user) != [name] for user in members):
            raise SlurmFailed("Error with request: You can not remove the default account of a user")
        for user in members:
            self._forget(name, user)
        del self.accounts[name]

    def _forget(self, account: str, user: str) -> None:
        del self.people[account, user]
        self.partitions = {key: own for key, own in self.partitions.items() if key[:2] != (account, user)}
        if not self._accounts(user):
            del self.default[user]

    def _accounts(self, user: str) -> list[str]:
        return [account for account, member in self.people if member == user]

    def _check_parent(self, name: str) -> None:
        above, seen = self.accounts[name].get("parent"), {name}
        while above:
            if above not in self.accounts or above in seen:
                raise SlurmFailed(f"Parent Account {above} doesn't exist.")
            seen.add(above)
            above = self.accounts[above].get("parent")

    def _set(self, has: dict[str, str], settings: list[str]) -> None:
        for setting, value in _pairs(settings):
            key = setting.lower()
            if key in ("qoslevel", "preempt", "defaultqos"):
                for name in filter(None, value.split(",")):
                    if name not in self.qos and not (key == "defaultqos" and name == "-1"):
                        raise SlurmFailed(f"You gave a bad qos '{name}'.")
            shown = _as_shown(key, has.get(key, ""), value)
            has.pop(key, None)
            if shown:
                has[key] = shown


def _as_shown(key: str, before: str, value: str) -> str:
    """Return how sacctmgr shows a setting after ``set KEY=VALUE``."""
    if "tres" in key:
        amounts = dict(_pairs(before.split(",") if before else [])) | dict(_pairs(value.split(",")))
        assert set(amounts) <= set(TRES), amounts
        kept = {name: amounts[name] for name in TRES if amounts.get(name, "-1") != "-1"}
        return ",".join(f"{name}={_amount(name, text)}" for name, text in sorted(kept.items()))
    if key in ("gracetime", "preemptexempttime") and value != "-1":
        return f"{int(value) // 3600:02}:{int(value) // 60 % 60:02}:{int(value) % 60:02}"
    if value == "-1":
        assert key != "preempt", "You gave a bad qos '1'"
        return ""
    if key in ("maxwall", "grpwall"):
        days, minutes = divmod(int(value), 24 * 60)
        return (f"{days}-" if days else "") + f"{minutes // 60:02}:{minutes % 60:02}:00"
    return f"{float(value):.6f}" if key in ("usagefactor", "limitfactor") else value


def _limit(has: dict[str, str]) -> str:
    return has.get("grptresmins", "").removeprefix("gres/gpu=") or "N"


def _amount(name: str, text: str) -> str:
    if name != "mem" or not text.isdecimal():
        return text
    return f"{int(text) // 1024}G" if int(text) % 1024 == 0 else f"{text}M"


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return [(word.partition("=")[0], word.partition("=")[2]) for word in words]


def _value(word: str) -> str:
    return word.partition("=")[2]


def reads(argv: Sequence[str]) -> bool:
    """Return whether a command of Slurm can change nothing."""
    return any(
        fnmatch.fnmatch(" ".join(argv), pattern)
        for pattern in ("sacctmgr --noheader --parsable2 show *", "scontrol *show *", "squeue *", "sreport *")
    )
