"""Which .onnx files RTMPose runs, and on what: found, told apart, opened."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, MissingWeights, PoseliftError, UnknownName
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.published_networks import fetch_command, found
from poselift.models.devices import BEST

log = logging.getLogger(__name__)

# Size -> the networks that find people and that place keypoints, as rtmlib's Body pairs them.
SIZES = {
    "lightweight": (
        "yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx",
        "rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504.onnx",
    ),
    "balanced": (
        "yolox_m_8xb8-300e_humanart-c2c7a14a.onnx",
        "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.onnx",
    ),
    "performance": (
        "yolox_x_8xb8-300e_humanart-a39d44ed.onnx",
        "rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_20230629.onnx",
    ),
}
DEFAULT_SIZE = "balanced"
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
}


@dataclass(frozen=True)
class Networks:
    """The files that find people and place keypoints."""

    people: Path
    keypoints: Path


def caches() -> list[Path]:
    """Where rtmlib itself puts what it downloads."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "rtmlib"))
    return [Path(home).expanduser() / "hub" / "checkpoints"]


def size_here(size: str) -> Networks | None:
    """The networks of a published size, if both are here."""
    people, keypoints = (found(file, caches()) for file in SIZES[size])
    return Networks(people, keypoints) if people and keypoints else None


def networks_of(choice: DetectorChoice) -> Networks:
    """The two files that a choice means.

    Raises:
        UnknownName: no such size.
        MissingWeights: they are not here, or the folder has not one of each kind.
        FormatError: a file of the folder is no network.
    """
    if choice.model is not None and choice.model not in SIZES:
        raise UnknownName("model of rtmpose", choice.model, SIZES)
    size = choice.model or DEFAULT_SIZE
    if choice.weights is None:
        here = size_here(size)
        if here is None:
            raise MissingWeights(
                f"detector rtmpose: its networks of size {size} are not here. Get them: "
                f"{fetch_command(*SIZES[size])} (or name a folder with two .onnx files, "
                "--detector-weights FOLDER)."
            )
        return here
    folder = Path(choice.weights).expanduser()
    if choice.model is not None:
        people, keypoints = (folder / file for file in SIZES[size])
        for path in (people, keypoints):
            if not path.is_file():
                raise MissingWeights(f"{path}: no such file; size {size} of rtmpose needs it.")
        return Networks(people, keypoints)
    return _pair_in(folder)


def _pair_in(folder: Path) -> Networks:
    """The one network of each kind in a folder and below. Raises: MissingWeights, FormatError."""
    files = sorted(folder.rglob("*.onnx")) if folder.is_dir() else []
    keypoints = [path for path in files if is_simcc(open_session(path))]
    people = [path for path in files if path not in keypoints]
    if len(keypoints) != 1 or len(people) != 1:
        raise MissingWeights(
            f"{folder}: holds {len(keypoints)} .onnx networks that place keypoints (SimCC) and "
            f"{len(people)} that find people (YOLOX or RTMDet); rtmpose needs one of each, or "
            "--detector-model to say which published pair to take."
        )
    return Networks(people[0], keypoints[0])


def is_simcc(session: Any) -> bool:
    """Whether a network answers with the two SimCC tables of RTMPose."""
    return {output.name for output in session.get_outputs()} == {"simcc_x", "simcc_y"}


def open_session(path: Path, threads: int = 1) -> Any:
    """An onnxruntime session on the processor. Raises: FormatError: it is no network."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[PROVIDERS["cpu"]])
    except (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
            state.NotImplemented, state.RuntimeException) as error:  # fmt: skip
        raise FormatError(f"{path}: is no network that onnxruntime reads ({error}).") from error


def onnx_device(asked: str) -> str:
    """cpu, cuda, cuda:N or mps, as onnxruntime here can use it; `auto` takes a GPU if any.

    Raises: PoseliftError: this onnxruntime cannot use what was asked for.
    """
    import onnxruntime

    here = onnxruntime.get_available_providers()
    if asked == BEST:
        return "cuda" if PROVIDERS["cuda"] in here else "cpu"
    provider = PROVIDERS.get(asked.partition(":")[0])
    if provider not in here:
        usable = [name for name, wanted in PROVIDERS.items() if wanted in here]
        raise PoseliftError(
            f"device '{asked}' cannot be used by this onnxruntime, which has {', '.join(usable)}. "
            "For CUDA: pip uninstall onnxruntime && pip install onnxruntime-gpu."
        )
    return asked
