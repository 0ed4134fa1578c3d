"""`data_3d_NAME.npz`: the reference's archives of 3D positions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import FileKind, holds_members
from poselift.data.files.safe_archive import load_object_npz, write_object_npz
from poselift.data.files.whole_file import whole_file

MAX_METRES = 1e6

Positions = Mapping[str, Mapping[str, np.ndarray]]
POSITIONS_FILE = FileKind("an archive of 3D positions", (".npz",), holds_members("positions_3d"))


def save_positions_archive(path: Path, positions: Positions) -> None:
    """Write an archive that the reference reads.

    Args:
        positions: positions[subject][action] is (T, J, 3) float32, metres.
    Raises: OutputError.
    """
    plain = {
        subject: {action: np.ascontiguousarray(takes, np.float32) for action, takes in rows.items()}
        for subject, rows in positions.items()
    }
    with whole_file(path) as part, part.open("wb") as stream:
        write_object_npz(stream, {"positions_3d": plain})


def load_positions_archive(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """positions[subject][action], (T, J, 3) metres, whoever wrote them.

    Raises:
        UnsafeFile: it holds more than plain data.
        FormatError: not such an archive.
    """
    positions = load_object_npz(path).get("positions_3d")
    if not isinstance(positions, dict):
        raise FormatError(f"{path}: has no table 'positions_3d'. Is this the right archive?")
    for subject, actions in positions.items():
        if not isinstance(actions, dict):
            raise FormatError(f"{path}: subject {subject} is a {type(actions).__name__}.")
        for action, take in actions.items():
            floats = isinstance(take, np.ndarray) and take.dtype.kind == "f"
            if not floats or take.ndim != 3 or take.shape[2] != 3 or not take.size:
                found = take.shape if isinstance(take, np.ndarray) else type(take).__name__
                raise FormatError(
                    f"{path}: subject {subject}, action {action}: {found}, expected (T, J, 3) "
                    "positions. Prepare the data set again."
                )
            if not np.abs(take).max() <= MAX_METRES:  # nor is NaN
                raise FormatError(
                    f"{path}: subject {subject}, action {action}: positions that are no metres. "
                    "Prepare the data set again."
                )
    return {str(name): {str(a): t for a, t in takes.items()} for name, takes in positions.items()}
