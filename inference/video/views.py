"""What a user may say of a video besides its name: how it is turned, how fast pictures follow."""

from __future__ import annotations

ROTATIONS = (0, 90, 180, 270)
FASTEST_FPS = 10_000.0


def check_view(rotate: int, fps: float | None) -> None:
    """Raises: ValueError: no rotation by quarters, or no rate of pictures."""
    if rotate not in ROTATIONS:
        raise ValueError(f"a picture is turned by 90, 180 or 270 degrees, not {rotate}")
    if fps is not None and not 0 < fps <= FASTEST_FPS:
        raise ValueError(f"{fps} pictures a second: must be above 0, at most {FASTEST_FPS:g}")
