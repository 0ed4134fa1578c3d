"""A lifter by its shipped name, or by the path of a checkpoint."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.places import weights_file
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import skeleton_named
from poselift.models.reference_checkpoints import load_reference_checkpoint
from poselift.models.registry import checkpoint_file, lifter_names, published
from poselift.models.weights import LifterWeights, load_lifter

log = logging.getLogger(__name__)


def open_lifter(name: str) -> tuple[LifterWeights, str]:
    """A lifter and its sha256, by its name or by the path of a checkpoint.

    Names are those of the shipped lifters and of published checkpoints that were fetched;
    paths end in `.safetensors` (ours) or `.bin` / `.pt` (the reference's).
    Raises: UnknownName, FormatError.
    """
    shipped = lifter_names()
    if name in shipped:
        file = checkpoint_file(shipped[name])
        return load_lifter(file.path), file.sha256
    path = Path(name)
    if path.suffix not in {".safetensors", ".bin", ".pt"}:
        raise UnknownName("lifter", name, [*shipped, "or the path of a .safetensors or .bin file"])
    if path.suffix == ".safetensors":
        return load_lifter(path), file_sha256(path)
    if name in published() and not path.is_file():
        path = weights_file(name) or path
    weights = load_reference_checkpoint(path)
    if weights.layout_in is None and path.name in published():
        layout = skeleton_named(published()[path.name]["layout_in"])
        try:
            weights = replace(weights, layout_in=layout)
        except ValueError as error:
            raise FormatError(f"{path}: {error}; it is not the published file.") from error
    if weights.layout_in is None:
        log.warning(
            "%s: does not say which keypoints it reads; make sure that they are the detector's",
            path,
        )
    return weights, file_sha256(path)
