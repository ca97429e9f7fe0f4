"""One run: the ceilings of the device, the variants at each batch size, the best from the host."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.graphs import builder
from benchmarks.gpu.on_jax import DeviceError, Subject, ceilings, from_host, keep_programs
from benchmarks.gpu.variants import HEADER, VARIANTS, Measurement, Variant
from benchmarks.roofline import Roofline, layers_of, roofline, work_of
from lookalike.errors import EncoderExhausted
from lookalike_worker.golden import LEAST_COSINE
from lookalike_worker.graphs.rewriting import empty


class Run:
    """One run of the benchmark: what was given, what was measured so far."""

    def __init__(self, given: argparse.Namespace, device: str) -> None:
        self.given = given
        self.device = device
        self.ends = time.monotonic() + 60 * given.minutes
        self.measured: list[Measurement] = []
        names = given.variants.split(",") if given.variants else [v.name for v in VARIANTS]
        self.variants = [variant for variant in VARIANTS if variant.name in names]

    def figures(self) -> dict[str, Any]:
        """Measure everything that there is time for."""
        if self.given.cache:
            keep_programs(self.given.cache)
        self._print_roofline()
        self.subject = Subject.of(builder(self.given.encoder))
        print(HEADER)
        first, *others = self.given.batches
        for variant in self.variants:
            self._try(variant, first)
        fastest = self._fastest()
        if fastest is None:
            return {"images_per_s": None, "device": self.device}
        for batch in others:
            self._try(self._variant(fastest), batch)
        best = self._fastest() or fastest
        return self._told(best) | self._from_host(best) | self._tensorflow(best)

    def _print_roofline(self) -> None:
        sizes = {"side": 512, "n_bytes": 2**24} if self.given.allow_cpu else {}
        self.ceilings = ceilings(**{"side": 8192, "n_bytes": 2**30, **sizes}, budget_s=1.0)
        model = empty(builder(self.given.encoder))
        self.work = work_of(layers_of(model))
        self.weight_bytes = 2.0 * model.count_params()
        roof = self._roof(self.given.batches[0])
        print(
            f"{self.given.encoder}: {self.work.flops / 1e9:.1f} GFLOP and at least "
            f"{self.work.n_bytes / 1e6:.0f} MB of activations an image\n"
            f"measured: {self.ceilings.flops / 1e12:.0f} TFLOP/s of bfloat16 products, "
            f"{self.ceilings.n_bytes / 1e9:.0f} GB/s of memory\n"
            f"roofline: {roof.by_arithmetic:.0f} images/s by arithmetic, "
            f"{roof.by_traffic:.0f} by traffic"
        )

    def _roof(self, batch: int) -> Roofline:
        return roofline(self.work, self.ceilings, weight_bytes=self.weight_bytes, batch_size=batch)

    def _try(self, variant: Variant, batch: int) -> None:
        if time.monotonic() > self.ends:
            print(f"{variant.name:28} {batch:5} not begun: the time is up")
            return
        try:
            found = self.subject.measure(variant, batch, self.given.seconds)
        except (EncoderExhausted, DeviceError) as error:
            print(f"{variant.name:28} {batch:5} {str(error).splitlines()[0][:200]}")
            return
        self.measured.append(found)
        print(found.line(self._roof(batch).images_per_s), flush=True)

    def _fastest(self) -> Measurement | None:
        faithful = [one for one in self.measured if one.min_cosine >= LEAST_COSINE]
        return max(faithful, key=lambda one: one.images_per_s, default=None)

    def _variant(self, measured: Measurement) -> Variant:
        return next(variant for variant in self.variants if variant.name == measured.variant)

    def _told(self, best: Measurement) -> dict[str, Any]:
        roof = self._roof(best.batch)
        return {
            "images_per_s": round(best.images_per_s, 1),
            "batch": best.batch,
            "variant": best.variant,
            "min_cosine": round(best.min_cosine, 6),
            "device": self.device,
            "share_of_roofline": round(best.images_per_s / roof.images_per_s, 3),
            "share_of_arithmetic": round(best.images_per_s / roof.by_arithmetic, 3),
            "device_mib": round(best.device_mib),
            "xla_gflop_an_image": round(best.xla_flops / best.batch / 1e9, 1),
            "xla_mb_an_image": round(best.xla_bytes / best.batch / 1e6),
            "peak_tflop_per_s": round(self.ceilings.flops / 1e12, 1),
            "peak_gb_per_s": round(self.ceilings.n_bytes / 1e9),
        }

    def _from_host(self, best: Measurement) -> dict[str, Any]:
        if time.monotonic() > self.ends:
            return {}
        found = from_host(self.subject, self._variant(best), best.batch, self.given.seconds)
        for way, images_per_s in found.items():
            print(f"from the host, {way}: {images_per_s:.1f} images/s")
        return {
            "images_per_s_from_host": round(found["float32"], 1),
            "images_per_s_from_host_uint8": round(found["uint8 overlapped"], 1),
        }

    def _tensorflow(self, best: Measurement) -> dict[str, Any]:
        if self.given.allow_cpu or not find_spec("tensorflow") or time.monotonic() > self.ends:
            return {}
        subject = self.subject
        arrays: dict[str, Any] = {f"weight_{i}": w for i, w in enumerate(subject.weights)}
        arrays |= {"images": subject.images, "reference": subject.reference}
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            np.savez(file, **arrays)
            file.flush()
            told = _last_line(file.name, best.batch, self.given.seconds, self.given.encoder)
        if "skipped" in told:
            print(f"TensorFlow: {told['skipped']}")
            return {}
        found = Measurement(**told)
        print(found.line(self._roof(found.batch).images_per_s))
        return {"tensorflow_images_per_s": round(found.images_per_s, 1)}


def _last_line(*arguments: object) -> dict[str, Any]:
    """What TensorFlow's process says at its end."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.on_tensorflow", *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"skipped": f"its process ended with status {done.returncode}"}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
