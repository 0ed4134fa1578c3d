"""detectron2's model zoo as files: its configurations, and the weights that belong to them.

Configurations are read from the package's folder: detectron2.model_zoo itself needs
pkg_resources, which setuptools 82 dropped. Weights are read without running what a pickle
may name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poselift.data.errors import FormatError, MissingWeights, UnknownName, UnsafeFile
from poselift.data.files.memory_budget import budget_of
from poselift.data.files.plain_pickle import load_plain
from poselift.data.files.safe_archive import DAMAGED
from poselift.inference.detectors.published_networks import fetch_command, found, given_file
from poselift.models.plain_checkpoint import load_checkpoint

ZOO = "https://dl.fbaipublicfiles.com/detectron2/"
FAMILY = "COCO-Keypoints"
DEFAULT_CONFIGURATION = f"{FAMILY}/keypoint_rcnn_R_101_FPN_3x.yaml"  # the reference's
# Configuration -> where its weights lie under the zoo's address (and a mirror's).
WEIGHTS = {
    f"{FAMILY}/keypoint_rcnn_{name}": f"{FAMILY}/keypoint_rcnn_{name}/{rest}"
    for name, rest in {
        "R_50_FPN_1x": "137261548/model_final_04e291.pkl",
        "R_50_FPN_3x": "137849621/model_final_a6e10b.pkl",
        "R_101_FPN_3x": "138363331/model_final_997cc7.pkl",
        "X_101_32x8d_FPN_3x": "139686956/model_final_5ad38f.pkl",
    }.items()
}
# Buffers that detectron2 makes from the configuration, in old files and not in new ones.
FROM_CONFIGURATION = ("pixel_mean", "pixel_std", "anchor_generator.cell_anchors")


def configuration_file(name: str, package: Path) -> Path:
    """A .yaml by its path, or by its name in the zoo, with or without folder and ending.

    Args:
        package: detectron2's folder.
    Raises: UnknownName: neither.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given
    # An installed package holds a copy, a checkout has them beside the package.
    folders = [package / "model_zoo" / "configs", package.parent / "configs"]
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    zoo_name = _zoo_name(name)
    path = folder / f"{zoo_name}.yaml"
    if not path.is_file() or ".." in zoo_name.split("/"):
        keypoints = sorted((folder / FAMILY).glob("keypoint*.yaml"))
        known = [f"{FAMILY}/{path.name}" for path in keypoints]
        raise UnknownName("configuration of detectron2", name, [*known, "or the path of a .yaml"])
    return path


def _zoo_name(name: str) -> str:
    plain = name.removesuffix(".yaml")
    return plain if "/" in plain else f"{FAMILY}/{plain}"


def caches(zoo_path: str) -> list[Path]:
    """Where detectron2 itself puts what it downloads."""
    home = os.environ.get("FVCORE_CACHE", "~/.torch/iopath_cache")
    return [Path(home).expanduser() / "detectron2" / Path(zoo_path).parent]


def zoo_file_here(name: str) -> Path | None:
    """The weights of a configuration of the zoo, if they are here."""
    zoo_path = WEIGHTS.get(_zoo_name(name))
    return found(Path(zoo_path).name, caches(zoo_path)) if zoo_path else None


def weights_place(configuration: str, weights: str | None) -> Path | str:
    """The file, or the address, that --detector-weights means for a configuration.

    An address that ends in / is a mirror of the zoo; `zoo` is the zoo's own address.
    Raises: MissingWeights: no such file, or nothing is published for the configuration.
    """
    zoo_path = WEIGHTS.get(_zoo_name(configuration))
    if weights is None:
        here = zoo_file_here(configuration)
        if here is not None:
            return here
        published = (
            f"Get them: {fetch_command(Path(zoo_path).name)}, or with --detector-weights give"
            if zoo_path
            else "With --detector-weights give"
        )
        raise MissingWeights(
            f"detector detectron2: weights of {configuration} are not here. {published} a .pkl "
            "or .pth file, an address, a mirror's address that ends in /, or 'zoo'."
        )
    base = ZOO if weights == "zoo" else weights
    if not base.startswith(("http://", "https://", "detectron2://")):
        return given_file(weights, "a .pkl or .pth file of detectron2")
    if not base.endswith("/"):
        return base
    if zoo_path is None:
        raise MissingWeights(f"{configuration}: the zoo has no weights for it. Give a file.")
    return base + zoo_path


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint of detectron2, by name.

    Raises:
        FormatError: it is damaged, or of another program (Detectron 1).
        UnsafeFile: it holds more than numbers.
    """
    try:
        if path.suffix == ".pkl":
            with path.open("rb") as stream:
                content = load_plain(stream, budget_of(path))
        else:
            content = load_checkpoint(path)
        state = content.get("model", content)
        tensors = {str(name): torch.as_tensor(np.asarray(value)) for name, value in state.items()}
    except UnsafeFile:
        raise
    except DAMAGED as error:
        raise FormatError(f"{path}: is no checkpoint of detectron2 ({error}).") from error
    if not any(name.startswith("backbone.") for name in tensors):
        raise FormatError(
            f"{path}: holds no detectron2 model (no tensor backbone...). Files of Detectron 1 "
            "cannot be used."
        )
    return tensors


def check_fit(
    state: Mapping[str, Any], wanted: Mapping[str, Any], path: Path, configuration: str
) -> None:
    """Raises: FormatError: tensors are missing, left over or of another shape."""
    lacking = [name for name in wanted if name not in state and not _made(name)]
    extra = [name for name in state if name not in wanted and not _made(name)]
    other = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    for names, what in ((lacking, "lacks"), (extra, "has also"), (other, "has other shapes of")):
        if names:
            raise FormatError(
                f"{path}: does not fit {configuration}: it {what} {len(names)} tensors, "
                f"{names[0]} for one. Choose the configuration with --detector-model."
            )


def _made(name: str) -> bool:
    return any(part in name for part in FROM_CONFIGURATION)
