"""What the machine has that an encoder could use."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_NVIDIA_DRIVER = (Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))

RUNTIME_PACKAGES = ("openvino", "tensorflow", "jax")


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about a machine; nothing here imports a runtime.

    `gpus` maps the packages that can use a GPU here to its name; it is filled
    by asking them, and only where a driver is loaded.
    """

    processor: str
    cpu_flags: frozenset[str]
    n_cores: int
    packages: frozenset[str]
    has_gpu_driver: bool = False
    gpus: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_fast_bf16(self) -> bool:
        """Whether the processor multiplies bfloat16 itself; emulated, it is slower than float32."""
        return not self.cpu_flags.isdisjoint({"amx_bf16", "avx512_bf16"})


def this_machine() -> Machine:
    """Look at the machine and at what is installed, in milliseconds."""
    processor, flags = _processor()
    return Machine(
        processor,
        flags,
        usable_cores(),
        frozenset(name for name in RUNTIME_PACKAGES if find_spec(name)),
        has_gpu_driver=any(path.exists() for path in _NVIDIA_DRIVER),
    )


def usable_cores(quota: Path = _CPU_QUOTA) -> int:
    """The cores that this process may use: its affinity, and its container's quota if less.

    A library that counts the host's cores starts a thread for each, and they
    take turns on the few that the container was given.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    n_cores = len(os.sched_getaffinity(0))
    try:
        share, _, period = quota.read_text().partition(" ")
        return (
            n_cores if share == "max" else max(1, min(n_cores, math.ceil(int(share) / int(period))))
        )
    except (OSError, ValueError):
        return n_cores


def resident_bytes() -> int:
    """The physical memory that this process holds now; 0 where the system does not say."""
    try:
        n_pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return n_pages * os.sysconf("SC_PAGE_SIZE")


def _processor() -> tuple[str, frozenset[str]]:
    """The processor's name and its instruction set extensions, as Linux lists them."""
    try:
        lines = _CPU_INFO.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    name = found.get("model name") or platform.machine()
    return name, frozenset((found.get("flags") or found.get("Features") or "").split())
