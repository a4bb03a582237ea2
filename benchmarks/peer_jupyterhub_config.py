"""What the peers' configurations have in common: the Hub itself, as near to ours as it goes.

Where a choice could favour one side, it is made for the peer, or the same at both; each says so.
"""

import json
from pathlib import Path

_given = json.loads(Path(__file__).with_name("settings.json").read_text())

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# -- The Hub: as JupyterHub comes, on loopback, with the same log-in as ours ------------------------
c.JupyterHub.bind_url = f"http://127.0.0.1:{_given['port']}/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{_given['port_hub']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{_given['port_proxy_api']}"
c.ConfigurableHTTPProxy.command = _given["proxy"]  # the same program as ours, as the Hub's child
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.authenticator_class = "shared-password"
c.Authenticator.allow_all = True
c.SharedPasswordAuthenticator.user_password = _given["demo_password"]
c.SharedPasswordAuthenticator.admin_password = _given["admin_password"]
c.Spawner.http_timeout = 60  # as ours; batchspawner's README has 120, and none of it is waited out
