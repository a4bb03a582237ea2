"""Adding, replacing and withdrawing: whole or not at all, and nothing that does not belong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.datasets.helpers import Quick, places, quick
from tests.datasets.records import TABLE, file, lay, record

from werkplaats_datasets import adding, image
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.faults import Broken, Changed, Refused, Taken
from werkplaats_datasets.places import Places
from werkplaats_datasets.removing import remove

ROOT = os.geteuid() == 0


@pytest.fixture
def where(tmp_path: Path) -> Places:
    """Return a machine without any dataset."""
    return places(tmp_path / "machine")


def tree(folder: Path) -> list[str]:
    """Return everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def mode(path: Path) -> int:
    """Return the rights on a path itself."""
    return stat.S_IMODE(path.lstat().st_mode)


def refused(folder: Path, where: Places) -> str:
    """Return what is said of a dataset that is not taken, and see that nothing of it stays."""
    with pytest.raises(Broken) as raised:
        adding.add(folder, where, quick())
    assert Catalogue(where.catalogue).offered() == ()
    assert [path for path in tree(where.vault) if path not in (".lock", "colours")] == []
    return str(raised.value)


def test_a_dataset_is_added(tmp_path: Path, where: Places) -> None:
    """Its bytes are root's alone, its record everybody's, and an empty folder waits to be mounted on."""
    done = adding.add(lay(tmp_path / "given"), where, quick())
    assert done.new
    assert (done.entry.size_bytes, done.entry.files, done.entry.source) == (len(TABLE), 1, "folder")
    lines = f"{hashlib.sha256(TABLE).hexdigest()}  table.csv\n".encode()
    assert done.entry.checksum == f"sha256:{hashlib.sha256(lines).hexdigest()}"
    assert (mode(where.vault), mode(where.vault / "colours/1.0.0")) == (0o700, 0o555)
    assert mode(where.vault / "colours/1.0.0/table.csv") == 0o444
    assert (mode(where.catalogue), mode(where.catalogue / "colours/1.0.0/croissant.json")) == (0o755, 0o644)
    assert (where.data / "colours").is_dir()
    assert tree(where.data / "colours") == []
    assert json.loads((where.catalogue / "colours/1.0.0/croissant.json").read_text()) == record()


def test_added_again(tmp_path: Path, where: Places) -> None:
    """Nothing is done twice."""
    adding.add(lay(tmp_path / "given"), where, quick())
    before = (where.vault / "colours/1.0.0").stat().st_ino
    assert not adding.add(tmp_path / "given", where, quick()).new
    assert (where.vault / "colours/1.0.0").stat().st_ino == before


def test_a_version_stays_what_it_was(tmp_path: Path, where: Places) -> None:
    """Other content under the same version is refused; a new version leaves the old one in the vault."""
    adding.add(lay(tmp_path / "one"), where, quick())
    other = lay(tmp_path / "two", **{"wp:tier": "registered"})
    with pytest.raises(Taken, match="give yours another version"):
        adding.add(other, where, quick())
    with (where.vault / "colours/1.0.0/table.csv").open() as mounted:
        adding.add(lay(tmp_path / "three", version="2.0.0"), where, quick())
        assert mounted.read() == TABLE.decode()
    assert [path for path in tree(where.vault) if path.endswith("csv")] == [
        "colours/1.0.0/table.csv",
        "colours/2.0.0/table.csv",
    ]
    assert [one.record.version for one in Catalogue(where.catalogue).offered()] == ["2.0.0"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"maintainer": {"name": "Sjoukje Steward", "identifier": "mallory"}},
            "its steward (maintainer.identifier) is steward, and would be mallory.",
        ),
        (
            {"creator": {"name": "De Anderen"}},
            "its owner (creator) is De Kleurmeesters <https://example.org/>, and would be De Anderen.",
        ),
        ({"wp:tier": "open"}, "its tier (wp:tier) is restricted, and would be open."),
    ],
)
@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_new_version_is_not_a_way_to_take_a_dataset(
    tmp_path: Path, where: Places, changes: dict[str, Any], said: str, withdrawn: bool
) -> None:
    """Whose it is, and for whom, changes only when the operator says so."""
    adding.add(lay(tmp_path / "one", **{"wp:tier": "restricted"}), where, quick())
    if withdrawn:
        remove("colours", where)
    taking = lay(tmp_path / "two", **{"version": "2.0.0", "wp:tier": "restricted", **changes})
    with pytest.raises(Changed) as raised:
        adding.add(taking, where, quick())
    assert said in str(raised.value)
    assert "add it with --change" in str(raised.value)
    assert Catalogue(where.catalogue).current("colours") == "1.0.0"
    assert not (where.vault / "colours/2.0.0").exists()
    assert adding.add(taking, where, quick(), change=True).new
    with pytest.raises(Changed):  # nor does an older version give it back unasked
        adding.add(tmp_path / "one", where, quick())


