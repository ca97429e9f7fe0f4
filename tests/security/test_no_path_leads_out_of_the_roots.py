"""Files are read below the operator's folders only, whatever links and dots say, and when."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.errors import ImageNotFound, LookalikeError, ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef
from lookalike_api.references import permitted
from tests.security.conftest import MakeFetcher

PICTURE, SECRET = b"picture", b"secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of pictures beside a folder of secrets, with all ways from one to the other."""
    root, outside = tmp_path / "allowed", tmp_path / "outside"
    for folder in (root / "folder", outside / "folder"):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(PICTURE if folder.parent == root else SECRET)
    (outside / "secret.jpg").write_bytes(SECRET)
    (root / "a.jpg").write_bytes(PICTURE)
    (root / "absolute.jpg").symlink_to(outside / "secret.jpg")
    (root / "relative.jpg").symlink_to("../outside/secret.jpg")
    (root / "twice.jpg").symlink_to("relative.jpg")
    (root / "folder link").symlink_to(outside)
    (root / "up").symlink_to("..")
    (root / "slash").symlink_to("/")
    (root / "within.jpg").symlink_to("folder/a.jpg")
    (root / "loop.jpg").symlink_to("loop.jpg")
    (root / "loop").symlink_to("loop back")
    (root / "loop back").symlink_to("loop")
    (root / "dangling.jpg").symlink_to("nothing.jpg")
    (root / "process.jpg").symlink_to("/proc/self/environ")
    (root / "memory.jpg").symlink_to("/proc/self/mem")
    (root / "device.jpg").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.jpg")
    (tmp_path / "allowed2").mkdir()
    (tmp_path / "allowed2" / "a.jpg").write_bytes(SECRET)
    return root


OUTSIDE = [
    "../outside/secret.jpg",
    "folder/../../outside/secret.jpg",
    "../allowed/../outside/secret.jpg",
    "./.././outside/secret.jpg",
    "%2e%2e/outside/secret.jpg",
    "%2E%2E%2Foutside%2Fsecret.jpg",
    "..%2foutside/secret.jpg",
    "folder%2f..%2f..%2foutside/secret.jpg",
    "../allowed2/a.jpg",
    "../absent.jpg",
    "..",
    "absolute.jpg",
    "relative.jpg",
    "twice.jpg",
    "folder link/secret.jpg",
    "folder link/absent.jpg",
    "up/outside/secret.jpg",
    "slash/etc/passwd",
    "loop.jpg/../../outside/secret.jpg",
    "nothing/../../outside/secret.jpg",
    "process.jpg",
    "memory.jpg",
    "device.jpg",
]

NO_FILE = [
    ("", ImageNotFound),
    (".", ImageNotFound),
    ("folder", ImageNotFound),
    ("folder/", ImageNotFound),
    ("absent.jpg", ImageNotFound),
    ("dangling.jpg", ImageNotFound),
    ("loop.jpg", ImageNotFound),
    ("loop/a.jpg", ImageNotFound),
    ("pipe.jpg", ImageNotFound),
    ("a.jpg/within", ImageNotFound),
    ("a.jpg%00.png", ReferenceInvalid),
    ("%00", ReferenceInvalid),
    ("folder%00/../a.jpg", ReferenceInvalid),
    ("n" * 300, ImageNotFound),
    ("n/" * 3000, ImageNotFound),
    ("%252e%252e/outside/secret.jpg", ImageNotFound),
    ("..%5coutside%5csecret.jpg", ImageNotFound),
    ("%c0%ae%c0%ae/outside/secret.jpg", ImageNotFound),
    ("．．/outside/secret.jpg", ImageNotFound),
    ("~/a.jpg", ImageNotFound),
    ("$HOME/a.jpg", ImageNotFound),
    ("*.jpg", ImageNotFound),
]

KERNEL = """
    /proc/self/environ /proc/self/mem /proc/self/cmdline /proc/self/maps /proc/thread-self/environ
    /proc/1/environ /proc/kcore /proc/net/tcp /sys/kernel/notes /dev/zero /dev/tty /dev/null
    /dev/mem /dev/absent /tmp/../proc/self/environ //proc/self/environ /./proc/self/environ
"""

