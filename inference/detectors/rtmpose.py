"""RTMPose through rtmlib on onnxruntime: people found by YOLOX or RTMDet, then keypoints.

rtmlib's own code reads and scales the pictures and the networks' answers. RTMPose is given
RGB, the networks that find people BGR: that is how each was trained (rtmlib's examples give
both BGR; its issue 48).

Source: rtmlib (Apache-2.0); Jiang et al., RTMPose, 2023.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from poselift.data.errors import LayoutMismatch, MissingDependency, PoseliftError
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.followed import Pose
from poselift.inference.detectors.following import FollowSettings
from poselift.inference.detectors.onnx_networks import (
    DEFAULT_SIZE,
    PROVIDERS,
    SIZES,
    Networks,
    is_simcc,
    networks_of,
    onnx_device,
    open_session,
    size_here,
)
from poselift.inference.detectors.published_networks import fetch_command
from poselift.inference.similarity import best_first, one_each

log = logging.getLogger(__name__)

# COCO's 17 joints come first in Halpe's 26 and in COCO-WholeBody's 133.
BEGIN_WITH_COCO = (17, 26, 133)
DYNAMIC_SIDE = 640  # of a network that finds people and takes any size
SMALLEST = 2.0  # pixels of a box's sides


@dataclass(frozen=True)
class RTMPoseSettings:
    """What shapes the result beyond the networks.

    Args:
        every: people are looked for in every N-th frame and followed in between (see
            following.py).
        margin: side of that place against the extent of the joints.
        lost: a person followed with less mean confidence is gone.
        same_person: two detections that overlap more (see keypoint_similarity) are one.
    """

    every: int = 1
    margin: float = 1.25
    lost: float = 0.3
    same_person: float = 0.8

    @property
    def following(self) -> FollowSettings | None:
        """RTMPose is given upright boxes, so nobody is looked for turned."""
        if self.every == 1:
            return None
        return FollowSettings(
            every=self.every,
            start=self.lost,
            keep=self.lost,
            same_person=self.same_person,
            turns=(),
        )


class RTMPose:
    """See Detector and Follows.

    A person's score is the mean confidence of the joints, in found and followed frames alike.
    """

    packages: ClassVar[tuple[str, ...]] = ("rtmlib", "onnxruntime", "onnxruntime-gpu")
    # rtmlib asks for builds of OpenCV with windows, which would replace the one without.
    install: ClassVar[str] = "pip install onnxruntime && pip install --no-deps rtmlib"
    layout = COCO17

    @classmethod
    def make(cls, choice: DetectorChoice) -> RTMPose:
        """See BackEnd.make."""
        choice.check_only("model", "weights", "every")
        _imported()
        settings = RTMPoseSettings(every=choice.every or 1)
        return cls(networks_of(choice), settings, onnx_device(choice.device))

    @classmethod
    def devices(cls) -> list[str]:
        """See BackEnd.devices."""
        import onnxruntime

        here = onnxruntime.get_available_providers()
        return [name for name, provider in PROVIDERS.items() if provider in here]

    @classmethod
    def known_weights(cls) -> dict[str, tuple[Path | None, str]]:
        """See BackEnd.known_weights."""
        pairs = {size: size_here(size) for size in (DEFAULT_SIZE, *SIZES)}
        return {
            size: (pair.keypoints if pair else None, fetch_command(*SIZES[size]))
            for size, pair in pairs.items()
        }

    def __init__(
        self, networks: Networks, settings: RTMPoseSettings | None = None, device: str = "cpu"
    ) -> None:
        """Raises: MissingDependency, FormatError, LayoutMismatch, PoseliftError."""
        rtmlib = _imported()
        self._chosen = settings or RTMPoseSettings()
        self.following = self._chosen.following
        self.at_once = None if device == "cpu" else 1
        rtmdet = "rtmdet" in "/".join(networks.people.parts[-2:]).lower()
        finder = rtmlib.RTMDet if rtmdet else rtmlib.YOLOX
        self._find = _tool(finder, networks.people, device)
        self._place = _tool(rtmlib.RTMPose, networks.keypoints, device)
        self._check_networks(networks)
        self.settings: dict[str, Any] = {
            "detector": "rtmpose",
            "people": [finder.__name__, file_sha256(networks.people)],
            "keypoints": file_sha256(networks.keypoints),
            "device": device.partition(":")[0],
            "rtmlib": metadata.version("rtmlib"),
            **asdict(self._chosen),
            "following": asdict(self.following) if self.following else None,
        }

    def _check_networks(self, networks: Networks) -> None:
        """Take the networks' own input sizes. Raises: LayoutMismatch."""
        height, width = _input_size(self._find, DYNAMIC_SIDE, DYNAMIC_SIDE)
        self._find.model_input_size = (height, width)
        height, width = _input_size(self._place, 256, 192)
        self._place.model_input_size = (width, height)
        outputs = self._place.session.get_outputs()
        joints = outputs[0].shape[1] if is_simcc(self._place.session) else None
        if joints not in BEGIN_WITH_COCO:
            raise LayoutMismatch(
                f"{networks.keypoints}: places {joints} joints; RTMPose networks with SimCC and "
                f"{', '.join(map(str, BEGIN_WITH_COCO))} joints begin with COCO's 17."
            )

    def detect(self, image: np.ndarray) -> FrameDetections:
        """See Detector.detect."""
        boxes = self._find(np.ascontiguousarray(image[..., ::-1]))
        return self._placed(image, np.asarray(boxes, np.float32).reshape(-1, 4))

    def find(self, image: np.ndarray, number: int) -> FrameDetections:
        """See Follows.find."""
        return self.detect(image)

    def place(self, image: np.ndarray, near: Pose) -> Pose | None:
        """See Follows.place."""
        found = self._placed(image, places(near.xy[None], self._chosen.margin))
        return Pose(found.keypoints[0], found.confidence[0]) if len(found) else None

    def _placed(self, image: np.ndarray, boxes: np.ndarray) -> FrameDetections:
        """(N, 4) boxes -> the people in them, best first."""
        height, width = image.shape[:2]
        low, high = boxes[:, :2].clip(0, [width, height]), boxes[:, 2:].clip(0, [width, height])
        boxes = np.hstack([low, high])[((high - low) >= SMALLEST).all(1)]
        if not len(boxes):
            return FrameDetections.none(self.layout)
        keypoints, confidence = self._place(image, bboxes=boxes)
        joints = self.layout.num_joints
        sure = np.asarray(confidence, np.float32)[:, :joints].clip(0, 1)
        xy = np.asarray(keypoints, np.float32)[:, :joints]
        people = FrameDetections(boxes, sure.mean(1), xy, sure)
        return one_each(best_first(people), self._chosen.same_person)