def _symlink(folder: Path) -> None:
    (folder / "data/link").symlink_to("/etc/passwd")


def _folder_link(folder: Path) -> None:
    (folder / "data/link").symlink_to("/etc")


def _instead(folder: Path) -> None:
    (folder / "data/table.csv").unlink()
    (folder / "data/table.csv").symlink_to("/etc/passwd")


def _data_link(folder: Path) -> None:
    shutil.move(folder / "data", folder / "elsewhere")
    (folder / "data").symlink_to(folder / "elsewhere")


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "data/pipe")


def _extra(folder: Path) -> None:
    (folder / "data/more.csv").write_text("x")


def _strange(folder: Path) -> None:
    (folder / "data/a\u202ename").write_text("x")


def _bytes(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder / "data") + b"/\xff\xfe\n")).write_text("x")


def _missing(folder: Path) -> None:
    (folder / "data/table.csv").unlink()


def _other(folder: Path) -> None:
    (folder / "data/table.csv").write_text("kleur,aantal\nrood,1\nblauw,3\n")


def _no_data(folder: Path) -> None:
    shutil.rmtree(folder / "data")


def _no_record(folder: Path) -> None:
    (folder / "croissant.json").unlink()


def _record_link(folder: Path) -> None:
    (folder / "croissant.json").rename(folder / "real.json")
    (folder / "croissant.json").symlink_to("real.json")


def _record_pipe(folder: Path) -> None:
    (folder / "croissant.json").unlink()
    os.mkfifo(folder / "croissant.json")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_symlink, "data/link: the file: a symbolic link. Put the file itself there."),
        (_folder_link, "data/link: the file: a symbolic link"),
        (_instead, "data/table.csv: the file: a symbolic link"),
        (_data_link, "data: the folder: not there, or a symbolic link"),
        (_fifo, "data/pipe: the file: a device, a pipe or a socket. Take it away."),
        (_extra, "data/more.csv: distribution: there, and not described"),
        (_strange, "data/a\\u202ename: its name: hard to type or to read"),
        (_bytes, "its name: hard to type or to read"),
        (_missing, "data/table.csv: distribution: described, and not there"),
        (_other, "data/table.csv: sha256: its SHA-256 is "),
        (_no_data, "data: the folder: not there"),
        (_no_record, "croissant.json: the file: no such file"),
        (_record_link, "croissant.json: the file: a symbolic link"),
        (_record_pipe, "croissant.json: the file: not a plain file"),
    ],
)
def test_what_does_not_belong_is_refused(tmp_path: Path, where: Places, spoil: Any, said: str) -> None:
    """With the file, what is wrong with it, and the mend; nothing of it stays."""
    folder = lay(tmp_path / "given")
    spoil(folder)
    assert said in refused(folder, where)
    with pytest.raises(Broken):
        adding.check(folder, quick())


