"""What ``make up`` says at the end: the address, and who can sign in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from single_machine.console import Console, StepFailed
from single_machine.secrets import Passwords
from single_machine.up import Up
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance, short_hostname


def bring_up(instance: Instance, wheel: Path, constraints: Path, facility: Path) -> None:
    """Run ``make up`` on the machine's own instance and print how to begin."""
    console = Console(instance.logs / "up.log")
    with console.step("Reading what you asked for"):
        instance = as_asked(instance, os.environ)
    up = Up(instance, console, wheel, constraints, facility)
    passwords = up.run()
    print(farewell(instance, up.facility, passwords))


def as_asked(instance: Instance, environment: Mapping[str, str]) -> Instance:
    """Return an instance as the variables given to ``make up`` want it; what they do not say stays.

    Raises
    ------
    StepFailed
    """
    port, mounts = environment.get("WERKPLAATS_PORT", ""), environment.get("WERKPLAATS_JOB_MOUNTS", "")
    if mounts not in ("", "yes", "no"):
        raise StepFailed(
            f"WERKPLAATS_JOB_MOUNTS is {mounts!r}", "say yes or no, or leave it out: then it stays as it was"
        )
    return instance.model_copy(
        update={
            "port": _port(port) if port else instance.port,
            "job_mounts": mounts == "yes" if mounts else instance.job_mounts,
        }
    )


def _port(text: str) -> int:
    if not (text.isdigit() and 1024 <= int(text) <= 65535):
        raise StepFailed(
            f"WERKPLAATS_PORT is {text!r}, and not a port",
            "give a number from 1024 to 65535, or leave it out",
        )
    return int(text)


def farewell(instance: Instance, facility: Facility, passwords: Passwords) -> str:
    """Return what a person needs to begin. It is printed, and not kept in the log."""
    lines = ["", f"Werkplaats is up: http://{short_hostname()}:{instance.port}/ (here: {instance.url})"]
    if facility.demo:
        people = [name for name in facility.demo.people if name not in facility.demo.admins]
        lines += [
            "",
            f"Sign in as {', '.join(people)}",
            f"    with the password {passwords.demo}",
            f"or as the operator, {', '.join(facility.demo.admins)}",
            f"    with the password {passwords.admin}",
        ]
    lines += ["", "Look after it with `werkplaats doctor`; stop it with `make down`."]
    return "\n".join(lines)
