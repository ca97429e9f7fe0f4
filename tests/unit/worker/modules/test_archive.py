from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from lookalike.errors import DiskFull, WeightsMissing
from lookalike_worker.modules.archive import unpack


def archive(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = folder / "module.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def test_files_arrive_below_the_folder(tmp_path: Path) -> None:
    path = archive(tmp_path, file("./saved_model.pb"), file("variables/a", b"12"))
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "variables" / "a").read_bytes() == b"12"


@pytest.mark.parametrize(
    "member",
    [
        file("../escaped"),
        file("inside/../../escaped"),
        file("/tmp/escaped"),
        link("link", "/etc"),
        link("link", "../.."),
        link("hard", "../../escaped", tarfile.LNKTYPE),
        link("device", "", tarfile.CHRTYPE),
        link("pipe", "", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member[0].name + member[0].linkname,
)
def test_what_points_outside_is_refused(
    tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    (tmp_path / "cache").mkdir()
    with pytest.raises(WeightsMissing, match=r"was refused.*do not use it"):
        unpack(archive(tmp_path, member), tmp_path / "cache" / "out")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("n_missing", [1, 9, 300, 5000])
def test_a_truncated_archive_is_refused(tmp_path: Path, n_missing: int) -> None:
    noise = bytes(i * i * i % 251 for i in range(20_000))
    path = archive(tmp_path, file("saved_model.pb", noise))
    path.write_bytes(path.read_bytes()[:-n_missing])
    with pytest.raises(WeightsMissing, match="truncated or damaged"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("position", [0, 3, 60, -6])
def test_a_damaged_archive_is_refused(tmp_path: Path, position: int) -> None:
    path = archive(tmp_path, file("saved_model.pb", b"some bytes" * 100))
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(WeightsMissing, match="truncated or damaged"):
        unpack(path, tmp_path / "out")


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, file("a", bytes(600)), file("b", bytes(600)))
    with pytest.raises(WeightsMissing, match="more than 1,000 bytes"):
        unpack(path, tmp_path / "out", max_bytes=1000)


def test_an_archive_that_does_not_fit_the_disk_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, file("a", bytes(600)))
    with pytest.raises(DiskFull, match="LOOKALIKE_HOME"):
        unpack(path, tmp_path / "out", free=lambda _: 599)
