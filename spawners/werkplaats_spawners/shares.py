"""A share is of one life of a server: JupyterHub keeps it for the next server of that name."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import object_session


def let_go(orm_spawner: Any) -> int:
    """Take back every share of a server, and every code for one; return how many there were.

    Parameters
    ----------
    orm_spawner
        JupyterHub's row of the server.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        When the Hub's database does not do it: then the server must not start.
    """
    session = object_session(orm_spawner)
    if session is None:  # the server was deleted, and its shares with it
        return 0
    kinds = (orm.Share, orm.ShareCode)
    gone = [one for kind in kinds for one in session.query(kind).filter_by(spawner_id=orm_spawner.id)]
    for one in gone:
        session.delete(one)
    if gone:
        session.commit()
    return len(gone)