@pytest.mark.skipif(not ROOT, reason="only root makes devices")
def test_a_device_is_refused(tmp_path: Path, where: Places) -> None:
    """The vault holds files."""
    folder = lay(tmp_path / "given")
    os.mknod(folder / "data/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert "data/null: the file: a device" in refused(folder, where)


def test_many_faults_are_told_shortly(tmp_path: Path, where: Places) -> None:
    """Nobody reads a thousand lines."""
    folder = lay(tmp_path / "given")
    for number in range(1000):
        (folder / f"data/more-{number}").write_text("x")
    said = refused(folder, where)
    assert len(said.splitlines()) == 21
    assert "980 more faults" in said


def test_what_mlcroissant_finds_is_a_fault(tmp_path: Path, where: Places) -> None:
    """With the place that it names."""

    class Stern(Quick):
        def run(self, module: str, *words: Any, **how: Any) -> bytes:
            return b'{"errors": ["[Field(a)] has no source."], "warnings": []}'

    with pytest.raises(Broken, match=r"croissant.json: Field\(a\): has no source. Write it as Croissant 1.1"):
        adding.add(lay(tmp_path / "given"), where, Stern(()))


def test_a_table_that_cannot_be_read(tmp_path: Path, where: Places) -> None:
    """A preview is wanted, and there is none to be had."""

    class Blind(Quick):
        def run(self, module: str, *words: Any, **how: Any) -> bytes:
            if module.endswith("first_rows"):
                raise Refused("not Parquet")
            return super().run(module, *words, **how)

    with pytest.raises(Broken, match=r"table.csv: the table: not Parquet. Mend the table, or set wp:preview"):
        adding.add(lay(tmp_path / "given"), where, Blind(()))
    assert tree(where.vault) == [".lock", "colours"]
    assert adding.add(lay(tmp_path / "two", **{"wp:preview": False}), where, Blind(())).new


def test_what_is_offered_again_is_not_touched(tmp_path: Path, where: Places) -> None:
    """A job may have it mounted: a withdrawn or an older version keeps its very files."""
    adding.add(lay(tmp_path / "one"), where, quick())
    before = (where.vault / "colours/1.0.0/table.csv").stat().st_ino
    remove("colours", where)
    assert adding.add(tmp_path / "one", where, quick()).new
    adding.add(lay(tmp_path / "two", version="2.0.0"), where, quick())
    assert adding.add(tmp_path / "one", where, quick()).new
    assert [one.record.version for one in Catalogue(where.catalogue).offered()] == ["1.0.0"]
    assert (where.vault / "colours/1.0.0/table.csv").stat().st_ino == before


def test_a_narrow_umask(tmp_path: Path) -> None:
    """What is for everybody is so, and the vault is not."""
    where = places(tmp_path / "machine", own_mounts=False)
    before = os.umask(0o077)
    try:
        adding.add(lay(tmp_path / "given"), where, quick())
    finally:
        os.umask(before)
    for path in ("catalogue/colours", "catalogue/colours/1.0.0", "data", "open-data/colours"):
        assert mode(tmp_path / "machine" / path) == 0o755
    assert mode(where.vault) == 0o700


def test_a_full_disk_leaves_nothing(tmp_path: Path, where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a version nor an offer."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            adding.add(lay(tmp_path / "given"), where, quick())
    assert tree(where.vault) == [".lock", "colours"]
    assert adding.add(tmp_path / "given", where, quick()).new


def test_too_little_room(tmp_path: Path, where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen before anything is copied."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1024))  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="make room"):
        adding.add(lay(tmp_path / "given"), where, quick())


def test_what_a_killed_add_left_goes(tmp_path: Path, where: Places) -> None:
    """The next one clears it away."""
    half = where.vault / "colours/.1.0.0.coming"
    half.mkdir(parents=True)
    (half / "table.csv").write_text("half")
    (where.vault / "colours/1.0.0").mkdir()  # moved into place, and killed before it was published
    assert adding.add(lay(tmp_path / "given"), where, quick()).new
    assert tree(where.vault) == [".lock", "colours", "colours/1.0.0", "colours/1.0.0/table.csv"]


# -- images ------------------------------------------------------------------------------------------


def test_kept_as_an_image(tmp_path: Path, where: Places) -> None:
    """One file, which holds what was given."""
    done = adding.add(lay(tmp_path / "given"), where, quick(), as_image=True)
    packed = where.vault / "colours/1.0.0.squashfs"
    assert tree(where.vault) == [".lock", "colours", "colours/1.0.0.squashfs"]
    assert done.entry.source == "squashfs"
    assert done.entry.checksum == f"sha256:{hashlib.sha256(packed.read_bytes()).hexdigest()}"
    assert image.names(packed) == ["table.csv"]
    assert mode(packed) == 0o444
    assert (where.catalogue / "colours/1.0.0/preview.json").exists()


def pack(inside: Path, packed: Path) -> None:
    """Make an image as a giver would, with the rights and the owners that there are."""
    argv = ["mksquashfs", str(inside), str(packed), "-quiet", "-no-progress"]
    subprocess.run(argv, check=True, capture_output=True)


def given_image(tmp_path: Path, **changes: Any) -> Path:
    """Lay down a dataset that comes as an image of what is in `tmp_path/inside`."""
    folder = tmp_path / "given"
    folder.mkdir()
    packed = folder / "data.squashfs"
    pack(tmp_path / "inside", packed)
    described = {**file("x", packed.read_bytes()), "contentUrl": "data.squashfs", "@id": "data.squashfs"}
    (folder / "croissant.json").write_text(json.dumps(record(distribution=[described], **changes)))
    return folder


def test_an_image_is_taken_as_it_is(tmp_path: Path, where: Places) -> None:
    """Its files are counted, and the first table is shown."""
    (tmp_path / "inside/deep").mkdir(parents=True)
    (tmp_path / "inside/table.csv").write_bytes(TABLE)
    (tmp_path / "inside/deep/more.txt").write_text("x")
    done = adding.add(given_image(tmp_path), where, quick())
    assert (done.entry.files, done.entry.source) == (2, "squashfs")
    assert tree(where.vault) == [".lock", "colours", "colours/1.0.0.squashfs"]
    offered = Catalogue(where.catalogue).find("colours")
    assert offered is not None
    assert offered.preview is not None
    assert offered.preview.columns == ("kleur", "aantal")


def test_an_image_with_a_link_is_refused(tmp_path: Path, where: Places) -> None:
    """A link in it would point wherever the job's files are."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/table.csv").write_bytes(TABLE)
    (tmp_path / "inside/link").symlink_to("/etc/passwd")
    (tmp_path / "inside/secret").write_text("x")
    (tmp_path / "inside/secret").chmod(0o600)
    said = refused(given_image(tmp_path), where)
    assert "link -> /etc/passwd is neither a file nor a folder" in said
    assert "/secret is not for everybody to read" in said


@pytest.mark.parametrize("rights", [0o4755, 0o2755, 0o1644, 0o6644])
def test_an_image_with_a_setuid_program_is_refused(tmp_path: Path, where: Places, rights: int) -> None:
    """Laid down for everybody it would be root's program in anybody's hands."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/program").write_bytes(b"x")
    (tmp_path / "inside/program").chmod(rights)
    said = refused(given_image(tmp_path), where)
    assert "/program is setuid, setgid or sticky. Take such rights away" in said


def test_whatever_an_image_holds_is_laid_as_plain_files(tmp_path: Path) -> None:
    """Ours, to read and nothing else, also of an image that was taken in before such rights were a fault."""
    (tmp_path / "inside/deep").mkdir(parents=True)
    for name in ("deep/program", "table.csv"):
        (tmp_path / "inside" / name).write_bytes(b"x")
        if ROOT:
            os.chown(tmp_path / "inside" / name, 4242, 4242)
            os.setxattr(tmp_path / "inside" / name, "user.note", b"x")
        (tmp_path / "inside" / name).chmod(0o6777)
    pack(tmp_path / "inside", tmp_path / "packed")
    image.unpack(tmp_path / "packed", tmp_path / "laid")
    assert tree(tmp_path / "laid") == ["deep", "deep/program", "table.csv"]
    for name in tree(tmp_path / "laid"):
        path = tmp_path / "laid" / name
        assert mode(path) == (0o555 if path.is_dir() else 0o444)
        assert (path.stat().st_uid, path.stat().st_gid) == (os.geteuid(), os.getegid())
        assert os.listxattr(path) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("laid-")] == []


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_an_image_is_not_laid_with_something_else_in_it(tmp_path: Path, what: str) -> None:
    """Nothing of it stays."""
    (tmp_path / "inside").mkdir()
    if what == "link":
        (tmp_path / "inside/odd").symlink_to("/etc/passwd")
    else:
        os.mkfifo(tmp_path / "inside/odd")
    pack(tmp_path / "inside", tmp_path / "packed")
    with pytest.raises(Refused, match="odd in the image is no plain file"):
        image.unpack(tmp_path / "packed", tmp_path / "laid")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "packed"]


