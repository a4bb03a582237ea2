"""JupyterHub's configuration, on a bare traitlets ``Config`` and an instance in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from traitlets.config import Config

from werkplaats_hub.configure import configure
from werkplaats_hub.facility import FacilityError
from werkplaats_hub.instance import Instance
from werkplaats_spawners.spawner import WerkplaatsSpawner

SECRETS = {
    "proxy-token": "the-proxys-token",
    "desk-token": "the-desks-token",
    "demo-password": "a-demo-password",
    "admin-password": "an-admin-password-of-at-least-32-characters",
}


@pytest.fixture
def instance(tmp_path: Path, facility_file: Path) -> Instance:
    """An instance in a folder of its own, with a facility and secrets."""
    instance = Instance.beside(tmp_path, "wpconf", 28000)
    instance.etc.mkdir(parents=True)
    instance.secrets.mkdir(parents=True)
    shutil.copy(facility_file, instance.facility)
    for name, value in SECRETS.items():
        (instance.secrets / name).write_text(value + "\n")
    return instance


@pytest.fixture
def c(instance: Instance) -> Config:
    """What JupyterHub would be configured with."""
    c = Config()
    configure(c, instance)
    return c


def test_only_the_proxy_is_public(c: Config) -> None:
    """The Hub and the proxy's own API listen on loopback, whatever the public address is."""
    assert c.JupyterHub.bind_url == "http://127.0.0.1:28000/"
    assert c.JupyterHub.hub_bind_url == "http://127.0.0.1:28001"
    assert c.ConfigurableHTTPProxy.api_url == "http://127.0.0.1:28002"
    assert "ip" not in c.JupyterHub
    assert "port" not in c.JupyterHub


def test_the_public_address_is_the_proxys_alone(instance: Instance) -> None:
    """An instance for everybody still keeps the Hub to itself."""
    c = Config()
    configure(c, instance.model_copy(update={"address": ""}))
    assert c.JupyterHub.bind_url == "http://:28000/"
    assert c.JupyterHub.hub_bind_url.startswith("http://127.0.0.1:")
    assert c.ConfigurableHTTPProxy.api_url.startswith("http://127.0.0.1:")


def test_servers_and_proxy_outlive_the_hub(c: Config) -> None:
    """A Hub that is restarted takes nobody's server or route away."""
    assert c.JupyterHub.cleanup_servers is False
    assert c.JupyterHub.cleanup_proxy is False
    assert c.ConfigurableHTTPProxy.should_start is False
    assert c.ConfigurableHTTPProxy.auth_token == "the-proxys-token"


def test_servers_start_through_our_spawner(c: Config, instance: Instance) -> None:
    """The entry point is installed, and it is given the facility, *launch* and the queue of this instance."""
    from importlib.metadata import entry_points

    (entry,) = entry_points(group="jupyterhub.spawners", name=c.JupyterHub.spawner_class)
    assert entry.load() is WerkplaatsSpawner
    assert [flavour.name for flavour in c.WerkplaatsSpawner.source().flavours] == [
        "first-steps",
        "gpu-1",
        "gpu-2",
    ]
    assert c.WerkplaatsSpawner.launch.program == str(instance.launch)
    assert c.WerkplaatsSpawner.ip == "127.0.0.1"


def test_the_configured_spawner_can_be_made(c: Config) -> None:
    """Every value is one that the spawner's own traits take."""
    spawner = WerkplaatsSpawner(config=c)
    assert spawner.offer == c.WerkplaatsSpawner.source()
    assert spawner.http_timeout == 60
    assert spawner.ip == "127.0.0.1"


def test_one_persons_mistakes_do_not_stop_the_hub(c: Config) -> None:
    """JupyterHub ends itself after some failures in a row; a person can cause those at will."""
    assert c.Spawner.consecutive_failure_limit == 0


def test_people_of_a_demo(c: Config) -> None:
    """Each kind of person has a password of their own, from the secrets and not from the file."""
    assert c.JupyterHub.authenticator_class == "shared-password"
    assert c.SharedPasswordAuthenticator.user_password == "a-demo-password"
    assert c.SharedPasswordAuthenticator.admin_password == "an-admin-password-of-at-least-32-characters"
    assert c.Authenticator.admin_users == {"beheer"}


@pytest.mark.parametrize("name", ["root;id", "../x", "Mkb", "a b", "9a", "-a", "", "a" * 32])
def test_a_log_in_name_is_a_unix_name(c: Config, name: str) -> None:
    """A name becomes a word in a command of sudo's and a folder: nothing else can sign in."""
    from jupyterhub.auth import Authenticator

    assert not Authenticator(config=c).validate_username(name)
    assert Authenticator(config=c).validate_username("mkb")


