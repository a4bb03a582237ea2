"""What slurm.conf must say: each wrong value is a sentence, and what `make up` writes has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from tests.hub.facilities import facility
from tests.hub.fake_slurm import recorded

from werkplaats_hub.facility import Facility
from werkplaats_hub.streams.settings import billing_weights, faults, written


def whose(**more: Any) -> Facility:
    """Return a facility; only its rules count here."""
    return facility({"alder": {"share": 1.0}}, {}, **more)


def said(found: Facility, changes: dict[str, str], partitions: tuple[str, str] = ("", "")) -> list[str]:
    """Return the faults of the recorded configuration after changes to its keys and partitions."""
    config = recorded("config")
    for key, value in changes.items():
        assert re.search(rf"(?m)^{key} ", config), key
        config = re.sub(rf"(?m)^({key} *= ).*$", rf"\g<1>{value}", config)
    assert partitions[0] in recorded("partitions")

    def run(argv: Sequence[str]) -> str:
        return config if "config" in argv else recorded("partitions").replace(*partitions)

    return faults(found, run)


def test_what_make_up_writes_is_right() -> None:
    """A recorded instance has no fault."""
    assert said(whose(), {}) == []


_AGAIN = "; then run `scontrol reconfigure`"
_LACKS = "; add it and run `scontrol reconfigure`"
_LATE = "let a borrower stay {} s after its notice; 3 and 6 make it at most 14"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("PreemptType", "preempt/none", f"PreemptType is preempt/none and must be preempt/qos{_AGAIN}"),
        ("PreemptMode", "OFF", f"PreemptMode is OFF and must be CANCEL{_AGAIN}"),
        ("PreemptMode", "REQUEUE", f"PreemptMode is REQUEUE and must be CANCEL{_AGAIN}"),
        (
            "PriorityType",
            "priority/basic",
            f"PriorityType is priority/basic and must be priority/multifactor{_AGAIN}",
        ),
        (
            "PriorityDecayHalfLife",
            "7-00:00:00",
            f"PriorityDecayHalfLife is 7-00:00:00 and must be 00:00:00{_AGAIN}",
        ),
        ("PriorityUsageResetPeriod", "NONE", f"PriorityUsageResetPeriod is NONE and must be MONTHLY{_AGAIN}"),
        (
            "AccountingStorageEnforce",
            "associations,limits,qos",
            f"AccountingStorageEnforce lacks safe{_LACKS}",
        ),
        (
            "AccountingStorageEnforce",
            "none",
            f"AccountingStorageEnforce lacks associations, limits, qos, safe{_LACKS}",
        ),
        ("AccountingStorageTRES", "cpu,mem,gres/gpu:h200", f"AccountingStorageTRES lacks gres/gpu{_LACKS}"),
        ("SlurmctldParameters", "(null)", f"SlurmctldParameters lacks preempt_send_user_signal{_LACKS}"),
        ("PriorityFlags", "", f"PriorityFlags lacks MAX_TRES{_LACKS}"),
        (
            "PriorityWeightQOS",
            "0",
            "PriorityWeightQOS is 0; set it, to 100000 say, so that the guarantee goes first",
        ),
        ("KillWait", "30 sec", f"KillWait=30 and MessageTimeout=6 {_LATE.format(68)}"),
        ("MessageTimeout", "10 sec", f"KillWait=3 and MessageTimeout=10 {_LATE.format(18)}"),
    ],
)
def test_a_wrong_setting_is_a_sentence(key: str, value: str, sentence: str) -> None:
    """It names the key, what it says, what it must say, and what to do then; and is the only one."""
    assert said(whose(), {key: value}) == [f"slurm.conf: {sentence}"]


@pytest.mark.parametrize(("period", "slurms"), [("quarterly", "QUARTERLY"), ("yearly", "YEARLY")])
def test_the_period_is_the_facilitys(period: str, slurms: str) -> None:
    """Slurm must reset its counts when the facility's budgets begin anew."""
    found = whose(budgets={"period": period})
    (fault,) = said(found, {})
    assert f"PriorityUsageResetPeriod is MONTHLY and must be {slurms}" in fault
    assert said(found, {"PriorityUsageResetPeriod": slurms}) == []


