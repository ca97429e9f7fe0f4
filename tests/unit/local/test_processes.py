"""Child processes: their logs, their ends, and that they never outlive their parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lookalike.errors import ServerNotStarted
from lookalike.local.processes import Child, Command, stop_together

# Both say that they are ready; the second does not listen to SIGTERM.
WAITS = "import time; print('ready', flush=True); time.sleep(60)"
STAYS = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"

# A parent that starts the child and is then killed.
PARENT = f"""
import sys, time
from pathlib import Path
from lookalike.local.processes import Child, Command
child = Child(Command("child", [sys.executable, "-c", {WAITS!r}], {{}}, Path(sys.argv[1])))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def make_child(folder: Path, code: str, *, environment: Sequence[str] = ()) -> Child:
    variables = dict(pair.split("=") for pair in environment)
    command = [sys.executable, "-c", code]
    return Child(Command("child", command, variables, folder / "child.log"))


def await_ready(child: Child) -> None:
    child.wait_until(lambda: "ready" in child.command.log.read_text(), timeout_s=20)


def test_a_child_has_its_own_environment_and_log(tmp_path: Path) -> None:
    code = "import os; print(os.environ['COLOUR'])"
    child = make_child(tmp_path, code, environment=["COLOUR=green"])
    child.start()
    assert child.wait(timeout_s=20) == 0
    assert (tmp_path / "child.log").read_text() == "green\n"


def test_a_child_that_ends_too_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = make_child(tmp_path, "import sys; sys.exit('no room left')")
    child.start()
    with pytest.raises(ServerNotStarted, match=r"child ended with status 1(.|\n)*no room left"):
        child.wait_until(lambda: False, timeout_s=20)


def test_the_last_words_are_those_since_the_last_start(tmp_path: Path) -> None:
    (tmp_path / "child.log").write_text("what another run said\n")
    child = make_child(tmp_path, "")
    child.start()
    child.wait(timeout_s=20)
    assert "another run" not in child.obituary()


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    child = make_child(tmp_path, WAITS)
    child.start()
    with pytest.raises(ServerNotStarted, match="not ready after"):
        child.wait_until(lambda: False, timeout_s=0)
    child.stop(timeout_s=20)


def test_children_stop_at_their_signal(tmp_path: Path) -> None:
    child = make_child(tmp_path, WAITS)
    child.start()
    await_ready(child)
    child.stop(timeout_s=20)
    assert child.exit_code == -signal.SIGTERM


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    child = make_child(tmp_path, STAYS)
    child.start()
    await_ready(child)
    stop_together([child], timeout_s=0.1)
    assert "signal 9" in child.obituary()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_a_child_does_not_survive_a_killed_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "child.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        ended = os.pidfd_open(pid)
        parent.kill()
    try:
        assert wait_for_end(ended, timeout_s=20)
    finally:
        os.close(ended)


def wait_for_end(pidfd: int, *, timeout_s: float) -> bool:
    return bool(select.select([pidfd], [], [], timeout_s)[0])
