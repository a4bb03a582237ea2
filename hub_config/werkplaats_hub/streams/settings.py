"""What slurm.conf must say for streams to hold. `apply` cannot write it: Slurm's administrator does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams.capacity import MILLI_GPU
from werkplaats_hub.streams.model import Run
from werkplaats_spawners.offer import WITH_GPU, WITHOUT_GPU

#: Within this many seconds after the notice a borrower must be gone. Slurm looks again at a job that
#: it has warned only KillWait + MessageTimeout seconds after it last did, and then waits KillWait.
SECONDS_AFTER_NOTICE = 15


def faults(facility: Facility, run: Run) -> list[str]:
    """Return a sentence for every setting of slurm.conf with which the streams would not hold."""
    config = _config(run(["scontrol", "show", "config"]))
    partitions = run(["scontrol", "--oneliner", "show", "partitions"])
    return [*_of_the_controller(facility, config), *_of_the_partitions(facility, partitions)]


def billing_weights(facility: Facility) -> dict[str, str]:
    """Return ``TRESBillingWeights`` of the partition with GPUs: a GPU and what goes with it weigh 1000."""
    partitions = facility.partitions
    return {
        "CPU": f"{MILLI_GPU / partitions.cpus_per_gpu:g}",
        "Mem": f"{MILLI_GPU / partitions.memory_gb_per_gpu:g}G",
        "GRES/gpu": str(MILLI_GPU),
    }


def _config(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _of_the_controller(facility: Facility, config: Mapping[str, str]) -> Iterator[str]:
    exact = {
        "PreemptType": "preempt/qos",
        "PreemptMode": "CANCEL",
        "PriorityType": "priority/multifactor",
        "PriorityDecayHalfLife": "00:00:00",
        "PriorityUsageResetPeriod": facility.budgets.period.upper(),
    }
    for key, value in exact.items():
        if config.get(key) != value:
            yield _must(key, config.get(key), value)
    among = {
        "AccountingStorageEnforce": ("associations", "limits", "qos", "safe"),
        "AccountingStorageTRES": ("gres/gpu",),
        "SlurmctldParameters": ("preempt_send_user_signal",),
        "PriorityFlags": ("MAX_TRES",),
    }
    for key, words in among.items():
        missing = [word for word in words if word not in config.get(key, "").split(",")]
        if missing:
            yield f"slurm.conf: {key} lacks {', '.join(missing)}; add it and run `scontrol reconfigure`"
    if config.get("PriorityWeightQOS", "0") == "0":
        yield "slurm.conf: PriorityWeightQOS is 0; set it, to 100000 say, so that the guarantee goes first"
    kill, message = (_seconds(config.get(key, "")) for key in ("KillWait", "MessageTimeout"))
    if 2 * kill + message + 2 > SECONDS_AFTER_NOTICE:
        yield (
            f"slurm.conf: KillWait={kill} and MessageTimeout={message} let a borrower stay "
            f"{2 * kill + message + 2} s after its notice; 3 and 6 make it at most 14"
        )


def _of_the_partitions(facility: Facility, text: str) -> Iterator[str]:
    names = facility.partitions
    named = ((re.match(r"PartitionName=(\S+)", line), line) for line in text.splitlines())
    found = {match[1]: line for match, line in named if match}
    for name in (names.gpu, names.cpu):
        if name not in found:
            yield f"slurm.conf: there is no partition '{name}'; add it, or name yours under [partitions]"
    if names.gpu in found:
        weights = re.search(r"TRESBillingWeights=(\S+)", found[names.gpu])
        given = dict(part.partition("=")[::2] for part in weights[1].split(",")) if weights else {}
        wanted = billing_weights(facility)
        if _comparable(given) != _comparable(wanted):
            yield f'slurm.conf: partition {names.gpu} needs TRESBillingWeights="{written(wanted)}"'
    for name, qos in ((names.gpu, WITH_GPU), (names.cpu, WITHOUT_GPU)):
        if name in found and f" QoS={qos} " not in found[name] + " ":
            yield f"slurm.conf: partition {name} needs QOS={qos}"


def written(weights: Mapping[str, str]) -> str:
    """Return weights as slurm.conf takes them."""
    return ",".join(f"{key}={value}" for key, value in weights.items())


def _comparable(weights: Mapping[str, str]) -> dict[str, float | str]:
    """Return weights as numbers; memory's is of a GB, and of an MB where no unit is named."""
    return {key.lower(): _weight(value, key.lower() == "mem") for key, value in weights.items()}


def _weight(text: str, memory: bool) -> float | str:
    match = re.fullmatch(r"(\d+(?:\.\d*)?)([KMGT]?)", text.upper())
    if match is None or (match[2] and not memory):
        return text
    per = {"K": 1024**2, "M": 1024, "": 1024, "G": 1, "T": 1 / 1024}[match[2]] if memory else 1
    return round(float(match[1]) * per, 2)


def _must(key: str, found: str | None, value: str) -> str:
    return f"slurm.conf: {key} is {found or 'not set'} and must be {value}; then run `scontrol reconfigure`"


def _seconds(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0
