"""The last dense layer of a frozen TensorFlow graph, and the graph before it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike_worker.quiet_tensorflow import tf

# What may stand between the layer and the output without changing the order of the classes.
_PASSED = frozenset("Identity Squeeze Reshape Cast StopGradient PreventGradient NoOp".split())
_SUMS = frozenset("Add AddV2 BiasAdd".split())


@dataclass(frozen=True, slots=True)
class FinalLayer:
    """A kernel (dimensions, classes), a bias (classes,), and what comes before them.

    `graph` is a GraphDef in which variables are placeholders, `features` the
    tensor in it that the layer is applied to, `variables` the placeholders'
    names. `is_softmax` says whether the graph gave probabilities.
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    graph: Any
    features: str
    variables: Set[str]
    is_softmax: bool


def find_final_layer(graph: Any, output: str, variables: Set[str]) -> FinalLayer:
    """Find it in a GraphDef from the node `output` backwards.

    `variables` are the names of constants that were variables. Raises
    ValueError, saying which operation is in the way.
    """
    return _Search(graph, {node.name: node for node in graph.node}, variables).from_output(output)


@dataclass(frozen=True, slots=True)
class _Search:
    graph: Any
    nodes: Mapping[str, Any]
    variables: Set[str]

    def from_output(self, output: str) -> FinalLayer:
        node, bias, is_softmax = self.nodes[output], None, False
        while node.op not in ("MatMul", "Conv2D"):
            if node.op == "Softmax" and bias is None:
                is_softmax = True
            elif node.op in _SUMS and bias is None:
                node, bias = self._added(node)
                continue
            elif node.op not in _PASSED:
                raise ValueError(f"its last layer is no dense one: {node.name} is a {node.op}")
            node = self._input(node, 0)
        kernel = self._kernel(node)
        zeros = np.zeros(kernel.shape[1], np.float32)
        offsets = zeros if bias is None else bias.reshape(-1).astype(np.float32)
        if len(offsets) != len(zeros):
            raise ValueError(f"a kernel of {kernel.shape} meets a bias of {len(offsets)}")
        features = node.input[0]
        needed = self._needed(_name(features))
        tensor = features if ":" in features else f"{features}:0"
        graph = self._before(needed)
        return FinalLayer(kernel, offsets, graph, tensor, self.variables & needed, is_softmax)

    def _added(self, node: Any) -> tuple[Any, npt.NDArray[np.generic]]:
        """What a constant is added to, and the constant."""
        for index in (1, 0):
            constant = self._constant(self._input(node, index))
            if constant is not None:
                return self._input(node, 1 - index), constant
        raise ValueError(f"its last layer is no dense one: {node.name} adds two results")

    def _kernel(self, node: Any) -> npt.NDArray[np.float32]:
        kernel = self._constant(self._input(node, 1))
        if kernel is None or node.attr["transpose_a"].b:
            raise ValueError(f"the kernel of {node.name} is no weight")
        if node.op == "Conv2D":
            if kernel.shape[:2] != (1, 1):
                raise ValueError(f"its last layer is a convolution of {kernel.shape[:2]}")
            kernel = kernel[0, 0]
        if node.attr["transpose_b"].b:
            kernel = kernel.T
        return np.ascontiguousarray(kernel, np.float32)

    def _constant(self, node: Any) -> npt.NDArray[np.generic] | None:
        if node.op == "Identity":
            return self._constant(self._input(node, 0))
        if node.op == "Squeeze":
            value = self._constant(self._input(node, 0))
            return None if value is None else value.squeeze()
        if node.op == "Reshape":
            value, shape = (self._constant(self._input(node, index)) for index in (0, 1))
            return None if value is None or shape is None else value.reshape(shape.tolist())
        if node.op != "Const":
            return None
        constant: npt.NDArray[np.generic] = tf.make_ndarray(node.attr["value"].tensor)
        return constant

    def _input(self, node: Any, index: int) -> Any:
        return self.nodes[_name(node.input[index])]

    def _needed(self, name: str) -> set[str]:
        """The node `name` and all that it depends on."""
        needed, ahead = {name}, [name]
        while ahead:
            inputs = {_name(one) for one in _data(self.nodes[ahead.pop()])} - needed
            needed |= inputs
            ahead.extend(inputs)
        return needed

    def _before(self, needed: Set[str]) -> Any:
        """A graph of these nodes, with placeholders for variables."""
        before = type(self.graph)(versions=self.graph.versions, library=self.graph.library)
        for node in (node for node in self.graph.node if node.name in needed):
            copy = before.node.add()
            copy.CopyFrom(_placeholder(node) if node.name in self.variables else node)
            # What only has to come first are reads of variables, the head's among them.
            copy.input[:] = _data(node)
        return before


def _placeholder(constant: Any) -> Any:
    node = type(constant)(name=constant.name, op="Placeholder")
    node.attr["dtype"].CopyFrom(constant.attr["dtype"])
    node.attr["shape"].shape.CopyFrom(constant.attr["value"].tensor.tensor_shape)
    return node


def _data(node: Any) -> list[str]:
    """A node's inputs without those that only have to come first, `^node`."""
    return [one for one in node.input if not one.startswith("^")]


def _name(tensor: str) -> str:
    """The node of an input: `node` or `node:1`."""
    return tensor.partition(":")[0]
