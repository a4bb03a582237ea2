"""Configure JupyterHub: one small function a concern, each on a traitlets ``Config``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from traitlets.config import Config

from werkplaats_hub import facility as facilities
from werkplaats_hub import looking, pages
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance
from werkplaats_hub.newcomers import on_sign_in
from werkplaats_hub.watched import WatchedFacility
from werkplaats_spawners import language
from werkplaats_spawners.cluster import Cluster
from werkplaats_spawners.enrol.client import Enrol
from werkplaats_spawners.enrol.newcomers import Newcomers
from werkplaats_spawners.estimates import Estimates
from werkplaats_spawners.launch.client import Launch
from werkplaats_spawners.names import PERSON, RESERVED
from werkplaats_spawners.offer import Words

_DESK: Final = Words(nl="Loket", en="Desk")
_HELP_FORM: Final = "/services/desk/help/new"
_DESK_SCOPE: Final = "access:services!service=desk"


def configure(c: Config, instance: Instance) -> None:
    """Apply everything.

    Raises
    ------
    FacilityError
        When ``facility.toml`` cannot be used; the Hub does not start on half of it.
    """
    facility = facilities.read(instance.facility, instance.drop)
    language.load(Path(__file__).parent / "locale")
    apply_addresses(c, instance)
    apply_storage(c, instance)
    offer = WatchedFacility(instance.facility, facility, instance.drop)
    cluster = Cluster(str(instance.queue_socket))
    apply_spawner(c, instance, facility, offer, cluster)
    apply_people(c, instance, facility)
    apply_newcomers(c, instance, facility, offer, cluster)
    apply_desk(c, instance)
    apply_look(c, facility, offer)


def apply_addresses(c: Config, instance: Instance) -> None:
    """Listen on loopback; the proxy, a process of its own, is the only public door."""
    c.JupyterHub.bind_url = f"http://{instance.address}:{instance.port}/"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{instance.port_hub}"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{instance.port_proxy_api}"
    c.ConfigurableHTTPProxy.auth_token = _secret(instance, "proxy-token")
    # How soon, in seconds, a proxy that was started anew knows the way to every server and service again.
    c.JupyterHub.last_activity_interval = 20


def apply_storage(c: Config, instance: Instance) -> None:
    """Keep the Hub's state; people's servers outlive the Hub."""
    c.JupyterHub.db_url = f"sqlite:///{instance.state}/hub/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = str(instance.secrets / "cookie-secret")
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False


def apply_spawner(
    c: Config, instance: Instance, facility: Facility, offer: WatchedFacility, cluster: Cluster
) -> None:
    """Start servers through Slurm, and through nothing else."""
    c.JupyterHub.spawner_class = "werkplaats"
    c.JupyterHub.allow_named_servers = facility.limits.named_servers > 0
    c.JupyterHub.named_server_limit_per_user = facility.limits.named_servers
    c.WerkplaatsSpawner.source = offer
    launch = Launch(str(instance.launch))
    c.WerkplaatsSpawner.launch = launch
    c.WerkplaatsSpawner.estimates = Estimates(launch)
    c.WerkplaatsSpawner.cluster = cluster
    c.WerkplaatsSpawner.ip = "127.0.0.1"  # where a server listens, on its node
    c.Spawner.http_timeout = 60
    # All servers together cost one question, so a server that ended loses its route soon.
    c.Spawner.poll_interval = 5
    # A start may wait in Slurm's queue for hours; those who wait must not keep others out.
    c.JupyterHub.concurrent_spawn_limit = 0
    # A person's mistakes must not stop the Hub for everybody.
    c.Spawner.consecutive_failure_limit = 0


def apply_people(c: Config, instance: Instance, facility: Facility) -> None:
    """Who may sign in. On a demo machine: anybody with the demo password, under a Unix name."""
    # JupyterHub matches at the start only; the end is ours to name.
    c.Authenticator.username_pattern = rf"(?!({'|'.join(sorted(RESERVED))})\Z){PERSON}\Z"
    if facility.demo is None:
        return
    c.JupyterHub.authenticator_class = "shared-password"
    c.Authenticator.allow_all = True
    c.Authenticator.admin_users = set(facility.demo.admins)
    c.SharedPasswordAuthenticator.user_password = _secret(instance, "demo-password")
    c.SharedPasswordAuthenticator.admin_password = _secret(instance, "admin-password")


def apply_desk(c: Config, instance: Instance) -> None:
    """Let people use the desk, a service of its own: it signs them in through the Hub.

    Its token can do one thing: take back what was shared with somebody. What somebody signs in with there
    reads their name, groups and servers, starts servers of theirs, which is how the button of a lesson
    works, and lets an expert look along in one. The token of a person's own server opens
    the desk's API as that person, for the panels there, and reads with whom that server is shared, on which
    some datasets depend; the rest of it is what JupyterHub's role has.
    """
    own = ["users:activity!user", "access:servers!server", "read:shares!server"]
    c.Spawner.server_token_scopes = [*own, _DESK_SCOPE]
    c.JupyterHub.services = [
        {
            "name": "desk",
            "url": f"http://127.0.0.1:{instance.port_desk}",
            "api_token": _secret(instance, "desk-token"),
            "oauth_no_confirm": True,
            "info": {"sign_in": "login"},
            "oauth_client_allowed_scopes": [
                "read:users:groups!user",
                "read:servers!user",
                "start:servers!user",
                f"{looking.SCOPE}!user",
            ],
        }
    ]
    c.JupyterHub.custom_scopes = looking.SCOPES
    c.JupyterHub.load_roles = [
        {"name": "user", "scopes": ["self", _DESK_SCOPE, f"{looking.SCOPE}!user"]},
        # It outlives what people gave the desk: a look ends also when they signed out meanwhile.
        {"name": "desk", "services": ["desk"], "scopes": ["users:shares"]},
    ]


def apply_newcomers(
    c: Config, instance: Instance, facility: Facility, offer: WatchedFacility, cluster: Cluster
) -> None:
    """Give whoever the log-in lets in an account, where the facility has first steps for newcomers.

    Where everybody may choose a name, that of a user of the machine itself is refused.
    """
    if facility.demo is None and facility.first_steps is None:
        return
    newcomers = Newcomers(Enrol(str(instance.enrol)), cluster, offer, instance.people)
    c.Authenticator.post_auth_hook = on_sign_in(newcomers)
    c.WerkplaatsSpawner.newcomers = newcomers


def apply_look(c: Config, facility: Facility, offer: WatchedFacility) -> None:
    """Serve our pages, in the reader's language and the facility's colours."""
    house = facility.facility
    titles = {"desk": _DESK, **house.service_titles}
    look = house.model_copy(update={"demo": facility.demo is not None, "service_titles": titles})
    help_form = _HELP_FORM if facility.help is not None and facility.help.experts else ""
    pages.apply_pages(c, look=look, default_language=house.language, offer=offer, help_form=help_form)


def _secret(instance: Instance, name: str) -> str:
    return (instance.secrets / name).read_text().removesuffix("\n")
