"""detectron2's Keypoint R-CNN, the detector that VideoPose3D used.

Same steps as detectron2's DefaultPredictor: the picture's shorter side to 800 pixels, BGR,
boxes from 0.7. scripts/test-detectron2 compares the two.

Source: detectron2 (Apache-2.0); He et al., Mask R-CNN, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from poselift.data.errors import (
    DownloadError,
    FormatError,
    LayoutMismatch,
    MissingDependency,
    PoseliftError,
)
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.published_networks import fetch_command
from poselift.inference.detectors.zoo_files import (
    DEFAULT_CONFIGURATION,
    WEIGHTS,
    check_fit,
    configuration_file,
    read_weights,
    weights_place,
    zoo_file_here,
)
from poselift.inference.similarity import best_first
from poselift.models.devices import BEST

COMMIT = "fd27788985af0f4ca800bca563acdb700bb890e2"
GPU_BATCH = 4


@dataclass(frozen=True)
class KeypointRCNNSettings:
    """What shapes the result beyond the configuration and the weights.

    Args:
        min_score: weaker boxes are not people; the reference's value.
        half: half precision, on CUDA only.
        batch: frames that go through the network together; None: 4 on CUDA, else 1.
    """

    min_score: float = 0.7
    half: bool = False
    batch: int | None = None


def install_command() -> str:
    """detectron2 is built against the torch that is there, which a fitting torchvision keeps.

    torchvision 0.(N + 15).P belongs to torch 2.N.P.
    """
    _, minor, patch = metadata.version("torch").partition("+")[0].split(".")[:3]
    return (
        f"pip install 'setuptools<82' wheel torchvision==0.{int(minor) + 15}.{patch} && "
        "pip install --no-build-isolation "
        f"'git+https://github.com/facebookresearch/detectron2@{COMMIT}'"
    )


class KeypointRCNN:
    """See Detector and BatchDetector.

    A joint's confidence is detectron2's own: the softmax over the joint's map at its peak, cut
    off at 1. It falls with the peak's width: 0.05 is what detectron2 itself draws.
    """

    packages: ClassVar[tuple[str, ...]] = ("detectron2",)
    install: ClassVar[str] = install_command()
    layout = COCO17

    @classmethod
    def make(cls, choice: DetectorChoice) -> KeypointRCNN:
        """See BackEnd.make."""
        choice.check_only("model", "weights", "half")
        package = _package_folder()
        name = choice.model or DEFAULT_CONFIGURATION
        path = configuration_file(name, package)
        settings = KeypointRCNNSettings(half=choice.half)
        return cls(path, _local(weights_place(name, choice.weights)), settings, choice.device)

    @classmethod
    def devices(cls) -> list[str]:
        """See BackEnd.devices."""
        gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        return ["cpu", *gpus]

    @classmethod
    def known_weights(cls) -> dict[str, tuple[Path | None, str]]:
        """See BackEnd.known_weights."""
        first = DEFAULT_CONFIGURATION.removesuffix(".yaml")
        published = {first: WEIGHTS[first], **WEIGHTS}
        return {
            name: (zoo_file_here(name), fetch_command(Path(file).name))
            for name, file in published.items()
        }

    def __init__(
        self,
        configuration: Path,
        weights: Path,
        settings: KeypointRCNNSettings | None = None,
        device: str = BEST,
    ) -> None:
        """Raises: MissingDependency, FormatError, LayoutMismatch, PoseliftError."""
        _package_folder()
        from detectron2.data.transforms import ResizeShortestEdge
        from detectron2.modeling import build_model

        chosen = settings or KeypointRCNNSettings()
        device = _torch_device(device)
        on_gpu = device.startswith("cuda")
        if chosen.half and not on_gpu:
            raise PoseliftError(f"half precision is for CUDA; the device is {device}.")
        config = read_configuration(configuration, chosen.min_score, device)
        self._model = build_model(config).eval()
        state = read_weights(weights)
        check_fit(state, self._model.state_dict(), weights, configuration.name)
        self._model.load_state_dict(state, strict=False)
        self._half, self._bgr = chosen.half, config.INPUT.FORMAT == "BGR"
        side = config.INPUT.MIN_SIZE_TEST
        self._resize = ResizeShortestEdge([side, side], config.INPUT.MAX_SIZE_TEST)
        self.batch, self.at_once = chosen.batch or (GPU_BATCH if on_gpu else 1), 1
        self.settings: dict[str, Any] = {
            "detector": "detectron2",
            "configuration": config.dump(),
            "weights": file_sha256(weights),
            **asdict(chosen),
            "batch": self.batch,
        }

    def detect(self, image: np.ndarray) -> FrameDetections:
        """See Detector.detect."""
        return self.detect_batch([image])[0]

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[FrameDetections]:
        """See BatchDetector.detect_batch."""
        inputs = [self._input(image) for image in images]
        with torch.no_grad(), self._precision():
            answers = self._model(inputs)
        return [read_instances(answer["instances"]) for answer in answers]

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cuda", dtype=torch.float16) if self._half else nullcontext()

    def _input(self, image: np.ndarray) -> dict[str, Any]:
        """(H, W, 3) uint8 RGB as detectron2 wants it."""
        height, width = image.shape[:2]
        picture = np.ascontiguousarray(image[..., ::-1] if self._bgr else image)
        resized = self._resize.get_transform(picture).apply_image(picture)
        tensor = torch.as_tensor(resized.astype(np.float32).transpose(2, 0, 1))
        return {"image": tensor, "height": height, "width": width}


def read_configuration(path: Path, min_score: float, device: str) -> Any:
    """detectron2's CfgNode. Raises: FormatError; LayoutMismatch: not COCO's 17 keypoints."""
    import yaml
    from detectron2.config import get_cfg

    config = get_cfg()
    try:
        config.merge_from_file(str(path), allow_unsafe=False)
    except (AssertionError, KeyError, ValueError, TypeError, OSError, yaml.YAMLError) as error:
        raise FormatError(f"{path}: is no configuration of detectron2 ({error}).") from error
    joints = config.MODEL.ROI_KEYPOINT_HEAD.NUM_KEYPOINTS if config.MODEL.KEYPOINT_ON else 0
    if joints != COCO17.num_joints:
        raise LayoutMismatch(
            f"{path}: is a configuration with {joints} keypoints; COCO's 17 are needed, as the "
            "COCO-Keypoints configurations have."
        )
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = min_score
    config.MODEL.DEVICE = device
    return config


def read_instances(instances: Any) -> FrameDetections:
    """detectron2's Instances of one picture as ours, best first."""
    points = _array(instances.pred_keypoints)
    people = FrameDetections(
        _array(instances.pred_boxes.tensor),
        _array(instances.scores).clip(0, 1),
        points[..., :2],
        points[..., 2].clip(0, 1),
    )
    return best_first(people)


