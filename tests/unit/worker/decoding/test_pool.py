"""Decoder processes are real ones here, and so are the signals that end them."""

from __future__ import annotations

import array
import fcntl
import os
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGSTOP, SIGTERM, Signals

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import DecoderUnavailable, ImageTooLarge, ImageUnreadable, Rejected
from lookalike.jobs import Lane
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.decoding.decoders import Decoders
from lookalike_worker.decoding.picture import decode_image
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.wire import Limits
from tests.unit.worker.corpus import corpus, encoded, picture

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]

LIMITS = Limits.of(max_pixels=50_000_000)
PNG = encoded(picture(), "PNG")
SIZE = 48


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    """One process, ready."""
    with DecoderPool(LIMITS, n_processes=1) as made:
        made.start()
        made.wait_until_ready()
        yield made


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ends_with_a_picture_in_hand(
    pool: DecoderPool, thread: ThreadPoolExecutor, number: Signals
) -> Future[Decoded]:
    """Have the pool decode a picture, and end the process that has it."""
    (pid,) = pool.pids
    os.kill(pid, SIGSTOP)
    # One that has not noticed yet would take the request with it into its sleep.
    until(lambda: state(pid) == "T")
    result = thread.submit(pool.decode, PNG, size=SIZE)
    until(lambda: n_waiting(pid) > 0)
    os.kill(pid, number)
    os.kill(pid, SIGKILL if number is SIGKILL else Signals.SIGCONT)
    return result


def answer(decode: Callable[[bytes], Decoded], data: bytes) -> tuple[object, ...]:
    """What becomes of a picture: pixels and thumbnail, or the error's name, message and value."""
    try:
        decoded = decode(data)
    except Rejected as error:
        return error.reason, str(error), isinstance(error.value, int) and error.value
    return decoded.pixels.tobytes(), decoded.thumbnail


def n_waiting(pid: int) -> int:
    """How many bytes of requests a process has not read yet."""
    n = array.array("i", [0])
    with Path(f"/proc/{pid}/fd/0").open("rb", buffering=0) as requests:
        fcntl.ioctl(requests, termios.FIONREAD, n)
    return n[0]


def is_alive(pid: int) -> bool:
    try:
        return state(pid) != "Z"
    except OSError:
        return False


