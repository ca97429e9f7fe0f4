from __future__ import annotations

import pytest

from lookalike.errors import InvalidSetting
from lookalike_worker.runtimes.choose import Choice, choose
from lookalike_worker.runtimes.machine import Machine

ALL = frozenset({"openvino", "tensorflow", "jax"})


def machine(
    packages: frozenset[str] = ALL, flags: str = "avx2 avx512_bf16", **gpus: str
) -> Machine:
    flag_set = frozenset(flags.split())
    return Machine("a processor", flag_set, 2, packages, has_gpu_driver=bool(gpus), gpus=gpus)


def chosen(machine: Machine, **asked: str) -> Choice:
    return choose(machine, architecture="nasnet_large", **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "runtime"),
    [
        (machine(), "openvino"),
        (machine(frozenset({"tensorflow"})), "tensorflow"),
        (machine(frozenset({"jax"})), "jax"),
        (machine(tensorflow="H100"), "tensorflow"),
        (machine(jax="H100"), "jax"),
        (machine(tensorflow="H100", jax="H100"), "tensorflow"),
    ],
)
def test_the_fastest_that_is_there_is_chosen(there: Machine, runtime: str) -> None:
    assert chosen(there).runtime == runtime


def test_jax_is_not_chosen_for_a_graph_that_keras_cannot_build() -> None:
    assert choose(machine(jax="H100"), architecture="").runtime == "openvino"


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("avx512_bf16", "bf16"), ("amx_bf16 amx_tile", "bf16"), ("avx2 avx512f", "fp32")],
)
def test_bf16_is_chosen_where_the_processor_has_it(flags: str, precision: str) -> None:
    assert chosen(machine(flags=flags)).precision == precision


def test_what_is_asked_for_is_taken_and_said() -> None:
    choice = chosen(machine(), runtime="tensorflow", precision="fp32")
    assert (choice.runtime, choice.precision) == ("tensorflow", "fp32")
    assert "LOOKALIKE_RUNTIME" in choice.reason
    assert "LOOKALIKE_PRECISION" in choice.reason


def test_the_reason_names_what_would_be_faster() -> None:
    assert "lookalike[openvino]" in chosen(machine(frozenset({"tensorflow"}))).reason


def test_a_driver_that_nobody_can_use_is_said() -> None:
    unused = Machine("a processor", frozenset(), 2, ALL, has_gpu_driver=True)
    assert "no installed runtime can use the GPU" in chosen(unused).reason


def test_a_runtime_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(InvalidSetting, match=r"jax is not installed.*lookalike\[jax\]"):
        chosen(machine(frozenset({"tensorflow"})), runtime="jax")


def test_no_runtime_at_all_says_what_to_install() -> None:
    with pytest.raises(InvalidSetting, match=r"lookalike\[worker,openvino\]"):
        chosen(machine(frozenset()))
