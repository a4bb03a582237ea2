"""The house rules that no other tool checks: who imports whom, how long a file is, what is pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "werkplaats_hub": ROOT / "hub_config/werkplaats_hub",
    "single_machine": ROOT / "hub_config/single_machine",
    "werkplaats_spawners": ROOT / "spawners/werkplaats_spawners",
    "werkplaats_server": ROOT / "extensions/werkplaats_server",
    "werkplaats_desk": ROOT / "extensions/werkplaats_desk",
    "werkplaats_widgets": ROOT / "extensions/werkplaats_widgets",
    "werkplaats_datasets": ROOT / "extensions/werkplaats_datasets",
    "werkplaats_audit": ROOT / "extensions/werkplaats_audit",
    "werkplaats_mounts": ROOT / "extensions/werkplaats_mounts",
}
#: Which of our packages each may import (DESIGN.md: imports run one way).
MAY_IMPORT = {
    "werkplaats_hub": {"werkplaats_spawners", "werkplaats_datasets", "werkplaats_audit"},
    "single_machine": {"werkplaats_hub", "werkplaats_spawners", "werkplaats_datasets", "werkplaats_audit"},
    "werkplaats_spawners": set(),
    "werkplaats_server": {"werkplaats_widgets"},
    "werkplaats_desk": {"werkplaats_datasets", "werkplaats_audit"},
    "werkplaats_widgets": set(),
    "werkplaats_datasets": set(),
    "werkplaats_audit": {"werkplaats_datasets"},
    "werkplaats_mounts": {"werkplaats_datasets", "werkplaats_audit"},
}
#: What runs as a person, or as root, through sudo imports the standard library, and these.
PRIVILEGED = {
    "werkplaats_spawners",
    "werkplaats_spawners.slurm",
    "werkplaats_spawners.trusted",
    "werkplaats_spawners.launch",
    "werkplaats_spawners.launch.program",
    "werkplaats_spawners.launch.settings",
    "werkplaats_spawners.associations",
    "werkplaats_spawners.names",
    "werkplaats_spawners.enrol",
    "werkplaats_spawners.enrol.people",
    "werkplaats_spawners.enrol.program",
    "werkplaats_spawners.enrol.settings",
    "werkplaats_spawners.enrol.why",
}
_FOLDERS = {"werkplaats_spawners", "werkplaats_spawners.launch", "werkplaats_spawners.enrol"}


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Return the name and file of every module of a package."""
    folder = PACKAGES[package]
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = {name: path for package in PACKAGES for name, path in modules(package)}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it; of ``from a import b`` both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tracked() -> list[Path]:
    """Return every file that git keeps, and that is still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_package_is_looked_at() -> None:
    """A package that is added must be put under these rules, and into the wheel."""
    folders = {
        path.parent.name
        for top in ("hub_config", "spawners", "extensions")
        for path in (ROOT / top).glob("*/__init__.py")
    }
    assert folders == set(PACKAGES)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {ROOT / path for path in wheel["packages"]} == set(PACKAGES.values())


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    """A package knows only those below it; the command alone reaches up to the installer."""
    package = module.partition(".")[0]
    allowed = MAY_IMPORT[package] | {package}
    if module == "werkplaats_hub.cli":
        allowed = allowed | {"single_machine"}
    ours = {name for name in imports(MODULES[module]) if name.partition(".")[0] in PACKAGES}
    assert {name for name in ours if name.partition(".")[0] not in allowed} == set()
    if package == "single_machine":
        assert not any(name.startswith("werkplaats_hub.cli") for name in ours)


def test_the_command_imports_the_installer_only_when_it_needs_it() -> None:
    """The Hub's own environment can be without the installer's needs: it is imported within a command."""
    tree = ast.parse(MODULES["werkplaats_hub.cli"].read_text())
    at_the_top = {
        getattr(node, "module", None) or node.names[0].name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not any(name.startswith("single_machine") for name in at_the_top)


@pytest.mark.parametrize("module", sorted(PRIVILEGED))
def test_what_sudo_runs_is_small(module: str) -> None:
    """*launch* and *enrol* import the standard library and their own few modules: an hour's reading."""
    foreign = {
        name
        for name in imports(MODULES[module])
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name not in PRIVILEGED
        and name.rpartition(".")[0] not in PRIVILEGED - _FOLDERS
    }
    assert foreign == set()


