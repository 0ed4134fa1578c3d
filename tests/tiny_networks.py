"""Tiny ONNX networks with the inputs and outputs of YOLOX, RTMDet and RTMPose.

People are upright rectangles: red ones, and red ones with blue. The networks look at the
colours in the order in which the true ones were trained, so that a mix-up finds nobody.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RED, MAGENTA = (255, 0, 0), (255, 0, 255)
# How far down a person's height each of COCO's joints is, and whether on the left (the
# image's right, for somebody who faces the camera).
DOWN = (0, 0, 0, 0, 0, 0.2, 0.2, 0.4, 0.4, 0.5, 0.5, 0.55, 0.55, 0.75, 0.75, 1, 1)
ACROSS = (0.5, *[1.0, 0.0] * 8)


class _Graph:
    """Nodes and constants under made-up names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def save(self, path: Path, shape: list[int | str], outputs: dict[str, list[int]]) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path

    def channel(self, index: int) -> str:
        """(1, H, W) of the input."""
        return self.add("Gather", "input", self.constant(index, np.int64), axis=1)

    def over(self, image: str, level: float) -> str:
        """(1, H, W) float, 1 where brighter."""
        bright = self.add("Greater", image, self.constant(level))
        return self._cast(bright)

    def _cast(self, name: str) -> str:
        return self.add("Cast", name, to=TensorProto.FLOAT)

    def ends(self, mask: str, axis: int) -> tuple[str, str]:
        """First and last index along axis 1 (y) or 2 (x) where anything is set; (1, 1) each."""
        along = self.add("ReduceMax", mask, axes=[3 - axis], keepdims=0)
        first = self.add("ArgMax", along, axis=1, keepdims=1, select_last_index=0)
        last = self.add("ArgMax", along, axis=1, keepdims=1, select_last_index=1)
        return self._cast(first), self._cast(last)

    def present(self, mask: str) -> str:
        """(1, 1): 1 if anything is set."""
        flat = self.add("ReduceMax", mask, axes=[1, 2], keepdims=0)
        return self.add("Unsqueeze", flat, self.constant([1], np.int64))


def people_finder(path: Path, side: int = 320, level: float = 200, *, fixed: bool = True) -> Path:
    """YOLOX or RTMDet as MMDeploy exports them: (1, 3, H, W) BGR -> dets (1, 2, 5).

    Args:
        level: brightness of a person; YOLOX is given 0 to 255, RTMDet normalised pixels.
    """
    graph = _Graph()
    blue, red = graph.over(graph.channel(0), level), graph.over(graph.channel(2), level)
    plain = graph.over(graph.add("Sub", red, blue), 0.5)
    rows = []
    for mask, score in ((plain, 0.8), (graph.add("Mul", red, blue), 0.9)):
        (x1, x2), (y1, y2) = graph.ends(mask, 2), graph.ends(mask, 1)
        sure = graph.add("Mul", graph.present(mask), graph.constant(score))
        row = graph.add("Concat", x1, y1, x2, y2, sure, axis=1)
        rows.append(graph.add("Unsqueeze", row, graph.constant([1], np.int64)))
    graph.add("Concat", *rows, name="dets", axis=1)
    shape: list[int | str] = [1, 3, side, side] if fixed else ["batch", 3, "height", "width"]
    return graph.save(path, shape, {"dets": [1, 2, 5]})


def plain_finder(path: Path, side: int = 64) -> Path:
    """YOLOX without suppression inside: (1, cells, 6), one sure cell of stride 32.

    It is the first of that stride, its box 48 wide and 40 high around (16, 24).
    """
    cells = sum((side // stride) ** 2 for stride in (8, 16, 32))
    answer = np.zeros((1, cells, 6), np.float32)
    answer[0, -((side // 32) ** 2)] = [0.5, 0.75, np.log(48 / 32), np.log(40 / 32), 0.9, 1.0]
    graph = _Graph()
    nothing = graph.add("Mul", graph.add("ReduceMax", "input", keepdims=0), graph.constant(0))
    graph.add("Add", graph.constant(answer), nothing, name="output")
    return graph.save(path, [1, 3, side, side], {"output": list(answer.shape)})


def joint_placer(path: Path, joints: int = 17, height: int = 256, width: int = 192) -> Path:
    """RTMPose: (1, 3, H, W) normalised RGB -> simcc_x (1, J, 2W), simcc_y (1, J, 2H).

    The joints lie over the height and width of what is red, with a confidence of 0.9; without
    anything red they are unsure.
    """
    graph = _Graph()
    mask = graph.over(graph.channel(0), 1.5)
    down, across = np.resize(DOWN, joints), np.resize(ACROSS, joints)
    if joints > len(DOWN):
        down[len(DOWN) :], across[len(DOWN) :] = 1, 0.5
    sure = graph.add("Mul", graph.present(mask), graph.constant(0.8))
    sure = graph.add("Add", sure, graph.constant(0.1))
    sure = graph.add("Unsqueeze", sure, graph.constant([2], np.int64))
    for name, axis, length, share in (("simcc_x", 2, width, across), ("simcc_y", 1, height, down)):
        first, last = graph.ends(mask, axis)
        extent = graph.add("Sub", last, first)
        offset = graph.add("Mul", extent, graph.constant(share.reshape(1, -1)))
        place = graph.add("Mul", graph.add("Add", first, offset), graph.constant(2))
        place = graph.add("Unsqueeze", place, graph.constant([2], np.int64))
        away = graph.add("Abs", graph.add("Sub", graph.constant(np.arange(2 * length)), place))
        away = graph.add("Mul", away, graph.constant(0.001))
        graph.add("Sub", sure, away, name=name)
    outputs = {"simcc_x": [1, joints, 2 * width], "simcc_y": [1, joints, 2 * height]}
    return graph.save(path, [1, 3, height, width], outputs)
