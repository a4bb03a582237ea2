"""A Hub's own objects and database, with a fake Slurm behind them: what tests of the spawner begin with."""

from __future__ import annotations

import json
from typing import Any

from jupyterhub import orm
from jupyterhub.objects import Hub, Server
from jupyterhub.user import User
from sqlalchemy import create_engine, text
from traitlets.config import Config

from werkplaats_spawners.estimates import Estimates
from werkplaats_spawners.offer import Offer
from werkplaats_spawners.spawner import WerkplaatsSpawner
from werkplaats_spawners.testing import FakeCluster, FakeLaunch, FakeSlurm

#: A person of this machine's who is in the system's own list of users.
PERSON = "nobody"


class Except:
    """A module, except for some of its functions: for the spawner only."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class House:
    """A Hub's database with one person, and spawners as JupyterHub makes them.

    Attributes
    ----------
    offer
        What the facility offers now; a test may change it.
    """

    def __init__(self, url: str, fake: FakeSlurm, offer: Offer, **config: Any) -> None:
        self.url = url
        self.offer = offer
        self.db = orm.new_session_factory(url)()
        self.launch = FakeLaunch(slurm=fake)
        self.config = Config(
            WerkplaatsSpawner={
                "source": lambda: self.offer,
                "launch": self.launch,
                "estimates": Estimates(self.launch),
                "cluster": FakeCluster(fake),
                "watch_interval": 0.01,
                "ip": "127.0.0.1",
            },
            **config,
        )
        self.user(PERSON)

    def user(self, name: str) -> User:
        """Return a person, as the Hub that just started reads them from the database."""
        found = orm.User.find(self.db, name)
        if found is None:
            found = orm.User(name=name)
            self.db.add(found)
            self.db.commit()
        settings = {"spawner_class": WerkplaatsSpawner, "hub": Hub(), "config": self.config}
        return User(found, settings)

    def spawner(self, options: Any = None, name: str = PERSON) -> WerkplaatsSpawner:
        """Return a spawner that JupyterHub is about to start with these options."""
        return self.server_of(self.user(name), "", options)

    def server_of(self, user: User, server_name: str, options: Any = None) -> WerkplaatsSpawner:
        """Return one of a person's spawners, by the name of the server, as it is about to start."""
        spawner: WerkplaatsSpawner = user.get_or_create_spawner(server_name, "")
        server = orm.Server(base_url=f"/user/{user.name}/{server_name}")
        self.db.add(server)
        self.db.commit()
        spawner.server = Server(orm_server=server)
        spawner.user_options = options if options is not None else {}
        spawner.orm_spawner.user_options = spawner.user_options
        spawner.clear_state()
        spawner.api_token = "a-servers-own-token"
        return spawner

    def kept(self) -> dict[str, Any]:
        """Return the state that another process reads from the database: what a kill of the Hub leaves."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            row = connection.execute(text("SELECT state FROM spawners")).scalar_one()
        engine.dispose()
        state: dict[str, Any] = json.loads(row or "{}")
        return state
