"""MoveNet MultiPose Lightning on LiteRT: up to six people, no GPU, no download.

A frame is looked at twice. The first look is the whole frame, small; it finds people.
The second look is each person's own cut-out, where the same network sees the person at
a higher resolution; it places the keypoints. Sizes were chosen by benchmarks/detector.py.

Source: MoveNet MultiPose model card (input and output layout), Google, Apache-2.0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from poselift.data.errors import MissingDependency
from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.similarity import best_first, keypoint_similarity, one_each
from poselift.models.registry import checkpoint_file

WEIGHTS = "movenet_multipose_lightning_f16.tflite"
STRIDE = 32  # sides of the network's input are multiples of this
SMALLEST = 8  # pixels of a cut-out's shorter side
# What the second look shows is the person of the first if it lies alike and is not much
# less sure.
SAME_PLACE, SURE_ENOUGH = 0.4, 0.8


@dataclass(frozen=True)
class MoveNetSettings:
    """What shapes MoveNet's result.

    Args:
        frame_side, person_side: longer side of the first and second look's input,
            pixels; person_side 0 leaves the second look out.
        min_score: weaker detections are not people.
        same_person: two detections that overlap more (see keypoint_similarity) are one.
        margin: the cut-out's side against the person's.
    """

    frame_side: int = 384
    person_side: int = 256
    min_score: float = 0.1
    same_person: float = 0.6
    margin: float = 1.25


class MoveNet:
    """See Detector. One instance serves one thread."""

    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    install: ClassVar[str] = "pip install ai-edge-litert"
    layout = COCO17

    @classmethod
    def make(cls, choice: DetectorChoice) -> MoveNet:
        """See BackEnd.make."""
        choice.check_only()
        return cls()

    @classmethod
    def devices(cls) -> list[str]:
        """See BackEnd.devices."""
        return ["cpu"]

    @classmethod
    def known_weights(cls) -> dict[str, tuple[Path | None, str]]:
        """See BackEnd.known_weights. Raises: FormatError: the shipped file is altered."""
        return {"": (checkpoint_file(WEIGHTS).path, "")}

    def __init__(self, settings: MoveNetSettings | None = None, threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingDependency(
                f"detector movenet needs ai-edge-litert: {self.install}"
            ) from error
        self._chosen = settings or MoveNetSettings()
        weights = checkpoint_file(WEIGHTS)
        self.settings: dict[str, Any] = {
            "detector": "movenet",
            "weights": weights.sha256,
            **asdict(self._chosen),
        }
        model = weights.path.read_bytes()
        self._first = _Network(Interpreter(model_content=model, num_threads=threads))
        self._second = _Network(Interpreter(model_content=model, num_threads=threads))

    def detect(self, image: np.ndarray) -> FrameDetections:
        """See Detector.detect."""
        chosen = self._chosen
        found = self._first.look(image, chosen.frame_side)
        found = one_each(found.select(found.scores >= chosen.min_score), chosen.same_person)
        if chosen.person_side:
            found = one_each(self._look_again(image, found), chosen.same_person)
        return found

    def _look_again(self, image: np.ndarray, people: FrameDetections) -> FrameDetections:
        """Everybody as seen in a cut-out of their own, where that shows the same person."""
        seen = people.select(np.arange(len(people)))
        for i in range(len(people)):
            left, top, right, bottom = _cut_out(people, i, image, self._chosen.margin)
            if min(right - left, bottom - top) < SMALLEST:
                continue
            closer = self._second.look(image[top:bottom, left:right], self._chosen.person_side)
            corner = np.array([left, top], np.float32)
            poses = closer.keypoints + corner
            alike = np.array([keypoint_similarity(people.keypoints[i], pose) for pose in poses])
            sure = closer.confidence.mean(1) / max(people.confidence[i].mean(), 1e-6)
            fitting = np.where((alike > SAME_PLACE) & (sure > SURE_ENOUGH), alike * sure, 0)
            best = int(np.argmax(fitting))
            if fitting[best] > 0:
                seen.keypoints[i], seen.confidence[i] = poses[best], closer.confidence[best]
                seen.boxes[i] = closer.boxes[best] + np.tile(corner, 2)
                seen.scores[i] = max(people.scores[i], closer.scores[best])
        return best_first(seen)


class _Network:
    """The interpreter, resized only when the input's shape changes."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._shape: tuple[int, ...] = ()

    def look(self, image: np.ndarray, side: int) -> FrameDetections:
        """Letterbox (H, W, 3) so that its longer side is `side`; answer in its pixels."""
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


def _cut_out(
    people: FrameDetections, i: int, image: np.ndarray, margin: float
) -> tuple[int, int, int, int]:
    """x1 y1 x2 y2 of a near-square around the person, within the image."""
    certain = people.confidence[i] > 0.2
    points = people.keypoints[i][certain] if certain.sum() > 3 else people.keypoints[i]
    corners = np.concatenate([points, people.boxes[i].reshape(2, 2)])
    low, high = corners.min(0), corners.max(0)
    middle, half = (low + high) / 2, (high - low) / 2 * margin
    half = np.maximum(half, 0.6 * half.max())
    limit = np.array(image.shape[1::-1])
    first = np.clip(np.floor(middle - half), 0, limit).astype(int)
    last = np.clip(np.ceil(middle + half), 0, limit).astype(int)
    return int(first[0]), int(first[1]), int(last[0]), int(last[1])
