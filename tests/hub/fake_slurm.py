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

#: What a person has from the account unless it is their own.
INHERITED = ("qoslevel", "defaultqos", "maxjobs", "maxsubmitjobs", "maxtresperjob", "maxwall")
#: ``format=`` of sacctmgr to the name in ``set``, where the two differ.
SHOWN = {"grpsubmit": "grpsubmitjobs", "mintres": "mintresperjob", "qos": "qoslevel", "parentname": "parent"}
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
                assert where in ([], [f"cluster={CLUSTER}"])
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
            "account": [{"account": a, "organization": o} for a, o in self.organization.items()],
            "user": [{"user": user, "defaultaccount": a} for user, a in self.default.items()],
            "associations": [*self._associations()],
        }[what]
        return [[row.get(name, "") for name in names] for row in rows]

    def _associations(self) -> list[dict[str, str]]:
        rows = []
        for account, has in self.accounts.items():
            rows.append({"account": account, "user": "", **self._inherited(account), **has})
            for (name, user), own in self.people.items():
                if name == account:
                    rows.append({"account": account, "user": user, **self._inherited(account, has), **own})
        return rows

    def _inherited(self, account: str, has: dict[str, str] | None = None) -> dict[str, str]:
        """Return what comes from the accounts above; with `has`, what a person has from theirs."""
        parent = self.accounts[account].get("parent")
        found = self._inherited(parent) if parent else {}
        if parent:
            found |= {key: text for key, text in self.accounts[parent].items() if key in INHERITED}
        return found | {key: text for key, text in (has or {}).items() if key in INHERITED}

    def _queue(self, options: list[str]) -> str:
        if "--format=%a|%u" in options:
            return "".join(f"{account}|{user}\n" for account, user, _ in self.jobs)
        if "--qos=lent" in options:
            return ""
        (account,) = [_value(word) for word in options if word.startswith("--account=")]
        return "".join(f"{number}\n" for number, job in enumerate(self.jobs) if job[0] == account)

    def _controller(self, words: list[str]) -> str:
        if "assoc_mgr" not in words:
            return recorded(words[-1])
        return "".join(
            f"ClusterName={CLUSTER} Account={account} UserName= Partition= Priority=0 ID=1\n"
            f"    GrpTRESMins=cpu=N(0),gres/gpu=N({self.used.get(account, 0)})\n"
            for account in self.accounts
        )

    # -- what is changed ----------------------------------------------------------------------------

    def _change(self, words: list[str]) -> str:
        match words:
            case ["add", "qos", name]:
                assert name not in self.qos, "a QOS that is there cannot be added"
                self.qos[name] = dict(NEW_QOS)
            case ["add", "account", name, where, organization, *settings]:
                self._add_account(name, where, _value(organization), settings)
            case ["add", "user", user, where, account, *settings]:
                self._add_person(user, where, _value(account), settings)
            case ["modify", "qos", name, "set", *settings] if "=" not in name:
                self._modify("qos", {"name": name}, settings)
            case ["modify", what, "where", *rest]:
                cut = rest.index("set")
                self._modify(what, dict(_pairs(rest[:cut])), rest[cut + 1 :])
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
        else:
            self._set(self._found(what, where), settings)
            if what == "account":
                self._check_parent(name)

    def _found(self, what: str, where: dict[str, str]) -> dict[str, str]:
        if what == "qos":
            assert set(where) == {"name"}
            return self.qos[where["name"]]
        assert where["cluster"] == CLUSTER, "without it another cluster's would change too"
        if what == "account":
            return self.accounts[where["name"]]
        return self.people[where["account"], where["name"]]

    def _delete(self, what: str, where: dict[str, str]) -> None:
        name, account = where["name"], where.get("account", where["name"])
        if what == "qos":
            self._delete_qos(name)
            return
        self._found(what, where)
        if any(job[0] == account and (what == "account" or job[1] == name) for job in self.jobs):
            raise SlurmFailed("Error with request: Job(s) active, cancel job(s) before remove")
        if what == "user":
            self._forget(account, name)
        else:
            self._delete_account(name)

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
    if key == "gracetime":
        return f"{int(value) // 3600:02}:{int(value) // 60 % 60:02}:{int(value) % 60:02}"
    if value == "-1":
        assert key != "preempt", "You gave a bad qos '1'"
        return ""
    if key == "maxwall":
        days, minutes = divmod(int(value), 24 * 60)
        return (f"{days}-" if days else "") + f"{minutes // 60:02}:{minutes % 60:02}:00"
    return f"{float(value):.6f}" if key == "usagefactor" else value


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
