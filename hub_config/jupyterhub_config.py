"""What JupyterHub loads: find the instance, read the facility, configure."""

import os
from pathlib import Path

from werkplaats_hub.configure import configure
from werkplaats_hub.instance import Instance

configure(get_config(), Instance.read(Path(os.environ["WERKPLAATS_INSTANCE"])))  # noqa: F821
