"""``werkplaats doctor``: what is wrong with this installation, and what to do, a line each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime

from single_machine import accounts, doctor_datasets, isolation, login, secrets
from single_machine.console import Console, StepFailed
from single_machine.finding import Finding
from single_machine.hardware import nodes
from single_machine.services import NAMES, Supervisor
from werkplaats_hub import facility as facilities
from werkplaats_hub import granted
from werkplaats_hub.enrol_settings import enrol_settings
from werkplaats_hub.facility import Facility, FacilityError
from werkplaats_hub.instance import Instance
from werkplaats_hub.slurm_commands import Slurm, SlurmFailed
from werkplaats_hub.streams import plan as streams
from werkplaats_hub.streams.model import Run
from werkplaats_hub.streams.settings import faults
from werkplaats_spawners.enrol.why import Why

#: Below this much room Slurm, its database and people's homes begin to fail.
_LEAST_FREE_GB = 2


def examine(instance: Instance) -> list[Finding]:
    """Look at everything; a failure of one look does not hide the others."""
    if os.getuid() != 0:
        return [Finding("the doctor must be root to look everywhere", True, "run `sudo werkplaats doctor`")]
    if not instance.facility.exists():
        return [Finding("nothing is installed on this machine", True, "run `make up` in a checkout")]
    findings: list[Finding] = []
    looks: list[Callable[[Instance], Iterator[Finding]]] = [
        _the_facility,
        _the_services,
        _slurm,
        _the_sudo_rule,
        _the_programs,
        _newcomers,
        _a_log_in,
        _the_desk,
        _the_address,
        doctor_datasets.audit,
        doctor_datasets.mounts,
        doctor_datasets.catalogue,
        _the_disk,
        _the_isolation,
    ]
    for look in looks:
        try:
            findings += look(instance)
        except (OSError, subprocess.SubprocessError, SlurmFailed, FacilityError) as wrong:
            findings.append(Finding(f"{look.__name__.strip('_')}: {wrong}", True, "run `make up` again"))
    return findings


def _the_facility(instance: Instance) -> Iterator[Finding]:
    facility = facilities.read(instance.facility, instance.drop)
    yield Finding(f"facility.toml can be used ({len(facility.projects)} projects)")
    alone = facilities.read(instance.facility)
    most, period = alone.desk.most_gpu_hours, alone.budgets.period
    for fault in granted.read(instance.drop, alone.streams, alone.projects, most, period).faults:
        yield Finding(fault, True, "mend what it says; the desk writes its own files again by itself")


def _the_services(instance: Instance) -> Iterator[Finding]:
    supervisor = Supervisor(Console(instance.logs / "up.log"), instance)
    if not supervisor.alive():
        yield Finding("the supervisor does not run, and so nothing does", True, "run `make up`")
        return
    for name in _service_names(instance):
        if supervisor.running(name):
            yield Finding(f"{name} runs")
        else:
            mend = f"read {instance.logs}/{name}.out, mend what it names, and run `make up`"
            yield Finding(f"{name} does not run", True, mend)


def _service_names(instance: Instance) -> list[str]:
    found = nodes(instance, isolation.find(job_mounts=instance.job_mounts).devices)
    daemons = [f"slurmd-{node.name}" for node in found]
    return [each for name in NAMES for each in (daemons if name == "slurmd" else [name])]


def _slurm(instance: Instance) -> Iterator[Finding]:
    run = Slurm(instance)
    listed = run(["sinfo", "--noheader", "--Node", "--format=%N %T"]).split("\n")
    for node, state in (line.split() for line in listed if line):
        if state.rstrip("*") in ("idle", "mixed", "allocated", "completing"):
            yield Finding(f"node {node} is {state}")
        else:
            yield Finding(f"node {node} is {state}", True, f"see `scontrol show node {node}`")
    yield from of_the_streams(facilities.read(instance.facility, instance.drop), run)


def of_the_streams(facility: Facility, run: Run) -> Iterator[Finding]:
    """Compare Slurm with the facility: what an apply mends, what others must, and slurm.conf.

    Parameters
    ----------
    run
        Runs a command of Slurm and returns what it printed.
    """
    found = streams.plan(facility, run, datetime.now().astimezone().date())
    todo = found.todo(force=True)
    if todo:
        mend = "see `werkplaats streams plan`, and run `werkplaats streams apply`"
        if not found.todo(force=False):
            mend += " --force, which ends jobs, or leave it until they have ended"
        yield Finding(f"Slurm differs from facility.toml in {len(todo)} things", True, mend)
    else:
        yield Finding("Slurm has the streams, projects and people of facility.toml")
    for sentence in found.by_hand:
        yield Finding(sentence, True, "ask whose it is, and run that command: no apply touches it")
    for fault in faults(facility, run):
        yield Finding(fault, True, "run `make up`")


def _the_sudo_rule(instance: Instance) -> Iterator[Finding]:
    asked = ["sudo", "--list", "--other-user", instance.hub_user]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    rules = [line.strip() for line in listed.splitlines() if line.startswith("    (")]
    ours = [
        f'(%{instance.people}) NOPASSWD: {instance.launch} ""',
        f'(root) NOPASSWD: {instance.enrol} ""',
    ]
    if rules == ours:
        yield Finding(f"the Hub may run launch as a member of {instance.people}, enrol, and nothing else")
    else:
        mend = f"take other rules for {instance.hub_user} out of /etc/sudoers.d, and run `make up`"
        yield Finding(f"sudo lets the Hub run: {'; '.join(rules) or 'nothing'}", True, mend)


def _the_programs(instance: Instance) -> Iterator[Finding]:
    """Look whether anybody but root could put another program in the place of one that sudo runs."""
    for program in (instance.launch, instance.enrol):
        try:
            accounts.require_root_owned(program)
        except StepFailed as wrong:
            yield Finding(wrong.wrong, True, wrong.mend)
        else:
            yield Finding(f"{program.name} is root's alone to change")


def _newcomers(instance: Instance) -> Iterator[Finding]:
    wanted = enrol_settings(instance, facilities.read(instance.facility))
    if wanted is None:
        yield Finding("newcomers get nothing: facility.toml has no [first_steps]")
        return
    laid_down = instance.etc / "enrol.json"
    if not laid_down.exists() or laid_down.read_text() != wanted.text():
        yield Finding(f"{laid_down} is not what facility.toml says", True, "run `make up`")
        return
    # As the Hub would, for a name that it must refuse: all parts speak, and nothing is made.
    asked = ["sudo", "-n", "-u", instance.hub_user, "sudo", "-n", "-u", "root", str(instance.enrol)]
    done = subprocess.run(
        asked, input=json.dumps({"name": instance.hub_user}), capture_output=True, text=True, check=False
    )
    if f'"trouble": "{Why.TAKEN.value}"' in done.stdout:
        yield Finding("enrol answers the Hub, and refuses a user of the machine's own")
    else:
        said = (done.stdout or done.stderr).strip()[-300:]
        yield Finding(f"enrol answers the Hub otherwise than it must: {said}", True, "run `make up`")


def _a_log_in(instance: Instance) -> Iterator[Finding]:
    facility: Facility = facilities.read(instance.facility)
    if facility.demo is None:
        return
    if login.signs_in(instance.url, facility.demo.people[0], secrets.read(instance, "demo-password")):
        yield Finding(f"{facility.demo.people[0]} can sign in at {instance.url}")
    else:
        yield Finding("nobody can sign in", True, f"read {instance.logs}/hub.out and proxy.out beside it")


def _the_desk(instance: Instance) -> Iterator[Finding]:
    for password in (instance.desk_database_password, instance.mail_password):
        if password.exists() and password.stat().st_mode & 0o007:
            yield Finding(f"everybody can read {password}", True, "run `make up`; think of another password")
    problems = login.desk_problems(instance.url)
    if problems is None:
        mend = f"read {instance.logs}/desk.out, mend what it names, and run `make up`"
        yield Finding("the desk does not answer", True, mend)
    elif problems:
        mend = f"read the end of {instance.logs}/desk.out"
        if {"mail", "mail-in"} & set(problems):
            mend += f", or as an operator {instance.url}services/desk/mail; docs/how-to/mail.md"
        # What it grants and what it writes must get out; numbers that are old say so on their page.
        wrong = bool({"outbox", "mail", "mail-in"} & set(problems))
        yield Finding(f"the desk could not do lately: {', '.join(problems)}", wrong, mend)
    else:
        yield Finding(f"the desk answers at {instance.url}services/desk/")


def _the_address(instance: Instance) -> Iterator[Finding]:
    """Say what plain HTTP means, where others than this machine can come by it; who ends it is not known."""
    if instance.address not in ("127.0.0.1", "::1"):
        what = (
            f"the proxy takes plain HTTP at port {instance.port} from other machines: over that, the desk "
            "shows nothing to who decides for others"
        )
        mend = "have a web server with a certificate in front (docs/how-to/single-machine.md)"
        yield Finding(what, mend=mend)


def _the_disk(instance: Instance) -> Iterator[Finding]:
    for path in (instance.state, instance.homes):
        free = shutil.disk_usage(path).free // 2**30
        if free < _LEAST_FREE_GB:
            yield Finding(f"{path} has {free} GB left", True, "make room")
        else:
            yield Finding(f"{path} has {free} GB left")


def _the_isolation(instance: Instance) -> Iterator[Finding]:
    found = isolation.find(job_mounts=instance.job_mounts)
    fences = [f"control groups ({found.cgroups.value})"] if found.cgroups.value != "none" else []
    fences += ["mounts of their own"] if found.own_mounts else []
    yield Finding(f"jobs are fenced by {' and '.join(fences) or 'nothing'}")
    for sentence in found.missing:
        mend = "use a machine (or a container with more rights) that allows it; docs/reference/isolation.md"
        yield Finding(sentence, mend=mend)