def test_a_facility_without_a_demo_has_no_shared_password(instance: Instance) -> None:
    """Outside a demo nobody gets in with a password that everybody knows."""
    text = instance.facility.read_text()
    instance.facility.write_text(text[: text.index("[demo]")])
    c = Config()
    configure(c, instance)
    assert "authenticator_class" not in c.JupyterHub
    assert "SharedPasswordAuthenticator" not in c
    assert not c.Authenticator.get("allow_all", False)


def test_the_state_is_the_instances_own(c: Config, instance: Instance) -> None:
    """Two instances on a machine share no database and no key."""
    assert c.JupyterHub.db_url == f"sqlite:///{instance.state}/hub/jupyterhub.sqlite"
    assert Path(c.JupyterHub.cookie_secret_file).is_relative_to(instance.secrets)


@pytest.mark.parametrize(("limit", "allowed"), [(0, False), (1, True), (4, True)])
def test_named_servers(instance: Instance, limit: int, allowed: bool) -> None:
    """The facility says how many a person may have beside the default one; none means none."""
    text = instance.facility.read_text()
    instance.facility.write_text(text.replace("named_servers = 4", f"named_servers = {limit}"))
    c = Config()
    configure(c, instance)
    assert c.JupyterHub.allow_named_servers is allowed
    assert c.JupyterHub.named_server_limit_per_user == limit


def test_two_configurations_share_nothing(instance: Instance, tmp_path: Path, facility_file: Path) -> None:
    """Configuring twice is configuring twice: no value of one changes in the other."""
    other = Instance.beside(tmp_path / "other", "wpother", 29000)
    shutil.copytree(instance.etc, other.etc)
    shutil.copytree(instance.secrets, other.secrets)
    other.facility.write_text(facility_file.read_text().replace('admins = ["beheer"]', 'admins = ["mkb"]'))
    one, two = Config(), Config()
    configure(one, instance)
    configure(two, other)
    assert one.Authenticator.admin_users == {"beheer"}
    assert two.Authenticator.admin_users == {"mkb"}
    one.Authenticator.admin_users.add("iemand")
    again = Config()
    configure(again, instance)
    assert again.Authenticator.admin_users == {"beheer"}
    assert one.WerkplaatsSpawner.cluster is not two.WerkplaatsSpawner.cluster


def test_half_a_facility_starts_no_hub(instance: Instance) -> None:
    """A fault in the file stops the Hub with the sentence, before anything was configured."""
    instance.facility.write_text("[facility]\n")
    c = Config()
    with pytest.raises(FacilityError, match="is missing"):
        configure(c, instance)
    assert c == {}


def test_the_desk_is_a_service_that_can_do_little(c: Config, instance: Instance) -> None:
    """It signs people in and starts and shows their servers when they ask; its own token only takes away."""
    (desk,) = c.JupyterHub.services
    assert (desk["name"], desk["url"]) == ("desk", f"http://127.0.0.1:{instance.port_desk}")
    assert desk["api_token"] == SECRETS["desk-token"]
    assert desk["oauth_client_allowed_scopes"] == [
        "read:users:groups!user", "read:servers!user", "start:servers!user", "custom:werkplaats:look!user",
    ]  # fmt: skip
    user, own = c.JupyterHub.load_roles
    look = "custom:werkplaats:look!user"
    assert user == {"name": "user", "scopes": ["self", "access:services!service=desk", look]}
    assert own == {"name": "desk", "services": ["desk"], "scopes": ["users:shares"]}
    assert set(c.Spawner.server_token_scopes) == {
        "users:activity!user", "access:servers!server", "read:shares!server",
        "access:services!service=desk",
    }  # fmt: skip
    look = c.JupyterHub.template_vars.get_value({})["look"]
    assert look.service_title("desk") in ("Loket", "Desk")


def test_help_is_offered_where_somebody_answers(instance: Instance, c: Config) -> None:
    """By the pages of the Hub, with a link to the desk; without experts nothing offers it."""
    assert c.JupyterHub.template_vars.get_value({})["help_form"] == "/services/desk/help/new"
    text = instance.facility.read_text()
    nobody = text.partition("[help.experts.expert]")[0] + "[demo]" + text.partition("\n[demo]")[2]
    instance.facility.write_text(nobody)
    again = Config()
    configure(again, instance)
    assert again.JupyterHub.template_vars.get_value({})["help_form"] == ""
