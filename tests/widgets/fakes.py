"""A desk on loopback and a mount daemon on a socket, which answer as the real ones do."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cret-token"
JOB = 17


def both(nl: str, en: str = "") -> dict[str, str]:
    """Return words in both languages."""
    return {"nl": nl, "en": en or nl}


def card(name: str, tier: str, standing: str, title: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return a dataset as the desk lists it."""
    return {
        "id": name,
        "version": "1.0.0",
        "title": title,
        "description": both("Een register van voertuigen.", "A registry of vehicles."),
        "owner": "Dienst Voertuigen",
        "owner_url": "https://example.org/",
        "steward": "S. Teward",
        "licence": "https://creativecommons.org/publicdomain/zero/1.0/",
        "licence_title": "CC0 1.0",
        "tier": tier,
        "sensitivity": "public",
        "purposes": [both("Onderzoek", "Research")],
        "synthetic": True,
        "size_bytes": 12_345_678,
        "files": 3,
        "checksum": "sha256:00",
        "read_with": "import pandas; table = pandas.read_parquet('{path}')",
        "path": f"/data/{name}",
        "page": f"/services/desk/datasets/{name}",
        "standing": standing,
        "word": "",
        "project": "",
        "until": None,
        **more,
    }


def offer() -> dict[str, dict[str, Any]]:
    """Return the three datasets that come with the platform, as somebody new finds them."""
    listed = [
        card("vehicles", "open", "free", both("Voertuigen", "Vehicles")),
        card(
            "municipal-assets",
            "registered",
            "terms",
            both("Gemeentelijk bezit", "Municipal assets"),
            owner="Gemeente Westerwold",
            description=both(
                "Bomen, lantaarns en wegen van een gemeente.", "Trees, lamps and roads of a town."
            ),
        ),
        card(
            "cohort",
            "restricted",
            "apply",
            both("Gezondheidscohort", "Health cohort"),
            owner="Lijnen van Leven",
            description=both("Metingen van deelnemers.", "Measurements of participants."),
        ),
    ]
    return {one["id"]: one for one in listed}


@dataclass
class Platform:
    """What the two answer, and what they were asked.

    Attributes
    ----------
    trouble
        What the daemon answers in place of everything, when it is something.
    status
        What the desk answers in place of everything, when it is not 200.
    """

    offered: dict[str, dict[str, Any]] = field(default_factory=offer)
    mounted: dict[str, dict[str, Any]] = field(default_factory=dict)
    projects: list[str] = field(default_factory=lambda: ["bakery", "biobank"])
    own_mounts: bool = True
    trouble: Any = None
    status: int = 200
    refusal: Any = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    wishes: list[dict[str, Any]] = field(default_factory=list)
    statement: str = "<!DOCTYPE html><title>Herkomst</title><p>vehicles 1.0.0</p>"
    crate: str = '{"@graph": []}\n'

    def answer(self, method: str, address: str, body: Any) -> tuple[int, Any]:
        """Answer one request to the desk."""
        parts = urlsplit(address)
        path, query = parts.path.removeprefix("/services/desk/"), parse_qs(parts.query)
        self.asked.append((method, path, body if method == "POST" else query))
        if self.status != 200:
            return self.status, self.refusal
        if path == "api/provenance":
            return 200, self.crate if query["format"] == ["ro-crate"] else self.statement
        if path == "api/projects":
            return 200, self.projects
        if path == "api/grants":
            return self._grant(body)
        return self._dataset(path, body)

    def _grant(self, body: Any) -> tuple[int, Any]:
        found = self.offered[body["dataset"]]
        if found["standing"] not in ("free", "granted"):
            return 409, {"reason": "terms", "message": "Lees eerst de voorwaarden."}
        name = body["dataset"]
        grant = json.dumps({"dataset": name, "alone": found["tier"] == "restricted"})
        return 200, {"grant": grant, "path": f"/data/{name}", "dataset": name, "version": "1.0.0"}

    def _dataset(self, path: str, body: Any) -> tuple[int, Any]:
        if path == "api/datasets":
            return 200, list(self.offered.values())
        name, _slash, act = path.removeprefix("api/datasets/").partition("/")
        if act == "acceptance":
            self.offered[name]["standing"] = "granted"
            return 200, {"standing": "granted"}
        if act == "applications":
            self.offered[name].update(standing="waiting", project=body["project"], until=body["until"])
            return 201, {"id": 1}
        whole = {
            "terms": both("Gebruik deze gegevens zorgvuldig.\nVermeld de bron.", "Use this data with care."),
            "legal_basis": both("Wet hergebruik van overheidsinformatie"),
            "consent": both("Niet van toepassing", "Not applicable"),
            "preview": {"columns": ["plate", "weight"], "rows": [["AB-12-CD", 1200], ["EF-34-GH", None]]},
        }
        return 200, {**whole, **self.offered[name]}

    def hear(self, wish: dict[str, Any]) -> Any:
        """Answer one line to the mount daemon."""
        self.wishes.append(wish)
        if self.trouble is not None:
            return self.trouble
        if wish["want"] == "can":
            return {"own_mounts": self.own_mounts}
        if wish["want"] == "mounted":
            return {"mounted": list(self.mounted.values())}
        if wish["want"] == "unmount":
            del self.mounted[wish["dataset"]]
            return {"unmounted": wish["dataset"]}
        grant = json.loads(wish["grant"])
        name = grant["dataset"]
        self.mounted[name] = {
            "dataset": name,
            "version": "1.0.0",
            "path": f"/data/{name}",
            "since": 1,
            "ends_at": 1_900_000_000 if grant["alone"] else 0,
            "alone": grant["alone"],
        }
        return {"path": f"/data/{name}", "dataset": name, "version": "1.0.0"}


class _Desk(BaseHTTPRequestHandler):
    platform: Platform

    def do_GET(self) -> None:
        self._do("GET", None)

    def do_POST(self) -> None:
        self._do("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _do(self, method: str, body: Any) -> None:
        self.platform.headers.append(dict(self.headers))
        status, said = self.platform.answer(method, self.path, body)
        self.send_response(status)
        self.end_headers()
        self.wfile.write((said if isinstance(said, str) else json.dumps(said)).encode())

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


class _Mounts(socketserver.StreamRequestHandler):
    platform: Platform

    def handle(self) -> None:
        said = self.platform.hear(json.loads(self.rfile.readline()))
        self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n")


@contextlib.contextmanager
def running(folder: Path, platform: Platform) -> Iterator[dict[str, str]]:
    """Run both, and give the environment of a server that finds them."""
    desk = ThreadingHTTPServer(("127.0.0.1", 0), type("Desk", (_Desk,), {"platform": platform}))
    path = folder / "mounts.socket"
    mounts = socketserver.ThreadingUnixStreamServer(
        str(path), type("Mounts", (_Mounts,), {"platform": platform})
    )
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (desk, mounts)]
    for thread in threads:
        thread.start()
    try:
        yield {
            "WERKPLAATS_DESK_URL": f"http://127.0.0.1:{desk.server_port}/services/desk/",
            "WERKPLAATS_MOUNTS": str(path),
            "WERKPLAATS_LANGUAGE": "nl",
            "JUPYTERHUB_API_TOKEN": SECRET,
            "SLURM_JOB_ID": str(JOB),
            "SLURM_JOB_ACCOUNT": "bakery",
        }
    finally:
        for server, thread in zip((desk, mounts), threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
        path.unlink(missing_ok=True)
