"""What alembic runs: the desk hands it a connection, within a transaction."""

from alembic import context

import werkplaats_desk.centre.models  # noqa: F401  # its tables belong to the same database
from werkplaats_desk.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