def places(keypoints: np.ndarray, margin: float) -> np.ndarray:
    """(N, J, 2) pixels -> (N, 4) boxes around the joints, `margin` times their extent."""
    low, high = keypoints.min(1, initial=np.inf), keypoints.max(1, initial=-np.inf)
    middle, half = (low + high) / 2, (high - low) / 2 * margin
    return np.hstack([middle - half, middle + half]).astype(np.float32)


def _imported() -> Any:
    """rtmlib. Raises: MissingDependency."""
    try:
        import onnxruntime  # noqa: F401
        import rtmlib
    except ImportError as error:
        raise MissingDependency(
            f"detector rtmpose needs '{error.name or 'rtmlib'}', which is not installed or "
            f"cannot be loaded ({error}): {RTMPose.install}"
        ) from error
    return rtmlib


def _tool(kind: Any, path: Path, device: str) -> Any:
    """One of rtmlib's tools on a local file, silent, and on the processor with one thread.

    Raises: FormatError; PoseliftError: the GPU cannot be used after all.
    """
    session = open_session(path)  # says what is wrong with a broken file
    import rtmlib.tools.base

    # It prints what it loads to standard output, which belongs to results.
    rtmlib.tools.base.print = log.debug
    tool = kind(str(path), device=device)
    if device == "cpu":
        tool.session = session
        return tool
    used = tool.session.get_providers()[0]
    if used != PROVIDERS[device.partition(":")[0]]:
        raise PoseliftError(
            f"onnxruntime cannot use {device} here and would run on {used}: the CUDA and cuDNN "
            "that it wants are missing or too old. Try --device cpu."
        )
    return tool


def _input_size(tool: Any, height: int, width: int) -> tuple[int, int]:
    """The picture's height and width that a network takes; the given ones where it takes any."""
    shape = tool.session.get_inputs()[0].shape
    own = [side if isinstance(side, int) else None for side in shape[-2:]]
    return own[0] or height, own[1] or width
