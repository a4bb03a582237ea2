"""A share is of one life of a server: neither its end nor the next start leaves anybody else in."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from tests.houses import PERSON, House

from werkplaats_spawners import shares
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.spawner import WerkplaatsSpawner
from werkplaats_spawners.testing import FakeSlurm


@pytest.fixture
def house(tmp_path: Path, offer: Offer) -> House:
    """A Hub's database on disk, and somebody to share with."""
    fake = FakeSlurm(associations={("mkb-verkenning", PERSON)})
    made = House(f"sqlite:///{tmp_path}/hub.sqlite", fake, offer)
    made.user("expert")
    return made


def share(house: House, spawner: WerkplaatsSpawner) -> None:
    """Share a server with the expert, and make a code for it."""
    orm.Share.grant(house.db, spawner.orm_spawner, orm.User.find(house.db, "expert"))
    orm.ShareCode.new(house.db, spawner.orm_spawner, scopes=["access:servers"])


def shared(house: House) -> list[str]:
    """Return the names of the servers that are shared, or that there is a code to."""
    found = [one for kind in (orm.Share, orm.ShareCode) for one in house.db.query(kind)]
    return sorted(one.spawner.name for one in found)


def test_of_one_server_alone(house: House) -> None:
    """The person's other server stays shared as it was."""
    one = house.spawner()
    other = house.server_of(one.user, "other")
    share(house, one)
    share(house, other)
    assert shares.let_go(one.orm_spawner) == 2
    assert shared(house) == ["other", "other"]
    assert shares.let_go(one.orm_spawner) == 0


async def test_before_a_start(house: House) -> None:
    """Also one that is refused: the share was of a server that is no more."""
    spawner = house.spawner({"flavour": "gpu-1"})
    share(house, spawner)
    await spawner.run_pre_spawn_hook()
    assert shared(house) == []
    refused = house.spawner({"flavour": "no-such-thing"})
    share(house, refused)
    with pytest.raises(SpawnException):
        await refused.run_pre_spawn_hook()
    assert shared(house) == []


async def test_after_the_end(house: House) -> None:
    """JupyterHub calls this whenever a server ended, also when it found it dead."""
    spawner = house.spawner()
    share(house, spawner)
    spawner.run_post_stop_hook()
    assert shared(house) == []
