"""Becomes another program, which the kernel signals as soon as its parent dies.

Run by path: `python -I -S launcher.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…`;
a negative UID keeps the account. This is a program of its own and not a
`preexec_fn`, because that would run Python between fork and exec, where a
lock that another thread held stays locked for ever. It costs 12 ms and leaves
no process behind. Outside Linux the program simply outlives a killed parent.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Drop to the account, tie this process to its parent, become the program."""
    parent, number, uid, gid = map(int, arguments[:4])
    # Loaded as root: the account may be unable to read Python's own library.
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of account, which would clear it.
        if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        # The parent may have died before the line above.
        if os.getppid() != parent:
            sys.exit(f"the parent, process {parent}, is gone")
    os.execv(arguments[4], arguments[4:])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
