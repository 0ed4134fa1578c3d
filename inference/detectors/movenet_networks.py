"""MoveNet's networks on LiteRT: one that finds people, one that places a person's joints.

Source: model cards of MoveNet MultiPose and SinglePose (input and output layout), Google,
Apache-2.0.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from poselift.data.errors import MissingDependency
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.crops import Square
from poselift.inference.detectors.followed import Pose
from poselift.models.registry import CheckpointFile

INSTALL = "pip install ai-edge-litert"
STRIDE = 32  # sides of MultiPose's input are multiples of this


class MultiPose:
    """Up to six people in a picture, at any size that is asked for."""

    def __init__(self, weights: CheckpointFile) -> None:
        """Raises: MissingDependency."""
        self._interpreter = _opened(weights)
        self._shape: tuple[int, ...] = ()

    def look(self, image: np.ndarray, side: int) -> FrameDetections:
        """Letterbox (H, W, 3) so that its longer side is `side`; six answers in its pixels."""
        height, width = image.shape[:2]
        scale = side / max(height, width)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        canvas_width, canvas_height = (-(-length // STRIDE) * STRIDE for length in inner)
        canvas = np.zeros((1, canvas_height, canvas_width, 3), np.uint8)
        shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[0, : inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=shrinking)
        answer = self._run(canvas)
        # Relative to the canvas -> pixels of the image.
        unit = np.array([canvas_width * width / inner[0], canvas_height * height / inner[1]])
        joints = answer[:, :51].reshape(-1, 17, 3)
        boxes = answer[:, [52, 51, 54, 53]] * np.tile(unit, 2)
        order = np.argsort(-answer[:, 55], kind="stable")
        return FrameDetections(
            boxes.astype(np.float32),
            answer[:, 55],
            (joints[..., 1::-1] * unit).astype(np.float32),
            joints[..., 2],
        ).select(order)

    def _run(self, canvas: np.ndarray) -> np.ndarray:
        """(1, H, W, 3) uint8 -> (6, 56) float32."""
        interpreter = self._interpreter
        if canvas.shape != self._shape:
            interpreter.resize_tensor_input(
                interpreter.get_input_details()[0]["index"], canvas.shape
            )
            interpreter.allocate_tensors()
            self._shape = canvas.shape
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], canvas)
        interpreter.invoke()
        answer: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        return answer[0].copy()


class SinglePose:
    """The joints of one person, in the person's square.

    Args:
        margin: see Square.around.
    """

    def __init__(self, weights: CheckpointFile, margin: float) -> None:
        """Raises: MissingDependency."""
        self._interpreter, self._margin = _opened(weights), margin
        self._interpreter.allocate_tensors()
        (taken,) = self._interpreter.get_input_details()
        (given,) = self._interpreter.get_output_details()
        self._input, self._output = taken["index"], given["index"]
        self._side, self._kind = int(taken["shape"][1]), taken["dtype"]

    def place(self, image: np.ndarray, near: Pose) -> Pose | None:
        """The pose of the person who is about there; None: that is outside the picture."""
        cut = Square.around(near.xy, near.confidence, self._margin).cut(image, self._side)
        if cut is None:
            return None
        crop, to_image = cut
        self._interpreter.set_tensor(self._input, crop[None].astype(self._kind))
        self._interpreter.invoke()
        joints = self._interpreter.get_tensor(self._output)[0, 0]
        xy = self._side * joints[:, 1::-1] @ to_image[:, :2].T + to_image[:, 2]
        return Pose(xy.astype(np.float32), joints[:, 2].clip(0, 1))


def _opened(weights: CheckpointFile) -> Any:
    """LiteRT's interpreter, on one thread: several at work use the cores better."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingDependency(f"detector movenet needs ai-edge-litert: {INSTALL}") from error
    return Interpreter(model_content=weights.path.read_bytes(), num_threads=1)