def test_an_image_that_is_changed_after_it_was_looked_at(tmp_path: Path, where: Places) -> None:
    """The copy counts: the record may have described the bad one all along."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/program").write_bytes(b"x")
    (tmp_path / "inside/program").chmod(0o755)
    pack(tmp_path / "inside", tmp_path / "good")
    (tmp_path / "inside/program").chmod(0o4755)
    folder = given_image(tmp_path)
    (folder / "data.squashfs").rename(tmp_path / "bad")
    shutil.copy(tmp_path / "good", folder / "data.squashfs")

    class Swapping(Quick):
        def run(self, module: str, *words: Any, **how: Any) -> bytes:
            (tmp_path / "bad").rename(folder / "data.squashfs")
            return super().run(module, *words, **how)

    with pytest.raises(Broken, match="/program is setuid"):
        adding.add(folder, where, Swapping(()))
    assert not (tmp_path / "bad").exists()
    assert Catalogue(where.catalogue).offered() == ()
    assert tree(where.vault) == [".lock", "colours"]


def test_an_image_that_is_none(tmp_path: Path, where: Places) -> None:
    """Whatever squashfs-tools say of it is passed on."""
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "data.squashfs").write_bytes(b"no image")
    described = {**file("x", b"no image"), "contentUrl": "data.squashfs"}
    (folder / "croissant.json").write_text(json.dumps(record(distribution=[described])))
    assert "data.squashfs: the file: unsquashfs said" in refused(folder, where)


# -- /data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["link", "file", "folder"])
def test_something_else_at_the_mount_point(tmp_path: Path, where: Places, what: str) -> None:
    """It is left alone, and nothing is offered."""
    where.data.mkdir(parents=True)
    point = where.data / "colours"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if what == "link":
        point.symlink_to(elsewhere)
    elif what == "file":
        point.write_text("x")
    else:
        point.mkdir()
        point.chmod(0o777)
    with pytest.raises(Refused, match="move it away"):
        adding.add(lay(tmp_path / "given"), where, quick())
    assert Catalogue(where.catalogue).offered() == ()
    assert tree(elsewhere) == []


def test_where_jobs_have_no_mounts(tmp_path: Path) -> None:
    """An open dataset is there all the same, to read and not to write; others are not."""
    where = places(tmp_path / "machine", own_mounts=False)
    adding.add(lay(tmp_path / "one"), where, quick())
    adding.add(lay(tmp_path / "two", identifier="shapes", **{"wp:tier": "restricted"}), where, quick())
    point = where.data / "colours"
    assert point.is_symlink()
    assert (point / "table.csv").read_bytes() == TABLE
    assert mode((point / "table.csv").resolve()) == 0o444
    assert tree(where.data / "shapes") == []
    adding.add(lay(tmp_path / "three", version="2.0.0"), where, quick(), as_image=True)
    assert point.resolve().name == "2.0.0"
    assert (point / "table.csv").read_bytes() == TABLE
    remove("colours", where)
    assert not point.is_symlink()
    assert tree(where.open_data) == ["colours"]


def test_a_machine_that_learns_to_mount(tmp_path: Path) -> None:
    """The link makes room for the folder, and the other way round."""
    without, having = places(tmp_path / "machine", own_mounts=False), places(tmp_path / "machine")
    adding.add(lay(tmp_path / "given"), without, quick())
    having.stand()
    assert not (having.data / "colours").is_symlink()
    assert tree(having.data / "colours") == []
    without.stand()
    assert (without.data / "colours/table.csv").read_bytes() == TABLE


# -- withdrawing -------------------------------------------------------------------------------------


def test_withdrawn(tmp_path: Path, where: Places) -> None:
    """It is offered no more; its bytes and its record stay, and it can be offered again."""
    adding.add(lay(tmp_path / "given"), where, quick())
    done = remove("colours", where)
    assert (done.withdrawn, done.deleted) == (("1.0.0",), ())
    assert (where.vault / "colours/1.0.0/table.csv").exists()
    assert remove("colours", where).withdrawn == ()
    assert adding.add(tmp_path / "given", where, quick()).new
    assert len(Catalogue(where.catalogue).offered()) == 1


def test_bytes_are_deleted_only_when_asked(tmp_path: Path, where: Places) -> None:
    """The record stays even then: who used it must be told what it was."""
    adding.add(lay(tmp_path / "one"), where, quick())
    adding.add(lay(tmp_path / "two", version="2.0.0"), where, quick(), as_image=True)
    assert remove("colours", where, version="1.0.0", with_bytes=True).deleted == ("1.0.0",)
    assert tree(where.vault) == [".lock", "colours", "colours/2.0.0.squashfs"]
    assert remove("colours", where, with_bytes=True).deleted == ("2.0.0",)
    assert tree(where.vault) == [".lock", "colours"]
    assert Catalogue(where.catalogue).find("colours", "1.0.0") is not None
    assert adding.add(tmp_path / "one", where, quick()).new
    assert (where.vault / "colours/1.0.0/table.csv").exists()


@pytest.mark.parametrize("noted", ['{"grant": {"version": "1.0.0"}}', "{", "[]"])
def test_what_is_mounted_is_not_deleted(tmp_path: Path, where: Places, noted: str) -> None:
    """The job is named; a note that cannot be read counts."""
    adding.add(lay(tmp_path / "given"), where, quick())
    (where.mounts / "17").mkdir(parents=True)
    (where.mounts / "17/colours.json").write_text(noted)
    done = remove("colours", where, with_bytes=True)
    assert done.withdrawn == ("1.0.0",)
    assert done.mounted == {"1.0.0": ("17",)}
    assert (where.vault / "colours/1.0.0/table.csv").exists()
    (where.mounts / "17/colours.json").write_text('{"grant": {"version": "2.0.0"}}')
    assert remove("colours", where, with_bytes=True).deleted == ("1.0.0",)


@pytest.mark.parametrize(("name", "version"), [("nothing", None), ("../x", None), ("colours", "9")])
def test_nothing_to_withdraw(tmp_path: Path, where: Places, name: str, version: str | None) -> None:
    """A slip of the pen changes nothing."""
    adding.add(lay(tmp_path / "given"), where, quick())
    with pytest.raises(Refused, match="there is no dataset"):
        remove(name, where, version=version)
    assert len(Catalogue(where.catalogue).offered()) == 1


def test_killed_at_any_moment(tmp_path: Path, where: Places) -> None:
    """What is offered is whole; what is not, the next add makes so."""
    folder, content = tmp_path / "given", os.urandom(8 * 1024 * 1024)
    lay(folder, distribution=[file("table.csv", TABLE), file("noise", content)])
    (folder / "data/noise").write_bytes(content)
    for number in range(12):
        child = os.fork()
        if child == 0:
            adding.add(folder, where, quick(), as_image=number % 2 == 1)
            os._exit(0)
        time.sleep(0.004 * number)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for one in Catalogue(where.catalogue).offered():
            lies = where.vault / "colours/1.0.0"
            assert one.entry.source == "squashfs" or (lies / "noise").read_bytes() == content
    adding.add(folder, where, quick())
    offered = Catalogue(where.catalogue).find("colours")
    assert offered is not None
    assert offered.preview is not None
    assert [path for path in tree(where.vault) if "coming" in path] == []
    assert [path for path in tree(where.catalogue) if "coming" in path] == []
