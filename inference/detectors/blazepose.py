"""MediaPipe's Pose Landmarker (BlazePose): 33 landmarks of several people, on the processor.

A bundle (.task) holds the network that finds people and the one that places landmarks. Every
picture is looked at by itself. Its own 3D landmarks are a baseline to compare lifters with.

Source: MediaPipe Tasks (Apache-2.0); Bazarevsky et al., BlazePose, 2020.
"""

from __future__ import annotations

import weakref
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from poselift.data.errors import FormatError, MissingDependency, UnknownName
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.landmarks33 import BLAZEPOSE33, to_coco
from poselift.inference.detectors.published_networks import (
    fetch_command,
    found,
    given_file,
    published_file,
)
from poselift.inference.similarity import distinct_rows

SIZES = {size: f"pose_landmarker_{size}.task" for size in ("lite", "full", "heavy")}
DEFAULT_SIZE = "full"


@dataclass(frozen=True)
class BlazePoseSettings:
    """What shapes the result beyond the bundle.

    Args:
        people: at most so many are found.
        min_detection: weaker finds are not looked at closely.
        min_presence: weaker poses are dropped.
        same_person: two poses that overlap more (see keypoint_similarity) are one.
        margin: side of a person's box against the extent of the landmarks.
    """

    people: int = 6
    min_detection: float = 0.5
    min_presence: float = 0.5
    same_person: float = 0.6
    margin: float = 1.1


@dataclass(frozen=True)
class Landmarks:
    """What BlazePose sees in one picture; rows are people, best first.

    Args:
        people: in COCO's layout.
        landmarks: (N, 33, 2) pixels.
        world: (N, 33, 3) metres from the middle of the hips: x right, y down, z forward.
        visibility: (N, 33) in [0, 1].
    """

    people: FrameDetections
    landmarks: np.ndarray
    world: np.ndarray
    visibility: np.ndarray


class BlazePose:
    """See Detector. A joint's confidence is the lesser of MediaPipe's visibility and presence;
    a person's score, which MediaPipe does not tell, is its mean.
    """

    packages: ClassVar[tuple[str, ...]] = ("mediapipe",)
    # mediapipe asks for a build of OpenCV with windows, which would replace the one without.
    install: ClassVar[str] = (
        "pip install absl-py certifi flatbuffers sounddevice && "
        "pip install --no-deps 'mediapipe>=1.0'"
    )
    layout = COCO17

    @classmethod
    def make(cls, choice: DetectorChoice) -> BlazePose:
        """See BackEnd.make."""
        choice.check_only("model", "weights")
        if choice.model is not None and choice.model not in SIZES:
            raise UnknownName("model of mediapipe", choice.model, SIZES)
        _imported()
        kind = "a .task bundle of MediaPipe"
        if choice.weights is not None:
            return cls(given_file(choice.weights, kind))
        return cls(published_file("mediapipe", SIZES[choice.model or DEFAULT_SIZE], kind))

    @classmethod
    def devices(cls) -> list[str]:
        """See BackEnd.devices."""
        return ["cpu"]

    @classmethod
    def known_weights(cls) -> dict[str, tuple[Path | None, str]]:
        """See BackEnd.known_weights."""
        files = {size: SIZES[size] for size in (DEFAULT_SIZE, *SIZES)}
        return {size: (found(file), fetch_command(file)) for size, file in files.items()}

    def __init__(self, bundle: Path, settings: BlazePoseSettings | None = None) -> None:
        """Raises: MissingDependency; FormatError: MediaPipe cannot read the bundle."""
        self._mediapipe = mediapipe = _imported()
        self._chosen = settings or BlazePoseSettings()
        tasks = mediapipe.tasks
        options = tasks.vision.PoseLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(bundle)),
            num_poses=self._chosen.people,
            min_pose_detection_confidence=self._chosen.min_detection,
            min_pose_presence_confidence=self._chosen.min_presence,
        )
        try:
            self._landmarker = tasks.vision.PoseLandmarker.create_from_options(options)
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{bundle}: is no pose bundle of MediaPipe ({error}).") from error
        # Its own __del__ is too late at the end of the program.
        weakref.finalize(self, self._landmarker.close)
        self.settings: dict[str, Any] = {
            "detector": "mediapipe",
            "weights": file_sha256(bundle),
            "mediapipe": metadata.version("mediapipe"),
            **asdict(self._chosen),
        }

    def detect(self, image: np.ndarray) -> FrameDetections:
        """See Detector.detect."""
        return self.look(image).people

    def look(self, image: np.ndarray) -> Landmarks:
        """(H, W, 3) uint8 RGB -> all landmarks of everybody in it, 3D ones included."""
        picture = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        return read_result(self._landmarker.detect(picture), image.shape, self._chosen)


def read_result(result: Any, shape: tuple[int, ...], chosen: BlazePoseSettings) -> Landmarks:
    """MediaPipe's answer on a picture of this shape (H, W, ...) as arrays."""
    size = np.array(shape[1::-1], np.float32)
    count, joints = len(result.pose_landmarks), BLAZEPOSE33.num_joints
    flat = np.array(
        [[(p.x, p.y, p.visibility, p.presence) for p in pose] for pose in result.pose_landmarks],
        np.float32,
    ).reshape(count, joints, 4)
    world = np.array(
        [[(p.x, p.y, p.z) for p in pose] for pose in result.pose_world_landmarks], np.float32
    ).reshape(count, joints, 3)
    landmarks, visibility = flat[..., :2] * size, flat[..., 2:].min(-1).clip(0, 1)
    confidence = to_coco(visibility[..., None])[..., 0]
    low, high = landmarks.min(1, initial=np.inf), landmarks.max(1, initial=-np.inf)
    middle, half = (low + high) / 2, (high - low) / 2 * chosen.margin
    boxes = np.hstack([(middle - half).clip(0, size), (middle + half).clip(0, size)])
    people = FrameDetections(boxes, confidence.mean(1), to_coco(landmarks), confidence)
    order = np.argsort(-people.scores, kind="stable")
    order = order[distinct_rows(people.keypoints[order], chosen.same_person)]
    return Landmarks(people.select(order), landmarks[order], world[order], visibility[order])


def _imported() -> Any:
    """mediapipe 1.x. Raises: MissingDependency."""
    try:
        import mediapipe
        import mediapipe.tasks.python.vision
    except (ImportError, OSError) as error:
        raise MissingDependency(
            f"detector mediapipe needs 'mediapipe' 1.x, which is not installed or cannot be "
            f"loaded ({error}): {BlazePose.install}"
        ) from error
    return mediapipe
