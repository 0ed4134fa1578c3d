"""Pictures of a clip -> how its camera moved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from poselift.data.scene import CameraKind, CameraPath
from poselift.inference.camera.background import KEEP_SHARE, KeyPicture, Picture, is_cut
from poselift.inference.camera.turns import Turn

# Pictures are looked at so large: more pixels do not help.
SIDE = 512
# While nothing has moved, so many pictures a second are enough.
GLANCES_PER_S = 6.0
# A camera that turns by less, or zooms by less, stands still.
STILL_DEGREES, STILL_ZOOM = 0.12, 0.004
# A key picture that is turned or smaller by more is renewed; the second is a log.
OTHER_ROLL_DEGREES, OTHER_ZOOM = 6.0, 0.08
# A camera travels where so much of what could be compared shows it.
TRAVEL_SHARE = 0.25
# A clip in which less could be compared says nothing of its camera.
KNOWN_SHARE = 0.5


@dataclass
class _Seen:
    """What was found of one picture; the turn is from the clip's first picture of its stretch."""

    rotation: np.ndarray
    zoom: float
    share: float
    parallax: bool = False


@dataclass
class _Watch:
    """Compares pictures in their order with a key picture, and renews that."""

    focal_px: float
    seen: list[_Seen] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    key: KeyPicture | None = None
    at: _Seen = field(default_factory=lambda: _Seen(np.eye(3), 1.0, 1.0))
    before: Picture | None = None

    def see(self, picture: Picture) -> _Seen:
        if self.key is None or self.before is None:
            self._renew(picture, _Seen(np.eye(3), 1.0, 1.0))
        else:
            self._compare(self.key, self.before, picture)
        self.before = picture
        return self.seen[-1]

    def _compare(self, key: KeyPicture, before: Picture, picture: Picture) -> None:
        turn = key.compare(picture)
        if turn.share >= KEEP_SHARE:
            seen = self._joined(turn)
            if _looks_otherwise(turn):
                self._renew(picture, seen)
            else:
                self.seen.append(seen)
            return
        last = self.seen[-1]
        fresh = KeyPicture(before, self.focal_px * last.zoom)
        after = fresh.compare(picture)
        if is_cut(before.gray, picture.gray, after):
            self.cuts.append(len(self.seen))
            self._renew(picture, _Seen(np.eye(3), 1.0, 1.0))
            return
        if after.share > turn.share:
            self.key, self.at, turn = fresh, last, after
        self.seen.append(self._joined(turn))

    def _renew(self, picture: Picture, seen: _Seen) -> None:
        self.key, self.at = KeyPicture(picture, self.focal_px * seen.zoom), seen
        self.seen.append(seen)

    def _joined(self, turn: Turn) -> _Seen:
        if not turn.share:
            return _Seen(self.seen[-1].rotation, self.seen[-1].zoom, 0.0)
        return _Seen(
            turn.rotation @ self.at.rotation, turn.zoom * self.at.zoom, turn.share, turn.parallax
        )


def camera_path(
    pictures: Callable[[], Iterator[Picture]], focal_px: float, fps: float
) -> CameraPath:
    """How the camera moved over a clip.

    While nothing moves only some pictures are compared; once something does, all are, from the
    beginning.

    Args:
        pictures: gives them from the first, whenever it is called.
        focal_px: in the pictures' pixels.
    """
    step = max(1, round(fps / GLANCES_PER_S))
    watch, count = _Watch(focal_px), 0
    for count, picture in enumerate(pictures(), start=1):
        if count % step == 1 % step:
            watch.see(picture)
            if _moves(watch):
                break
    else:
        return _still(watch, count)
    watch = _Watch(focal_px)
    for picture in pictures():
        watch.see(picture)
    return _path(watch)


def _looks_otherwise(turn: Turn) -> bool:
    """Turned in the picture's plane, or larger, so that points hardly look as they did."""
    roll = np.degrees(np.arctan2(turn.rotation[1, 0], turn.rotation[0, 0]))
    return bool(abs(roll) > OTHER_ROLL_DEGREES or abs(np.log(turn.zoom)) > OTHER_ZOOM)


def _moves(watch: _Watch) -> bool:
    seen = watch.seen[-1]
    if not seen.share and any(before.share for before in watch.seen[1:-1]):
        return True  # nothing of the key picture is left
    turned = np.degrees(Rotation.from_matrix(seen.rotation).magnitude())
    return bool(watch.cuts or turned > STILL_DEGREES or abs(np.log(seen.zoom)) > STILL_ZOOM)


def _still(watch: _Watch, count: int) -> CameraPath:
    shares = np.array([seen.share for seen in watch.seen[1:]])
    known = not len(shares) or (shares > 0).mean() >= KNOWN_SHARE
    return CameraPath.still(count, "still" if known else "unknown")


def _path(watch: _Watch) -> CameraPath:
    """Turns to the picture in the middle of the movement; pictures that say nothing are bridged."""
    rotations = np.stack([seen.rotation for seen in watch.seen])
    zoom = np.array([seen.zoom for seen in watch.seen])
    share = np.array([seen.share for seen in watch.seen])
    starts = np.array([0, *watch.cuts, len(zoom)])
    turns = np.empty_like(rotations)
    for first, stop in itertools.pairwise(starts.tolist()):
        part = slice(first, stop)
        rotations[part], zoom[part] = _bridged(rotations[part], zoom[part], share[part] > 0)
        turns[part], zoom[part] = _about_the_middle(rotations[part], zoom[part])
    compared = share[1:] > 0
    parallax = np.array([seen.parallax for seen in watch.seen[1:]])
    kind: CameraKind = "turns"
    if compared.mean() < KNOWN_SHARE:
        return replace(CameraPath.still(len(zoom), "unknown"), cuts=tuple(watch.cuts))
    if parallax[compared].mean() > TRAVEL_SHARE:
        kind = "travels"
    elif _is_still(turns, zoom):
        return replace(CameraPath.still(len(zoom), "still"), cuts=tuple(watch.cuts))
    return CameraPath(kind, turns, zoom, share, tuple(watch.cuts))


def _bridged(
    rotations: np.ndarray, zoom: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    frames, at = np.arange(len(zoom)), np.flatnonzero(known)
    if len(at) < 2 or known.all():
        return rotations, zoom
    between = Slerp(at, Rotation.from_matrix(rotations[at]))(frames.clip(at[0], at[-1]))
    return between.as_matrix(), np.exp(np.interp(frames, at, np.log(zoom[at])))


def _about_the_middle(rotations: np.ndarray, zoom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From turns of the first camera to each: turns of each camera to the one in the middle."""
    mean = Rotation.from_matrix(rotations).mean()
    apart = (Rotation.from_matrix(rotations) * mean.inv()).magnitude()
    middle = int(np.argmin(apart + np.abs(np.log(zoom / np.median(zoom)))))
    return rotations[middle] @ rotations.transpose(0, 2, 1), zoom / zoom[middle]


def _is_still(turns: np.ndarray, zoom: np.ndarray) -> bool:
    turned = np.degrees(Rotation.from_matrix(turns).magnitude())
    return bool(turned.max() < STILL_DEGREES and np.abs(np.log(zoom)).max() < STILL_ZOOM)
