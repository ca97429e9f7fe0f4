"""Child processes: each with a log file, stopped for certain, and never outliving this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lookalike.errors import ServerNotStarted
from lookalike.local import launcher
from lookalike.local.accounts import Account

_MAX_LOG_BYTES = 10_000_000
_N_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: arguments, the whole environment, and how it is told to end.

    `stop_signal` asks it to end; `orphan_signal` reaches it from the kernel
    when this process dies without asking (Linux).
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    folder: Path | None = None


class Child:
    """One process, which can be started again after it ended.

    Start it from a thread that lives as long as it: to Linux, the parent is
    the thread.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: its status, minus a signal's number, or None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, inherited: Collection[int] = ()) -> None:
        """Run the command in a session of its own, so that a terminal's Ctrl-C passes it by.

        `inherited` are open files that it keeps.
        """
        with _opened_log(self.command.log) as log:
            self._log_offset = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                self._launched(),
                env=dict(self.command.environment),
                cwd=self.command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=tuple(inherited),
            )

    def _launched(self) -> list[str]:
        account = self.command.account
        uid, gid = (-1, -1) if account is None else (account.uid, account.gid)
        program = [sys.executable, "-I", "-S", launcher.__file__]
        numbers = (os.getpid(), self.command.orphan_signal.value, uid, gid)
        return [*program, *map(str, numbers), *self.command.arguments]

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait for a condition; raises ServerNotStarted where the process ends or time runs out."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running:
                raise ServerNotStarted(self.obituary(), value=self.exit_code)
            if time.monotonic() > deadline:
                raise ServerNotStarted(
                    f"{self.name} is not ready after {timeout_s:g} s; {self._last_words()}",
                    value=timeout_s,
                )
            time.sleep(0.01)

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for a process to end by itself; how it ended, or None where it has not."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        return self.exit_code

    def ask_to_stop(self) -> None:
        if self.is_running and self._process is not None:
            self._process.send_signal(self.command.stop_signal)

    def stop(self, *, timeout_s: float) -> None:
        """Ask it to end; kill it with all it started where it has not after `timeout_s` seconds."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def obituary(self) -> str:
        """How it ended, with the end of what it logged since its start."""
        code = self.exit_code
        if code is not None and code < 0:
            ending = f"was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            ending = f"ended with status {code}"
        return f"{self.name} {ending}; {self._last_words()}"

    def _last_words(self) -> str:
        log = self.command.log
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_offset, size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
        if not lines:
            return f"it logged nothing to {log}"
        return "\n  ".join([f"the end of {log}:", *lines[-_N_LAST_LINES:]])


def _opened_log(log: Path) -> BinaryIO:
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    return log.open("ab")


def stop_together(children: Sequence[Child], *, timeout_s: float) -> None:
    """Stop processes that do not need each other, the last one first, within one bound."""
    deadline = time.monotonic() + timeout_s
    for child in reversed(children):
        child.ask_to_stop()
    for child in reversed(children):
        child.stop(timeout_s=max(0.0, deadline - time.monotonic()))
