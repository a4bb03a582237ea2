"""The daemons under the supervisor: its own parser reads what is written, and secrets stay in place."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from single_machine.hardware import nodes
from single_machine.services import NAMES, Service, configuration, services
from werkplaats_hub.instance import MARK, Instance

TOKEN = "the-proxys-own-token"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance in a folder."""
    instance = Instance.beside(tmp_path, "wpserv", 28000)
    for folder in (instance.logs, instance.run, instance.state / "hub"):
        folder.mkdir(parents=True)
    return instance


@pytest.fixture
def all_services(instance: Instance) -> list[Service]:
    """Every daemon of the instance."""
    return services(instance, nodes(instance, devices=True), Path("/opt/node/bin/node"), TOKEN)


def as_supervisor_reads(text: str, folder: Path) -> dict[str, Any]:
    """Read a configuration with supervisor's own parser; users that are not there become this one."""
    file = folder / "supervisord.conf"
    file.write_text(re.sub(r"(?m)^user=.*$", f"user={getpass.getuser()}", text))
    options = ServerOptions()
    options.realize(args=["-c", str(file), "-n"])
    return {
        process.name: process for group in options.process_group_configs for process in group.process_configs
    }


def test_supervisor_reads_every_service(
    instance: Instance, all_services: list[Service], tmp_path: Path
) -> None:
    """Names, commands and variables come out of its parser as they were put in."""
    read = as_supervisor_reads(configuration(instance, all_services), tmp_path)
    assert set(read) == {service.name for service in all_services}
    for service in all_services:
        assert read[service.name].command == service.command
        assert {**instance.environment, **service.environment}.items() <= read[
            service.name
        ].environment.items()
        assert str(read[service.name].directory) == str(service.folder)


@pytest.mark.parametrize("value", ["100%", "%(here)s", "a,b=c", "a;b", "a b"])
def test_any_value_survives_supervisors_syntax(instance: Instance, tmp_path: Path, value: str) -> None:
    """Percent signs and commas in a command or a variable mean themselves, and nothing to supervisor."""
    service = Service("x", f"/bin/echo {value}", getpass.getuser(), environment={"A": value, "B": "after"})
    read = as_supervisor_reads(configuration(instance, [service]), tmp_path)["x"]
    assert read.environment["A"] == value
    assert read.environment["B"] == "after"
    if ";" not in value:  # supervisor's comments begin with " ;" only
        assert read.command == service.command


def test_the_proxys_token_is_the_proxys_alone(instance: Instance, all_services: list[Service]) -> None:
    """Who has it can send anybody's traffic anywhere: it is in one place, and on no command line."""
    assert [s.name for s in all_services if TOKEN in s.environment.values()] == ["proxy"]
    assert not any(TOKEN in service.command for service in all_services)
    assert configuration(instance, all_services).count(TOKEN) == 1


def test_they_come_in_the_order_in_which_they_need_one_another(all_services: list[Service]) -> None:
    """A daemon stands after what it needs, under the names that the doctor looks for."""
    kinds = list(dict.fromkeys(service.name.split("-")[0] for service in all_services))
    assert kinds == list(NAMES)
    assert [s.name for s in all_services if s.name.startswith("slurmd-")] == [
        f"slurmd-wpserv-n{n}" for n in ("1", "2", "3", "4", "cpu1")
    ]


def test_only_slurmd_and_the_mount_daemon_run_as_root(
    all_services: list[Service], instance: Instance
) -> None:
    """Each daemon has a user of its own kind; slurmd must become anybody, and only root mounts."""
    users = {service.name.split("-")[0]: service.user for service in all_services}
    assert {name for name, user in users.items() if user == "root"} == {"slurmd", "mounts"}
    assert users["hub"] == instance.hub_user
    assert users["proxy"] == instance.proxy_user
    assert users["queue"] == "slurm"
    assert users["desk"] == instance.desk_user
    assert users["audit"] == instance.audit_user


def test_everything_but_the_proxys_port_is_on_loopback(
    instance: Instance, all_services: list[Service]
) -> None:
    """The database has no port and the proxy's API is on loopback; the public port is the instance's."""
    commands = {service.name: service.command for service in all_services}
    assert "--skip-networking" in commands["database"]
    assert "--api-ip 127.0.0.1" in commands["proxy"]
    assert commands["proxy"].endswith("--ip 127.0.0.1")
    public = services(instance.model_copy(update={"address": ""}), [], Path("/n"), TOKEN)
    assert " --ip " not in next(service.command for service in public if service.name == "proxy")


def test_python_of_ours_reads_nothing_of_the_environment(all_services: list[Service]) -> None:
    """The publisher runs isolated: no PYTHONPATH and no folder of the caller's is looked at."""
    assert " -I -m werkplaats_spawners.publisher " in next(
        s.command for s in all_services if s.name == "queue"
    )
    assert " -I -m werkplaats_desk " in next(s.command for s in all_services if s.name == "desk")


def test_supervisors_own_door_is_roots(instance: Instance, all_services: list[Service]) -> None:
    """Its socket is the instance's, and closed to everybody else."""
    text = configuration(instance, all_services)
    assert f"[unix_http_server]\nfile={instance.supervisor_socket}\nchmod=0700\n" in text
    assert "inet_http_server" not in text
    assert text.startswith(MARK)