def test_more_than_is_needed_is_no_fault() -> None:
    """Other words in a list, and a shorter wait, are the facility's own affair."""
    more = {
        "AccountingStorageEnforce": "associations,limits,nosteps,qos,safe",
        "SlurmctldParameters": "idle_on_node_suspend,preempt_send_user_signal",
        "KillWait": "1 sec",
    }
    assert said(whose(), more) == []


def test_a_setting_that_is_not_there_is_not_set() -> None:
    """An older Slurm may not know a key: that is a sentence too, and no error."""
    silent = faults(whose(), lambda argv: recorded("partitions") if "partitions" in argv else "")
    assert "slurm.conf: PreemptType is not set and must be preempt/qos" + _AGAIN in silent


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            ("TRESBillingWeights=CPU=250,", "TRESBillingWeights=CPU=1,"),
            ['partition gpu needs TRESBillingWeights="CPU=250,Mem=62.5G,GRES/gpu=1000"'],
        ),
        (
            (" TRESBillingWeights=CPU=250,Mem=62.5G,GRES/gpu=1000", ""),
            ['partition gpu needs TRESBillingWeights="CPU=250,Mem=62.5G,GRES/gpu=1000"'],
        ),
        (("QoS=with-gpu", "QoS=N/A"), ["partition gpu needs QOS=with-gpu"]),
        (("QoS=with-gpu ", "QoS=with-gpu-not "), ["partition gpu needs QOS=with-gpu"]),
        (("QoS=without-gpu ", "QoS=N/A "), ["partition cpu needs QOS=without-gpu"]),
        (
            ("PartitionName=cpu", "PartitionName=rest"),
            ["there is no partition 'cpu'; add it, or name yours under [partitions]"],
        ),
        (
            ("PartitionName=gpu", "PartitionName=fast"),
            ["there is no partition 'gpu'; add it, or name yours under [partitions]"],
        ),
    ],
)
def test_a_wrong_partition_is_a_sentence(change: tuple[str, str], sentences: list[str]) -> None:
    """A missing partition, weights that would let a job keep more GPUs than it is counted for, no QOS."""
    assert said(whose(), {}, change) == [f"slurm.conf: {sentence}" for sentence in sentences]


def test_weights_follow_what_goes_with_a_gpu() -> None:
    """All that goes with one GPU weighs as much as the GPU; what Slurm rounds is no difference."""
    found = whose(partitions={"cpus_per_gpu": 3, "memory_gb_per_gpu": 180})
    assert written(billing_weights(found)) == "CPU=333.333,Mem=5.55556G,GRES/gpu=1000"
    shown = ("CPU=250,Mem=62.5G,", "CPU=333.333000,Mem=5.555560G,")
    assert said(found, {}, shown) == []
    assert len(said(found, {})) == 1


@pytest.mark.parametrize(
    "weights",
    [
        "cpu=250,mem=62.5g,gres/gpu=1000",
        "GRES/gpu=1000.0,Mem=62.50G,CPU=250.0",
        "CPU=250,Mem=64000T,GRES/gpu=1000",
    ],
)
def test_the_same_weights_in_another_hand(weights: str) -> None:
    """Order, capitals, zeros and the unit of memory make no difference."""
    assert said(whose(), {}, ("CPU=250,Mem=62.5G,GRES/gpu=1000", weights)) == []


@pytest.mark.parametrize(
    "weights",
    [
        "CPU=250,Mem=62.5M,GRES/gpu=1000",
        "CPU=250,Mem=62.5,GRES/gpu=1000",
        "CPU=250,Mem,GRES/gpu=1000",
        "CPU=x",
    ],
)
def test_weights_that_mean_something_else_are_a_sentence(weights: str) -> None:
    """A thousand times too heavy memory is a fault, and what is no weight is one too, and no traceback."""
    (fault,) = said(whose(), {}, ("CPU=250,Mem=62.5G,GRES/gpu=1000", weights))
    assert "partition gpu needs TRESBillingWeights" in fault