OTHER_HOSTS = [
    "file://images.test/etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "file://user@localhost/etc/passwd",
    "file://localhost:80/etc/passwd",
    "file://[::1/etc/passwd",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_neither_dots_nor_links_lead_out(name: str, root: Path, make_fetcher: MakeFetcher) -> None:
    text = f"file://{root}/{name}"
    with pytest.raises(ReferenceForbidden, match="LOOKALIKE_FILE_ROOTS"):
        make_fetcher(file_roots=(root,)).fetch(ImageRef(text))
    with pytest.raises(ReferenceForbidden, match="LOOKALIKE_FILE_ROOTS"):
        permitted(text, [root])


@pytest.mark.parametrize(("name", "error"), NO_FILE, ids=lambda it: str(it)[:40])
def test_what_is_no_file_is_not_read(
    name: str, error: type[LookalikeError], root: Path, make_fetcher: MakeFetcher
) -> None:
    with pytest.raises(error):
        make_fetcher(file_roots=(root,)).fetch(ImageRef(f"file://{root}/{name}"))


def test_a_socket_is_no_file(root: Path, make_fetcher: MakeFetcher) -> None:
    place = os.open(root, os.O_RDONLY)
    try:  # a socket's path may be 108 bytes long, and that of the root longer
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{place}/socket.jpg")
    finally:
        os.close(place)
    with pytest.raises(ImageNotFound, match="no regular file"):
        make_fetcher(file_roots=(root,)).fetch(ImageRef(f"file://{root}/socket.jpg"))


@pytest.mark.parametrize("path", KERNEL.split())
def test_what_the_kernel_makes_up_is_not_read_even_where_all_files_may_be(
    path: str, make_fetcher: MakeFetcher
) -> None:
    with pytest.raises(ReferenceForbidden):
        make_fetcher(file_roots=(Path("/"),)).fetch(ImageRef(f"file://{path}"))
    with pytest.raises(ReferenceForbidden):
        permitted(f"file://{path}", [Path("/")])


@pytest.mark.parametrize("way", ["/proc/self/root", "/proc/self/cwd", "/proc/thread-self/root"])
def test_links_of_the_kernel_do_not_lead_around_the_roots(
    way: str, root: Path, make_fetcher: MakeFetcher
) -> None:
    secret = os.path.relpath(root.parent / "outside/secret.jpg", Path(way).resolve())
    with pytest.raises(ReferenceForbidden):
        make_fetcher(file_roots=(root,)).fetch(ImageRef(f"file://{way}/{secret}"))


def test_an_open_file_of_the_worker_is_not_lent(root: Path, make_fetcher: MakeFetcher) -> None:
    with (root.parent / "outside/secret.jpg").open("rb") as file:
        ref = ImageRef(f"file:///proc/self/fd/{file.fileno()}")
        with pytest.raises(ReferenceForbidden):
            make_fetcher(file_roots=(root,)).fetch(ref)


@pytest.mark.parametrize("text", OTHER_HOSTS)
def test_a_file_of_another_host_is_no_reference(text: str, make_fetcher: MakeFetcher) -> None:
    with pytest.raises(ReferenceInvalid):
        make_fetcher(file_roots=(Path("/"),)).fetch(ImageRef(text))
    with pytest.raises(ReferenceInvalid):
        permitted(text, [Path("/")])


def test_a_home_that_nobody_has_is_no_reference() -> None:
    with pytest.raises(ReferenceInvalid, match="home"):
        permitted("~nobody-has-this-name/a.jpg", [Path("/")])


# ------------------------------------------------------- changed while it is read


def become_a_link(path: Path, target: Path) -> None:
    path.rename(path.with_name(f"{path.name} before"))
    path.symlink_to(target)


def swap_the_file(root: Path) -> None:
    become_a_link(root / "folder/a.jpg", root.parent / "outside/secret.jpg")


def swap_its_folder(root: Path) -> None:
    become_a_link(root / "folder", root.parent / "outside/folder")


def swap_the_root(root: Path) -> None:
    become_a_link(root, root.parent / "outside")


def swap_for_a_pipe(root: Path) -> None:
    (root / "folder/a.jpg").unlink()
    os.mkfifo(root / "folder/a.jpg")


def swap_for_a_link_within(root: Path) -> None:
    become_a_link(root / "folder/a.jpg", root / "a.jpg")


@pytest.mark.parametrize(
    "swap",
    [swap_the_file, swap_its_folder, swap_the_root, swap_for_a_pipe, swap_for_a_link_within],
)
def test_what_becomes_a_link_after_it_was_looked_at_is_not_read(
    swap: Callable[[Path], None],
    root: Path,
    make_fetcher: MakeFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetcher = make_fetcher(file_roots=(root,))
    look = os.path.realpath

    def look_then_swap(path: Path) -> str:
        resolved = look(path)
        swap(root)
        return resolved

    with monkeypatch.context() as patch:
        patch.setattr("os.path.realpath", look_then_swap)
        with pytest.raises(ImageNotFound):
            fetcher.fetch(ImageRef(f"file://{root}/folder/a.jpg"))


# -------------------------------------------------------------- what may be read


@pytest.mark.parametrize("name", ["a.jpg", "folder/a.jpg", "within.jpg", "up/allowed/a.jpg"])
def test_links_within_a_root_may_be_followed(
    name: str, root: Path, make_fetcher: MakeFetcher
) -> None:
    assert make_fetcher(file_roots=(root,)).fetch(ImageRef(f"file://{root}/{name}")) == PICTURE


def test_a_hard_link_is_a_file_of_the_folder_that_it_is_in(
    root: Path, make_fetcher: MakeFetcher
) -> None:
    """No process can tell which name of a file was the first: docs/security.md says so."""
    (root / "hard.jpg").hardlink_to(root.parent / "outside/secret.jpg")
    assert make_fetcher(file_roots=(root,)).fetch(ImageRef(f"file://{root}/hard.jpg")) == SECRET


def test_a_root_below_a_folder_of_the_kernel_is_meant(make_fetcher: MakeFetcher) -> None:
    with pytest.raises(ImageNotFound, match="no regular file"):
        make_fetcher(file_roots=(Path("/dev"),)).fetch(ImageRef("file:///dev/zero"))


def test_a_folder_that_may_be_passed_through_but_not_listed_is_no_hindrance(
    root: Path, make_fetcher: MakeFetcher
) -> None:
    (root / "folder").chmod(0o311)
    try:
        fetcher = make_fetcher(file_roots=(root,))
        assert fetcher.fetch(ImageRef(f"file://{root}/folder/a.jpg")) == PICTURE
    finally:
        (root / "folder").chmod(0o755)