def _array(tensor: Any) -> np.ndarray:
    found: np.ndarray = tensor.detach().float().cpu().numpy()
    return found


def _torch_device(asked: str) -> str:
    """cpu, cuda or cuda:N. Raises: PoseliftError: torch has no such device here."""
    if asked == BEST:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked != "cpu" and not (asked.startswith("cuda") and torch.cuda.is_available()):
        raise PoseliftError(f"detector detectron2 cannot use device '{asked}' here. Try cpu.")
    return asked


def _local(place: Path | str) -> Path:
    """The file; an address is fetched by detectron2, which keeps it. Raises: DownloadError."""
    if isinstance(place, Path):
        return place
    from detectron2.utils.file_io import PathManager

    try:
        return Path(PathManager.get_local_path(place))
    except (OSError, ValueError) as error:
        raise DownloadError(f"{place}: cannot be fetched ({error}).") from error


def _package_folder() -> Path:
    """Where detectron2 is installed. Raises: MissingDependency."""
    try:
        import detectron2
        import detectron2.modeling
    except ImportError as error:
        raise MissingDependency(
            f"detector detectron2 cannot be loaded ({error}). It is not on the package index; "
            f"build it: {KeypointRCNN.install}"
        ) from error
    return Path(str(detectron2.__file__)).parent
