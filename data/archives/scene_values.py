"""What is known of a scene and how its camera moved, as arrays of an archive."""

from __future__ import annotations

import numpy as np

from poselift.data.archives.typed_archive import TypedArchive
from poselift.data.scene import (
    CAMERA_KINDS,
    FLOORS,
    FOCAL_FROM,
    FOCAL_PX,
    HEIGHTS_M,
    NOTHING_KNOWN,
    PITCHES,
    ROLLS,
    CameraPath,
    KnownScene,
)

Arrays = dict[str, np.ndarray | str | float | int]


def known_arrays(known: KnownScene, people: np.ndarray) -> Arrays:
    """NaN is what is not known; known_height_m is (P,)."""
    heights = [known.height_of(person) for person in people.tolist()]
    numbers = {"focal_px": known.focal_px, "roll": known.roll, "pitch": known.pitch}
    arrays: Arrays = {f"known_{name}": np.nan if n is None else n for name, n in numbers.items()}
    arrays["known_height_m"] = np.array([np.nan if h is None else h for h in heights])
    return arrays | {"floor": known.floor, "known_focal_from": known.focal_from}


def read_known(a: TypedArchive, people: np.ndarray) -> KnownScene:
    """Nothing is known in a file that says nothing. Raises: FormatError."""
    if "floor" not in a.names:
        return NOTHING_KNOWN
    floor = a.text("floor")
    if floor not in FLOORS:
        raise a.wrong("floor", f"is neither {' nor '.join(FLOORS)}")
    says = a.text("known_focal_from")
    if says not in FOCAL_FROM:
        raise a.wrong("known_focal_from", f"is neither {' nor '.join(FOCAL_FROM)}")
    heights = a.floats("known_height_m", len(people), within=HEIGHTS_M, gaps=True, dtype=float)
    limits = {"focal_px": FOCAL_PX, "roll": ROLLS, "pitch": PITCHES}
    numbers = {
        name: None if np.isnan(value := a.number(f"known_{name}", of, gap=True)) else value
        for name, of in limits.items()
    }
    return KnownScene(
        heights_m=tuple(
            (person, float(height))
            for person, height in zip(people.tolist(), heights, strict=True)
            if not np.isnan(height)
        ),
        focal_px=numbers["focal_px"],
        roll=numbers["roll"],
        pitch=numbers["pitch"],
        floor=FLOORS[FLOORS.index(floor)],
        focal_from=FOCAL_FROM[FOCAL_FROM.index(says)],
    )


def camera_arrays(camera: CameraPath) -> Arrays:
    return {
        "camera": camera.kind,
        "camera_turns": np.asarray(camera.turns, np.float64),
        "camera_zoom": np.asarray(camera.zoom, np.float32),
        "camera_quality": np.asarray(camera.quality, np.float32),
        "camera_cuts": np.array(camera.cuts, np.int64),
    }


def read_camera(a: TypedArchive, frames: int) -> CameraPath:
    """Raises: FormatError."""
    kind = a.text("camera")
    if kind not in CAMERA_KINDS:
        raise a.wrong("camera", f"is none of {', '.join(CAMERA_KINDS)}")
    turns = a.floats("camera_turns", frames, 3, 3, within=(-1.001, 1.001), dtype=np.float64)
    if np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > 0.01:
        raise a.wrong("camera_turns", "holds what are no rotations")
    cuts = a.wholes("camera_cuts", None, within=(1, max(1, frames - 1)))
    if (np.diff(cuts) <= 0).any():
        raise a.wrong("camera_cuts", "are not in order")
    return CameraPath(
        kind=CAMERA_KINDS[CAMERA_KINDS.index(kind)],
        turns=turns,
        zoom=a.floats("camera_zoom", frames, within=(1e-3, 1e3)),
        quality=a.floats("camera_quality", frames, within=(0.0, 1.0)),
        cuts=tuple(cuts.tolist()),
    )