def test_slurm_runs_nothing() -> None:
    """The module of command lines and parsers is pure: it starts no process and reads no file."""
    assert not imports(MODULES["werkplaats_spawners.slurm"]) & {
        "subprocess",
        "os",
        "pathlib",
        "asyncio",
        "socket",
    }
    assert not imports(MODULES["werkplaats_spawners.policy"]) & {
        "time",
        "datetime",
        "os",
        "pathlib",
        "random",
    }


@pytest.mark.parametrize(
    "path", [*MODULES.values(), *(ROOT / "benchmarks").glob("*.py")], ids=lambda p: p.name
)
def test_a_module_can_be_held_in_mind(path: Path) -> None:
    """No module is longer than 400 lines."""
    assert len(path.read_text().splitlines()) <= 400


def test_no_shell_reads_a_command() -> None:
    """Commands are lists: nothing of ours is handed to a shell."""
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("os.system", "os.popen", "asyncio.create_subprocess_shell"), path
                assert not any(word.arg == "shell" for word in node.keywords), path


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"].values()
NEEDED = {*PYPROJECT["project"]["dependencies"], *(requirement for extra in EXTRAS for requirement in extra)}


@pytest.mark.parametrize("requirement", sorted(NEEDED | set(PYPROJECT["build-system"]["requires"])))
def test_versions_are_exact(requirement: str) -> None:
    """Each is one version, the one that was tested."""
    assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.!+]*", requirement)


def test_constraints_agree_with_the_project() -> None:
    """What is asked for by name is what the constraints pin, and those pin exactly."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line.strip() and not line.lstrip().startswith("#"))
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for requirement in NEEDED:
        name, version = re.sub(r"\[.*\]", "", requirement).split("==")
        assert pins[name.lower().replace("_", "-")] == version


@pytest.mark.parametrize(
    "name",
    [
        "constraints.txt",
        "hub_config/single_machine/proxy/package-lock.json",
        "extensions/werkplaats_lab/package-lock.json",
    ],
)
def test_locks_name_no_registry(name: str) -> None:
    """A lock says what, and not from where: a facility has its own mirror."""
    text = (ROOT / name).read_text()
    assert '"resolved"' not in text
    assert not re.search(r"registry\.|pypi\.|pythonhosted|--(extra-)?index-url|\.(tgz|whl|tar\.gz)\b", text)


def test_the_licence() -> None:
    """The project is under the EUPL 1.2, in its file and in its description."""
    text = (ROOT / "LICENSE").read_text()
    assert re.search(r"EUROPEAN UNION PUBLIC LICENCE v\. ?1\.2", text, re.IGNORECASE)
    assert "EUPL © the European Union" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "EUPL-1.2"


def test_no_file_knows_where_a_checkout_lies() -> None:
    """Whoever checks it out elsewhere has the same files that work."""
    here = str(ROOT).encode()
    assert len(ROOT.parts) > 2, "a checkout at the root of a disk cannot be told from other paths"
    assert [str(path.relative_to(ROOT)) for path in tracked() if here in path.read_bytes()] == []


def test_scripts_of_one_page_share_no_names() -> None:
    """Two that declare one name are an error in the browser, and the second does not run at all."""
    common = ROOT / "hub_config/werkplaats_hub/static/werkplaats.js"
    beside = [*common.parent.glob("*.js"), *(ROOT / "extensions/werkplaats_desk/static").glob("*.js")]
    declared = re.compile(r"^(?:async )?(?:const|let|var|function|class) (\w+)", re.MULTILINE)
    names = {path.name: set(declared.findall(path.read_text())) for path in beside}
    assert len(names) > 3
    for name, its in names.items():
        assert name == common.name or not its & names[common.name], name
