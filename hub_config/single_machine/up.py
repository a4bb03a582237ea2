"""``make up``: bring an instance to the state it should be in, step by step, from whatever it is in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from single_machine import (
    accounts,
    database,
    datasets,
    environments,
    files,
    hardware,
    hosts,
    isolation,
    login,
    looks,
    mail_folder,
    packages,
    secrets,
    slurm_files,
)
from single_machine.console import Console, StepFailed
from single_machine.isolation import Isolation
from single_machine.mounts_settings import mounts_settings
from single_machine.services import Supervisor, configuration, services
from werkplaats_hub import facility as facilities
from werkplaats_hub.audit_settings import audit_settings
from werkplaats_hub.away_page import away_page
from werkplaats_hub.desk_settings import desk_settings
from werkplaats_hub.facility import Facility, FacilityError
from werkplaats_hub.instance import FILE, Instance, short_hostname
from werkplaats_hub.slurm_commands import Slurm, SlurmFailed
from werkplaats_hub.streams import plan as streams
from werkplaats_spawners.offer import WITH_GPU, WITHOUT_GPU


@dataclass
class Up:
    """One run of ``make up``.

    Attributes
    ----------
    wheel, constraints
        What the environments are installed from.
    facility_file
        The operator's file.
    """

    instance: Instance
    console: Console
    wheel: Path
    constraints: Path
    facility_file: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    facility: Facility = field(init=False)
    nodes: tuple[hardware.Node, ...] = field(init=False)
    _stale: set[str] = field(init=False, default_factory=set)

    def run(self) -> secrets.Passwords:
        """Do every step; each looks first and changes only what is not right."""
        step = self.console.step
        supervisor = Supervisor(self.console, self.instance)
        with step("Looking at this machine"):
            looks.require_root()
            packages.require_apt()
            self._read_facility()
            secrets.check(self.environment)
            looks.require_no_foreign_slurm(self.instance)
            self._require_free_ports(supervisor)
        with step("Installing Debian's packages"):
            packages.install(self.console)
            if self.instance.default:
                packages.keep_services_off(self.console)
        with step("Making users and folders"):
            self._make_users_and_folders()
            self._lay_down_settings()
            passwords = secrets.keep(self.instance, self.environment)
        with step("Installing people's environment (minutes, the first time)"):
            environments.install_notebook(self.console, self.instance, self.wheel, self.constraints)
        with step("Installing the proxy"):
            node_js, fenced_anew = environments.install_proxy(self.console, self.instance)
            if fenced_anew:
                self._stale.add("proxy")
        with step("Configuring Slurm for this machine"):
            renamed = self.instance.default and hosts.mend(short_hostname())
            found = isolation.find(job_mounts=self.instance.job_mounts)
            self._configure_slurm(found)
            if files.write(self.instance.mounts_settings, mounts_settings(self.instance, found)):
                self._stale.add("mounts")
        with step("Starting the supervisor"):
            token = secrets.read(self.instance, "proxy-token")
            all_services = services(self.instance, self.nodes, node_js, token)
            supervisor.configure(configuration(self.instance, all_services))
        with step("Starting Slurm's database"):
            supervisor.start("munge")
            database.lay_down(self.console, self.instance)
            database.start(self.console, self.instance, supervisor)
        with step("Starting Slurm"):
            self._start_slurm(supervisor)
        with step("Telling Slurm of streams, projects and people"):
            self._tell_slurm()
        with step("Laying down the example datasets"):
            datasets.lay_down(self.console, self.instance)
        with step("Starting the Hub"):
            self._start_hub(supervisor, passwords)
        with step("Signing in"):
            person = self.facility.demo.people[0] if self.facility.demo else ""
            login.require(self.console, self.instance, person, passwords.demo)
        if renamed:
            self.console.say(
                f"  Note: in {hosts.FILE} this machine's name now means 127.0.0.1 (it was 127.0.1.1), "
                "so that Slurm listens there alone."
            )
        for sentence in found.missing:
            self.console.say(f"  Note: {sentence}")
        return passwords

    def _read_facility(self) -> None:
        try:
            self.facility = facilities.read(self.facility_file, self.instance.drop)
        except FacilityError as wrong:
            raise StepFailed(str(wrong), "mend the file as it says, then run `make up` again") from wrong

    def _require_free_ports(self, supervisor: Supervisor) -> None:
        """Look at every port that our own daemons do not hold already."""
        path = self.instance.etc / FILE
        before = set(Instance.read(path).ports.values()) if path.exists() else set()
        for what, port in self.instance.ports.items():
            web = what == "the web"
            ours = port in before and (supervisor.holds("proxy") if web else supervisor.stands())
            looks.require_free_port(port, self.instance.address if web else "127.0.0.1", what, ours=ours)

    def _make_users_and_folders(self) -> None:
        instance, folder = self.instance, files.folder
        for path in (instance.prefix, instance.base, instance.etc, instance.state, instance.logs):
            folder(path)
        for path in (instance.run, instance.slurm, instance.homes):
            folder(path)
        accounts.make_system_users(self.console, instance)
        folder(instance.state / "hub", 0o700, instance.hub_user)
        folder(instance.state / "desk", 0o700, instance.desk_user)
        folder(instance.drop.folder, 0o755, instance.desk_user)
        folder(instance.audit_journal, 0o700, instance.audit_user)
        folder(instance.state / "audit-anchor", 0o700, instance.audit_user)
        folder(instance.run / "audit", 0o750, instance.audit_user, instance.desk_user)
        folder(instance.run / "munge", 0o755, "munge")
        folder(instance.logs / "munge", 0o700, "munge")
        folder(instance.state / "munge", 0o700, "munge")
        folder(instance.run / "database", 0o750, "mysql", "slurm")
        folder(instance.run / "slurm", 0o755, "slurm")
        folder(instance.run / "queue", 0o2750, "slurm", instance.readers)
        folder(instance.state / "slurm", 0o755, "slurm")
        folder(instance.state / "slurm/ctld", 0o700, "slurm")
        folder(instance.job_containers)
        folder(instance.revocations.parent, 0o755, instance.desk_user)
        folder(instance.run / "mounts")
        folder(instance.state / "mounts", 0o700)
        mail_folder.make(instance, self.facility.help.mail if self.facility.help else None)
        folder(instance.vault, 0o700)
        folder(instance.data)
        folder(instance.job_logs, 0o711)
        for name in ("slurmctld", "slurmdbd"):
            files.log(instance.logs / f"{name}.log", "slurm")
        for person in self.facility.demo.people if self.facility.demo else ():
            accounts.make_person(self.console, instance, person)

    def _lay_down_settings(self) -> None:
        """Write what other programs trust; the Hub starts afresh when something of it is new."""
        instance = self.instance
        if files.write(instance.etc / FILE, instance.text()):
            self._stale.add("hub")
        if files.write(instance.facility, self.facility_file.read_text()):
            self._stale.add("hub")
        if files.write(instance.etc / "installed", environments.digest(self.wheel) + "\n"):
            self._stale |= {"hub", "queue", "streams", "audit", "desk", "mounts"}
        accounts.allow_programs(self.console, instance, self.facility)
        alone = facilities.read(self.facility_file)
        if files.write(instance.audit_settings, audit_settings(instance, alone.audit)):
            self._stale.add("audit")
        files.folder(instance.away_page.parent)
        files.write(instance.away_page, away_page(alone.facility))
        if instance.default:
            command = Path("/usr/local/bin/werkplaats")
            command.unlink(missing_ok=True)
            command.symlink_to(instance.prefix / "hub/bin/werkplaats")

    def _configure_slurm(self, found: Isolation) -> None:
        instance = self.instance
        self.nodes = hardware.nodes(instance, found.devices)
        if found.devices:
            hardware.make_devices(self.nodes, instance.state / "gpus")
        password = secrets.read(instance, "database-password")
        texts = {
            "slurm.conf": slurm_files.slurm_conf(
                instance, self.nodes, found, short_hostname(), self.facility
            ),
            "job_submit.lua": slurm_files.job_submit_lua(self.facility),
            "gres.conf": slurm_files.gres_conf(self.nodes),
            "cgroup.conf": slurm_files.cgroup_conf(found),
            "job_container.conf": slurm_files.job_container_conf(instance),
        }
        changed = [files.write(instance.slurm / name, text) for name, text in texts.items()]
        if any(changed):
            self._stale |= {"slurmctld", *(f"slurmd-{node.name}" for node in self.nodes)}
        if files.write(
            instance.slurm / "slurmdbd.conf",
            slurm_files.slurmdbd_conf(instance, password, found.loopback),
            0o600,
            "slurm",
        ):
            self._stale.add("slurmdbd")
        # The desk says whether a job has mounts of its own here, which slurm.conf says.
        files.write(instance.desk_settings, desk_settings(instance, facilities.read(self.facility_file)))

    def _start_slurm(self, supervisor: Supervisor) -> None:
        logs = self.instance.logs
        self._start(supervisor, "slurmdbd")
        self.console.until(
            lambda: self._answers("sacctmgr", "-nP", "show", "cluster"),
            within=60,
            wrong="Slurm's accounting does not answer",
            mend=f"read {logs}/slurmdbd.log",
        )
        if self.instance.cluster not in self._slurm(["sacctmgr", "-nP", "show", "cluster", "format=cluster"]):
            self._slurm(["sacctmgr", "-i", "add", "cluster", self.instance.cluster])
        for name in (WITH_GPU, WITHOUT_GPU):
            if not self._slurm(["sacctmgr", "-nP", "show", "qos", name]).strip():
                # A partition names it, so it must be there before slurmctld is.
                self._slurm(["sacctmgr", "-i", "add", "qos", name])
        self._start(supervisor, "slurmctld", *(f"slurmd-{node.name}" for node in self.nodes))
        self.console.until(
            self._nodes_are_up,
            within=60,
            wrong="Slurm's nodes do not come up",
            mend=f"read {logs}/slurmctld.log",
        )

    def _tell_slurm(self) -> None:
        """Make the streams so; what its guard keeps is the operator's to drop."""
        slurm = Slurm(self.instance)
        try:
            plan = streams.plan(self.facility, slurm, datetime.now().astimezone().date())
        except SlurmFailed as wrong:
            raise StepFailed(str(wrong), "read slurmctld.log, then run `make up` again") from wrong
        done = streams.apply(plan, slurm, say=self.console.note)
        if done.failure:
            raise StepFailed(done.failure, "see `werkplaats streams plan`, then run `make up` again")
        for change in plan.guarded:
            self.console.say(f"\n  Note: {change.thing} left facility.toml and stays: {change.guard}")

    def _nodes_are_up(self) -> bool:
        if not self._answers("scontrol", "ping"):
            return False
        listed = self._slurm(["sinfo", "--noheader", "--Node", "--format=%N|%T|%u"])
        rows = [line.split("|") for line in listed.splitlines()]
        up = [self._node_is_up(*row) for row in rows]
        return bool(up) and all(up)

    def _node_is_up(self, name: str, state: str, set_by: str) -> bool:
        """Return whether a node is as it should be; what Slurm itself took down is resumed.

        A node that the operator drained is as they want it, and stays so.
        """
        if state in ("idle", "mixed", "allocated", "completing"):
            return True
        if state.startswith(("down", "drain")) and not state.endswith("*"):
            if set_by not in ("slurm", "Unknown"):
                self.console.note(f"{name} is {state}, by {set_by}: left as it is")
                return True
            self._slurm(["scontrol", "update", f"nodename={name}", "state=resume"])
        return False

    def _start_hub(self, supervisor: Supervisor, passwords: secrets.Passwords) -> None:
        if passwords.changed:
            self._stale.add("hub")
        self._start(supervisor, "queue", "streams", "proxy", "hub", "audit", "desk", "mounts")

    def _start(self, supervisor: Supervisor, *names: str) -> None:
        """Start services; those whose configuration is new are started afresh."""
        for name in names:
            if name in self._stale and supervisor.running(name):
                supervisor.restart(name)
            supervisor.start(name)

    def _slurm(self, argv: Sequence[str]) -> str:
        return self.console.run(argv, environment=self.instance.environment)

    def _answers(self, *argv: str) -> bool:
        try:
            return bool(self._slurm(argv) or True)
        except StepFailed:
            return False