def state(pid: int) -> str:
    """Its letter in proc(5): "T" is stopped, "Z" a zombie."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_every_case_ends_as_in_one_process(pool: DecoderPool) -> None:
    for case in corpus():
        found = answer(lambda data: pool.decode(data, size=SIZE, thumbnail_px=64), case.data)
        expected = answer(
            lambda data: decode_image(data, size=SIZE, max_pixels=50_000_000, thumbnail_px=64),
            case.data,
        )
        assert found == expected, case.name
    assert pool.n_lost == 0


def test_many_threads_share_the_processes(pool: DecoderPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: pool.decode(PNG, size=SIZE), range(80)))
    assert all(np.array_equal(answer.pixels, answers[0].pixels) for answer in answers)
    assert len(pool.pids) == 1


def test_pixels_belong_to_the_caller(pool: DecoderPool) -> None:
    first = pool.decode(PNG, size=SIZE).pixels
    kept = first.copy()
    pool.decode(encoded(Image.new("RGB", (9, 9), "black"), "PNG"), size=SIZE)
    np.testing.assert_array_equal(first, kept)
    assert first.flags.writeable
    assert first.flags.c_contiguous


def test_a_picture_that_kills_a_fresh_decoder_is_refused_and_no_other(
    pool: DecoderPool, thread: ThreadPoolExecutor
) -> None:
    answer = ends_with_a_picture_in_hand(pool, thread, SIGSEGV)
    with pytest.raises(ImageUnreadable, match="SIGSEGV"):
        answer.result()
    assert pool.decode(PNG, size=SIZE).pixels.shape == (SIZE, SIZE, 3)
    assert pool.n_lost == 1


def test_a_picture_is_not_blamed_for_what_an_earlier_one_did(
    pool: DecoderPool, thread: ThreadPoolExecutor
) -> None:
    expected = pool.decode(PNG, size=SIZE).pixels
    answer = ends_with_a_picture_in_hand(pool, thread, SIGSEGV)
    np.testing.assert_array_equal(answer.result().pixels, expected)
    assert pool.n_lost == 1


def test_nor_for_a_decoder_that_was_killed_from_outside(
    pool: DecoderPool, thread: ThreadPoolExecutor
) -> None:
    answer = ends_with_a_picture_in_hand(pool, thread, SIGKILL)
    assert answer.result().pixels.shape == (SIZE, SIZE, 3)


def test_a_decoder_that_died_while_idle_is_replaced_unseen(pool: DecoderPool) -> None:
    (pid,) = pool.pids
    os.kill(pid, SIGKILL)
    until(lambda: not is_alive(pid))
    assert pool.decode(PNG, size=SIZE).pixels.shape == (SIZE, SIZE, 3)


def test_the_signals_that_end_a_worker_leave_its_decoders_alone(pool: DecoderPool) -> None:
    (pid,) = pool.pids
    for number in (SIGTERM, SIGINT, SIGHUP):
        os.kill(pid, number)
    pool.decode(PNG, size=SIZE)
    assert pool.pids == [pid]


def test_a_decoder_has_few_rights_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", "postgresql://user:secret@host/db")
    with (tmp_path / "open").open("w") as file, DecoderPool(LIMITS, n_processes=1) as pool:
        os.set_inheritable(file.fileno(), True)
        pool.start()
        pool.wait_until_ready()
        process = Path(f"/proc/{pool.pids[0]}")
        assert b"secret" not in (process / "environ").read_bytes()
        files = {str(one.readlink()) for one in (process / "fd").iterdir()}
        assert not any(str(tmp_path) in one for one in files)
        limits = (process / "limits").read_text()
        assert "Max core file size        0 " in limits
        assert f"Max address space         {LIMITS.memory_bytes} " in limits


def test_what_takes_more_memory_than_allowed_is_too_large() -> None:
    limits = Limits(50_000_000, cpu_s=20, wall_s=60, memory_bytes=250_000_000)
    large = encoded(Image.new("RGBA", (6000, 6000)), "PNG", compress_level=1)
    with DecoderPool(limits, n_processes=1) as pool:
        pool.decode(PNG, size=SIZE)
        with pytest.raises(ImageTooLarge, match="250 MB of memory"):
            pool.decode(large, size=SIZE)
        pool.decode(PNG, size=SIZE)
        # The first was not fresh.
        assert pool.n_lost == 2


def test_decoders_end_with_a_worker_that_is_killed() -> None:
    program = (
        "import sys, time; from lookalike_worker.decoding.pool import DecoderPool; "
        "from lookalike_worker.decoding.wire import Limits; "
        "pool = DecoderPool(Limits.of(max_pixels=10**6), n_processes=2); pool.start(); "
        "pool.wait_until_ready(); print(*pool.pids, flush=True); time.sleep(600)"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    pids = [int(pid) for pid in worker.stdout.readline().split()]
    assert len(pids) == 2
    worker.kill()
    worker.communicate()
    until(lambda: not any(map(is_alive, pids)))


def test_closing_ends_all_processes(pool: DecoderPool) -> None:
    pids = pool.pids
    pool.close()
    assert not any(map(is_alive, pids))


def test_a_machine_that_cannot_start_decoders_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(DecoderUnavailable):
        DecoderPool(LIMITS, n_processes=1).start()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DecoderUnavailable, match="exit status 1"):
        DecoderPool(LIMITS, n_processes=1).decode(PNG, size=SIZE)


def test_queries_have_their_own_decoder_and_no_thumbnail() -> None:
    decoders = Decoders(LIMITS, n_processes=1, thumbnail_px=32)
    decoders.start()
    decoders.wait_until_ready()
    query = decoders.decode(PNG, Lane.INTERACTIVE, size=SIZE)
    bulk = decoders.decode(PNG, Lane.BULK, size=SIZE)
    decoders.close()
    np.testing.assert_array_equal(query.pixels, bulk.pixels)
    assert query.thumbnail is None
    assert bulk.thumbnail
