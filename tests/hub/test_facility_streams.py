"""Faults in what the file says of streams, projects and first steps: each is a sentence with a mend."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import tomli_w
from tests.hub.faults import Change, Raw, set_

from werkplaats_hub.facility import FacilityError, read


def test_shares_sum_to_one(fault: Callable[[Change], str]) -> None:
    """The streams share the whole facility, no more and no less."""
    said = fault(set_("streams.eurohpc.share", 0.4))
    assert said == "the shares of the streams sum to 0.9; change them so that they sum to 1."


def test_thirds_sum_to_one(tmp_path: Path, shipped_raw: Raw) -> None:
    """Shares are written with a few decimals, and three thirds are a whole."""
    raw = copy.deepcopy(shipped_raw)
    for stream in raw["streams"].values():
        stream["share"] = 0.3333
    path = tmp_path / "facility.toml"
    path.write_text(tomli_w.dumps(raw))
    assert len(read(path).streams) == 3


@pytest.mark.parametrize("share", [0.4, 0.502, 0.498, 1.0])
def test_shares_that_make_no_whole(fault: Callable[[Change], str], share: float) -> None:
    """Too much and too little are said with the sum that was found, as long as it is more than rounding."""
    said = fault(set_("streams.eurohpc.share", share))
    assert said == f"the shares of the streams sum to {0.5 + share:g}; change them so that they sum to 1."


def test_two_guaranteed_streams(fault: Callable[[Change], str]) -> None:
    """Both rounded up could be more than there is: they are named, and one must go."""
    said = fault(set_("streams.eurohpc.guaranteed", True))
    assert said == (
        "the streams regional and eurohpc are both guaranteed; leave it with one: rounding cannot favour two."
    )


def test_no_guaranteed_stream(tmp_path: Path, shipped_raw: Raw) -> None:
    """A facility may treat all its streams alike."""
    raw = copy.deepcopy(shipped_raw)
    del raw["streams"]["regional"]["guaranteed"]
    path = tmp_path / "facility.toml"
    path.write_text(tomli_w.dumps(raw))
    assert not any(stream.guaranteed for stream in read(path).streams)


@pytest.mark.parametrize("table", ["streams.regional", "projects.cursus-ai", "flavours.gpu-2"])
def test_two_tables_of_one_name(tmp_path: Path, facility_file: Path, table: str) -> None:
    """The second would quietly be the first's end: the line is named."""
    path = tmp_path / "facility.toml"
    path.write_text(f"{facility_file.read_text()}\n[{table}]\n")
    with pytest.raises(FacilityError, match=r"facility.toml: is not TOML: .*at line \d+.*Mend that line\.$"):
        read(path)


@pytest.mark.parametrize("name", ["lent", "first-steps", "with-gpu"])
@pytest.mark.parametrize("section", ["streams", "projects"])
def test_names_of_ours_are_refused(fault: Callable[[Change], str], section: str, name: str) -> None:
    """The QOS of borrowed capacity and its like are the platform's: nobody else is called so."""

    def rename(raw: Raw) -> None:
        raw[section][name] = next(iter(raw[section].values()))

    expected = f"'{section}.{name}.name': '{name}' is a name that the platform itself gives; choose another."
    assert expected in fault(rename).splitlines()


@pytest.mark.parametrize("name", ["Regional", "r", "re_gional", "re gional", "-regional", "regional-", "a.b"])
@pytest.mark.parametrize("section", ["streams", "projects"])
def test_accounts_that_slurm_would_misread_are_refused(
    fault: Callable[[Change], str], section: str, name: str
) -> None:
    """Slurm lowers capitals, and sacctmgr splits at spaces and commas: such a name is no account."""

    def rename(raw: Raw) -> None:
        raw[section][name] = next(iter(raw[section].values()))

    assert fault(rename).splitlines()[0] == (
        f"the name of the table [{section}.{name}] must be 2 to 40 lower-case letters, digits and hyphens, "
        "from a letter on and not to a hyphen; choose another name."
    )


def test_first_steps_in_an_unknown_stream(fault: Callable[[Change], str]) -> None:
    """The key is named with the streams that there are."""
    said = fault(set_("first_steps.stream", "regionaal"))
    assert said == "first_steps.stream is 'regionaal'; write one of: eurohpc, national, regional."


def test_the_offer_has_first_steps_as_its_last_project(facility_file: Path, tmp_path: Path) -> None:
    """A newcomer's budget is offered after the projects; a facility without it offers none."""
    facility = read(facility_file)
    assert facility.first_steps is not None
    first = facility.offer.projects[-1]
    assert (first.name, first.stream, first.gpu_hours, first.members) == ("first-steps", "regional", 2, ())
    assert facility.offer.projects[:-1] == facility.projects
    assert (facility.offer.lending, facility.offer.budgets) == (facility.lending, facility.budgets)
    without = facility.model_copy(update={"first_steps": None})
    assert without.offer.projects == facility.projects


def test_a_last_day_is_a_day_of_toml(tmp_path: Path, shipped_raw: Raw) -> None:
    """``ends = 2027-01-31``, without quotes, as the file itself says."""
    raw = copy.deepcopy(shipped_raw)
    raw["projects"]["cursus-ai"]["ends"] = date(2027, 1, 31)
    path = tmp_path / "facility.toml"
    path.write_text(tomli_w.dumps(raw))
    assert "ends = 2027-01-31\n" in path.read_text()
    assert read(path).projects[1].ends == date(2027, 1, 31)


def test_a_project_of_an_unknown_stream(fault: Callable[[Change], str]) -> None:
    """The key is named with the streams that there are."""
    said = fault(set_("projects.cursus-ai.stream", "regionaal"))
    assert said == "projects.cursus-ai.stream is 'regionaal'; write one of: eurohpc, national, regional."


def test_a_project_with_a_streams_name(fault: Callable[[Change], str]) -> None:
    """Both would be one account in Slurm."""
    said = fault(lambda raw: raw["projects"].__setitem__("regional", raw["projects"]["cursus-ai"]))
    assert said == "projects.regional has the name of a stream; choose another name."
