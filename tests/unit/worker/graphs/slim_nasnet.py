"""NASNet-A by TF-Slim's building rules, in plain TensorFlow: what the tests hold ours to.

Written from nets/nasnet/nasnet.py and nasnet_utils.py of tensorflow/models
(research/slim), not from our mapping: scopes, variables and arithmetic follow
slim's walk. A variable that is asked for is made, so a walk also gives their list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lookalike_worker.quiet_tensorflow import tf

Make = Callable[[str, tuple[int, ...]], Any]

# Operations, inputs and outputs of a cell as slim lists them: 0 is the input, 1 the one before.
NORMAL = (
    "sep5 sep3 sep5 sep3 avg none avg avg sep3 none".split(),
    [0, 1, 1, 1, 0, 1, 1, 1, 0, 0],
    [1, 2, 3, 4, 5, 6],
)
REDUCTION = (
    "sep5 sep7 max sep7 avg sep5 none avg sep3 max".split(),
    [0, 1, 0, 1, 0, 1, 3, 2, 2, 0],
    [3, 4, 5, 6],
)


@dataclass
class SlimNasnet:
    """`make(name, shape)` gives a variable; `aux` builds the head that only training needs."""

    make: Make
    n_cells: int = 18
    filters: int = 168
    stem_filters: int = 96
    n_classes: int = 1001
    aux: bool = False
    scopes: list[str] = field(default_factory=list)

    def features(self, images: Any) -> Any:
        """Pooled features, (n, dimensions), of images in [-1, 1], as in evaluation."""
        net = self.conv(images, self.stem_filters, 3, "conv0", stride=2, padding="VALID")
        net = self.batch_norm(net, "conv0_bn")
        outputs = [None, net]
        for number, share in enumerate((4, 2)):
            net = self.cell(net, outputs[-2], f"cell_stem_{number}", self.filters // share, 2)
            outputs.append(net)
        reductions = [int(k / 3 * self.n_cells) for k in (1, 2)]
        filters = self.filters
        for number in range(self.n_cells):
            before = outputs[-2]
            if number in reductions:
                filters *= 2
                name = f"reduction_cell_{reductions.index(number)}"
                net = self.cell(net, outputs[-2], name, filters, 2)
                outputs.append(net)
            net = self.cell(net, before, f"cell_{number}", filters, 1)
            if self.aux and number == reductions[1] - 1:
                self.aux_head(tf.nn.relu(net), f"aux_{number}")
            outputs.append(net)
        pooled = tf.reduce_mean(tf.nn.relu(net), [1, 2])
        with self.scope("final_layer"):
            self.dense(pooled)
        return pooled

    def aux_head(self, net: Any, name: str) -> None:
        with self.scope(f"{name}/aux_logits"):
            net = tf.nn.avg_pool2d(net, 5, 3, "VALID")
            net = tf.nn.relu(self.batch_norm(self.conv(net, 128, 1, "proj"), "aux_bn0"))
            net = self.conv(net, 768, net.shape[1], "Conv", padding="VALID")
            net = tf.nn.relu(self.batch_norm(net, "aux_bn1"))
            self.dense(tf.reshape(net, (-1, 768)))

    def cell(self, net: Any, before: Any, name: str, filters: int, stride: int) -> Any:
        operations, inputs, outputs = REDUCTION if stride == 2 else NORMAL
        with self.scope(name):
            before = self.fitted(before, net, filters)
            net = self.batch_norm(self.conv(tf.nn.relu(net), filters, 1, "1x1"), "beginning_bn")
            states = [net, before]
            for pair in range(5):
                halves = []
                for side, place in (("left", 2 * pair), ("right", 2 * pair + 1)):
                    with self.scope(f"comb_iter_{pair}/{side}"):
                        state = inputs[place]
                        step = stride if state < 2 else 1
                        operation = operations[place]
                        halves.append(self.operation(states[state], operation, filters, step))
                states.append(halves[0] + halves[1])
            return tf.concat([states[index] for index in outputs], 3)

    def fitted(self, before: Any, net: Any, filters: int) -> Any:
        if before is None:
            return net
        if before.shape[2] != net.shape[2]:
            before = tf.nn.relu(before)
            shifted = tf.pad(before, [[0, 0], [0, 1], [0, 1], [0, 0]])[:, 1:, 1:]
            paths = [
                self.conv(path[:, ::2, ::2], filters // 2, 1, f"path{number}_conv")
                for number, path in ((1, before), (2, shifted))
            ]
            return self.batch_norm(tf.concat(paths, 3), "final_path_bn")
        if before.shape[3] != filters:
            return self.batch_norm(self.conv(tf.nn.relu(before), filters, 1, "prev_1x1"), "prev_bn")
        return before

    def operation(self, net: Any, operation: str, filters: int, stride: int) -> Any:
        if operation == "none":
            return net
        if operation == "avg":
            return tf.nn.avg_pool2d(net, 3, stride, "SAME")
        if operation == "max":
            return tf.nn.max_pool2d(net, 3, stride, "SAME")
        size = int(operation.removeprefix("sep"))
        for layer in (1, 2):
            net = self.separable(tf.nn.relu(net), filters, size, layer, stride)
            net = self.batch_norm(net, f"bn_sep_{size}x{size}_{layer}")
            stride = 1
        return net

    def separable(self, net: Any, filters: int, size: int, layer: int, stride: int) -> Any:
        name = f"separable_{size}x{size}_{layer}"
        channels = net.shape[3]
        depthwise = self.variable(f"{name}/depthwise_weights", (size, size, channels, 1))
        pointwise = self.variable(f"{name}/pointwise_weights", (1, 1, channels, filters))
        steps = [1, stride, stride, 1]
        return tf.nn.separable_conv2d(net, depthwise, pointwise, steps, "SAME")

    def conv(
        self, net: Any, filters: int, size: int, name: str, stride: int = 1, padding: str = "SAME"
    ) -> Any:
        kernel = self.variable(f"{name}/weights", (size, size, net.shape[3], filters))
        return tf.nn.conv2d(net, kernel, stride, padding)

    def batch_norm(self, net: Any, name: str) -> Any:
        parts = ("moving_mean", "moving_variance", "beta", "gamma")
        mean, variance, beta, gamma = (
            self.variable(f"{name}/{part}", (net.shape[3],)) for part in parts
        )
        return tf.nn.batch_normalization(net, mean, variance, beta, gamma, 0.001)

    def dense(self, net: Any) -> Any:
        kernel = self.variable("FC/weights", (net.shape[1], self.n_classes))
        return net @ kernel + self.variable("FC/biases", (self.n_classes,))

    def variable(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.make("/".join([*self.scopes, name]), tuple(int(side) for side in shape))

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        self.scopes.append(name)
        yield
        self.scopes.pop()


def variable_shapes(size: int, **options: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all variables, auxiliary head included; nothing is calculated."""
    shapes: dict[str, tuple[int, ...]] = {}

    def make(name: str, shape: tuple[int, ...]) -> Any:
        shapes[name] = shape
        return tf.zeros(shape)

    net = SlimNasnet(make, aux=True, **options)
    walk = tf.function(net.features, autograph=False)
    walk.get_concrete_function(tf.TensorSpec((1, size, size, 3)))
    return shapes
