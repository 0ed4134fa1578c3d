"""Pictures in, one by one, and for each of them everybody in 3D."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import numpy as np

from poselift.data.errors import LayoutMismatch
from poselift.data.scene import NOTHING_KNOWN, KnownScene
from poselift.data.structures import FrameDetections
from poselift.inference.detecting import DetectorPool
from poselift.inference.detectors import Detector, make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.live.bodies import SMOOTHINGS, Body
from poselift.inference.live.frames import LiveFrame, LivePerson
from poselift.inference.live.gravity import Gravity
from poselift.inference.live.identities import Identities, Sighting
from poselift.inference.live.looking import PAUSE_S, Looker
from poselift.inference.live.one_euro import Smooth
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.poses.lens import Lens
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.inference.poses.world import ANKLE_HEIGHT_M, place_as_seen
from poselift.models.devices import BEST, checked_device, one_thread
from poselift.models.lifters import open_lifter

DETECTOR, LIFTER = "movenet-fast", "body27v5-causal"
# Of the first frame, or after a pause.
FIRST_STEP_S = 1 / 30


class LivePoses:
    """Poses of pictures as they come; close it, or use it in `with`.

    Args:
        detector: a name, one with its options, or what makes one.
        lifter: a shipped causal lifter's name, the path of one, or one.
        device: of the lifter, and of a detector that can use one; `auto` takes a GPU.
        workers: detectors at work at once; None takes one for each core.
        smooth: `none`, `light`, `medium` or `strong`.
        scene: what is known of the camera and the people; the camera stands still.
        flip: lift the mirror image, too, as `poselift run` does: a little more exact, and
            lifting takes twice as long.
        wait: see Looker.
    Raises: LayoutMismatch: the lifter reads other keypoints, or sees the future; UnknownName,
        MissingDependency, MissingWeights, FormatError; ValueError: no such smoothing.

    >>> with poselift.LivePoses() as poses:
    ...     poses.push(np.zeros((360, 640, 3), np.uint8), time_s=0.0).people
    ()
    """

    def __init__(
        self,
        detector: str | DetectorChoice | Callable[[], Detector] = DETECTOR,
        lifter: str | Lifter = LIFTER,
        *,
        device: str = BEST,
        workers: int | None = None,
        smooth: Smooth = "medium",
        scene: KnownScene = NOTHING_KNOWN,
        flip: bool = False,
        wait: bool = True,
    ) -> None:
        if smooth not in SMOOTHINGS:
            raise ValueError(f"smoothing is {', '.join(SMOOTHINGS)}, not '{smooth}'")
        made = lifter if isinstance(lifter, Lifter) else _lifter(lifter, device)
        made.check_causal()
        self._pool = DetectorPool(_maker(detector, device), workers)
        try:
            made.check_layout(self._pool.first.layout)
            _check_camera(made)
        except LayoutMismatch:
            self._pool.close()
            raise
        self._lifter, self._smooth, self._flip = made, smooth, flip
        self._scene, self._layout = scene, made.weights.layout_out
        self._looker = Looker(self._pool, wait=wait)
        self._identities = Identities(TrackerSettings())
        self._gravity = Gravity(scene.roll, scene.pitch)
        self._bodies: dict[int, Body] = {}
        self._size: tuple[int, int] | None = None
        self._time_s: float | None = None
        self._index = 0

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> LivePoses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def push(
        self, image: np.ndarray, time_s: float, size: tuple[int, int] | None = None
    ) -> LiveFrame:
        """Everybody in the next picture. The time that it takes does not grow.

        Args:
            image: (H, W, 3) uint8 RGB, upright.
            time_s: when it was taken; later than the one before.
            size: (width, height) of the full picture, in whose pixels results are, where the
                image was made smaller.
        Raises: ValueError: no picture, or a time that does not rise.
        """
        begun = time.perf_counter()
        seconds = self._step_to(time_s)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"a picture is (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")
        width, height = size or (image.shape[1], image.shape[0])
        if self._size not in (None, (width, height)):
            self._forget()
        self._size = width, height
        stretch = np.array([width / image.shape[1], height / image.shape[0]], np.float32)
        found = _stretched(self._looker.step(image, seconds), stretch)
        step_s = seconds if seconds <= PAUSE_S else FIRST_STEP_S
        lens = Lens(width, height, self._scene.focal_for(width))
        people = self._people(found, time_s, step_s, lens)
        frame = LiveFrame(
            index=self._index,
            time_s=time_s,
            age_s=time.perf_counter() - begun,
            image=image,
            width=width,
            height=height,
            people=people,
            up=self._gravity.world.up,
            settled=self._gravity.settled,
            layout_2d=self._pool.first.layout,
            layout=self._layout,
        )
        self._index += 1
        return frame

    def _step_to(self, time_s: float) -> float:
        """Seconds since the picture before. Raises: ValueError."""
        before = self._time_s
        if not np.isfinite(time_s) or (before is not None and time_s <= before):
            raise ValueError(f"times of pictures rise: {time_s} s comes after {before} s")
        self._time_s = time_s
        return FIRST_STEP_S if before is None else time_s - before

    def _forget(self) -> None:
        """The picture has another size: nobody is where they were."""
        self._looker.forget()
        self._identities.forget()
        self._bodies.clear()

    def _people(
        self, found: FrameDetections, time_s: float, seconds: float, lens: Lens
    ) -> tuple[LivePerson, ...]:
        sightings = self._identities.step(found, time_s)
        self._bodies = {
            person.key: self._bodies.get(person.key) or self._body() for person in sightings
        }
        for person in sightings:
            self._bodies[person.key].saw(person.keypoints, person.confidence, lens)
        there = sorted((p for p in sightings if p.person_id), key=lambda p: p.person_id)
        with one_thread():
            lifted = [
                self._bodies[person.key].lifted(
                    lens, self._scene.height_of(person.person_id), seconds
                )
                for person in there
            ]
        votes = [own for own, person in zip(lifted, there, strict=True) if person.seen]
        world = self._gravity.step(votes, self._layout, seconds)
        placed = [place_as_seen(own.pose, own.trajectory, world)[0] for own in lifted]
        floors = [
            self._bodies[person.key].floor(points, time_s, seconds)
            for person, points in zip(there, placed, strict=True)
        ]
        if self._scene.floor == "own":
            floors = [min(floors)] * len(floors) if floors else []
        for points, floor in zip(placed, floors, strict=True):
            points[:, 2] += ANKLE_HEIGHT_M - floor
        return tuple(map(_person, there, lifted, placed))

    def _body(self) -> Body:
        return Body(self._lifter, self._pool.first.layout, self._smooth, flip=self._flip)


def _maker(
    detector: str | DetectorChoice | Callable[[], Detector], device: str
) -> Callable[[], Detector]:
    if not isinstance(detector, str | DetectorChoice):
        return detector
    choice = DetectorChoice(detector) if isinstance(detector, str) else detector
    return lambda: make_detector(choice.on(device))


def _lifter(name: str, device: str) -> Lifter:
    return Lifter(open_lifter(name)[0], checked_device(device))


def _check_camera(lifter: Lifter) -> None:
    """Raises: LayoutMismatch: it knows only a camera of its own."""
    if lifter.weights.input_kind == "screen":
        raise LayoutMismatch(
            f"{lifter.weights.name}: knows only the camera that it was trained with. Use a lifter "
            f"such as {LIFTER}."
        )


def _person(seen: Sighting, lifted: LiftedPose, world: np.ndarray) -> LivePerson:
    return LivePerson(
        person_id=seen.person_id,
        xy=seen.keypoints,
        confidence=seen.confidence,
        score=seen.score,
        seen=seen.seen,
        pose=lifted.pose[0],
        trajectory=None if lifted.trajectory is None else lifted.trajectory[0],
        world=world,
        since_s=seen.since_s,
    )


def _stretched(found: FrameDetections, scale: np.ndarray) -> FrameDetections:
    """From the pixels that were looked at to those of the full picture."""
    return FrameDetections(
        found.boxes * np.tile(scale, 2), found.scores, found.keypoints * scale, found.confidence
    )
