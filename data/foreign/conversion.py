"""Another tool's clip -> Detections of COCO-17 in pixels, by rules that are stated here.

- A joint without position, with confidence 0 or less, or at exactly (0, 0) is missing.
- A missing joint has confidence 0 and is put where its nearest neighbour along the bones
  is, so that later stages need no special case; nothing else is invented.
- A joint farther outside the picture than the picture is large is missing.
- Confidence above 1 counts as 1; without any, a joint is certain.
- Who has fewer than MIN_JOINTS joints in a frame is not there in that frame.
- Whose nose, eyes and ears spread as far as a body has other joints than COCO's: refused.
- A person's score is the file's where that is within [0, 1], else the mean confidence of
  the joints found. Boxes are the extent of the joints found.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poselift.data.errors import FormatError, LayoutMismatch, NoPersonFound
from poselift.data.foreign.clip import ForeignClip, ForeignPerson
from poselift.data.foreign.film_check import end_notes, turn_advice, turn_notes
from poselift.data.foreign.layouts import NEEDED, ForeignLayout
from poselift.data.skeletons import COCO17
from poselift.data.structures import Detections, FrameDetections, Timeline, count_of

MIN_JOINTS = 3
LARGEST_COORDINATE = 1e6
LARGEST_CONFIDENCE = 100.0
SMALLEST_EXTENT_PX = 8.0
MOST_OUTSIDE = 0.25  # of all joints; more means another picture size
# Where the smallest and the largest frame number differ much more than there are frames,
# the numbers are something else.
SPARSEST = 50
# Nose, eyes and ears are within 0.13 of a body's extent on real clips; Human3.6M's joints
# taken for COCO's give 0.4 to 0.55.
LARGEST_FACE = 0.33
FEW_FRAMES = 10_000
MAX_CELLS = 5_000_000  # people times frames that are held in memory


@dataclass(frozen=True)
class Imported:
    """A foreign clip as ours.

    Args:
        ids: for each frame the (N,) ids of its people; None when the file has none.
        notes: what a user should know, a sentence each.
    """

    detections: Detections
    ids: tuple[np.ndarray, ...] | None
    layout: ForeignLayout
    notes: tuple[str, ...] = ()


def frame_indices(clip: ForeignClip, video_frames: int | None) -> dict[int, int]:
    """The file's frame numbers -> indices from 0.

    Numbers begin at 1 when the format's do, when the file lists every frame and the first is
    1, or when the last is the number of frames of the video.

    Args:
        video_frames: how many frames the video has; None without a video.
    Raises: FormatError: the numbers are not those of the video's frames.
    """
    first, last, count = min(clip.frames), max(clip.frames), len(clip.frames)
    from_one = clip.from_one or (first == 1 and (clip.every_frame or last == video_frames))
    indices = {frame: frame - from_one for frame in sorted(clip.frames)}
    if video_frames is not None and indices[last] >= video_frames:
        raise FormatError(
            f"{clip.source}: has a frame {last}, but the video has only "
            f"{count_of(video_frames, 'frame')}. Give the video that the keypoints are of, or "
            "--width, --height and --fps instead."
        )
    if video_frames is None and last - first > max(SPARSEST * count, FEW_FRAMES):
        raise FormatError(
            f"{clip.source}: {count} frames are numbered from {first} to {last}; these seem to be "
            "no frames of one video. Give its --video, or number them as in the video."
        )
    return indices


def convert(
    clip: ForeignClip, layout: ForeignLayout, timeline: Timeline, rotation: int = 0
) -> Imported:
    """Detections over the frames of the timeline.

    Args:
        timeline: of the video; its width and height are those that the keypoints are in.
        rotation: degrees anticlockwise by which the video's stored pictures are turned.
    Raises:
        FormatError: the numbers cannot be positions in a picture of this size.
        NoPersonFound: nobody has enough joints.
    """
    indices = frame_indices(clip, len(timeline))
    placed = [(frame, person) for frame in sorted(clip.frames) for person in clip.frames[frame]]
    frames = np.array([indices[frame] for frame, _ in placed])
    people = [person for _, person in placed]
    points = layout.to_coco(_missing_marked(np.stack([person.points for person in people])))
    _check_numbers(clip, points, [frame for frame, _ in placed])
    xy, confidence = points[..., :2], points[..., 2]
    found = ~np.isnan(points).any(-1)
    if clip.normalised:
        xy = xy * (timeline.width, timeline.height)
    _check_picture(clip, xy, found, timeline, rotation)
    found &= _near_picture(xy, timeline)
    there = found.sum(-1) >= MIN_JOINTS
    if not there.any():
        raise NoPersonFound(
            f"{clip.source}: nobody has {MIN_JOINTS} joints or more in any of its "
            f"{count_of(len(clip.frames), 'frame')}. Check --format and --layout, or detect again."
        )
    xy, found, frames = xy[there], found[there], frames[there]
    confidence = np.where(found, confidence[there].clip(0, 1), 0)
    kept = [person for person, is_there in zip(people, there, strict=True) if is_there]
    boxes = _boxes(clip, xy, found)
    _check_face(clip, layout, xy, found, boxes)
    rows = FrameDetections(
        boxes=boxes.astype(np.float32),
        scores=_scores(kept, confidence, found).astype(np.float32),
        keypoints=_neighbour_filled(xy, found).astype(np.float32),
        confidence=confidence.astype(np.float32),
    )
    bounds = np.searchsorted(frames, np.arange(len(timeline) + 1))
    spans = [np.arange(a, b) for a, b in itertools.pairwise(bounds)]
    detections = Detections(timeline, tuple(rows.select(span) for span in spans), COCO17)
    notes = end_notes(clip, max(indices.values()), len(timeline))
    notes += turn_notes(xy, found, rotation)
    ids = _ids(clip, kept, spans, notes)
    return Imported(detections, ids, layout, (*_layout_notes(layout), *notes))


def _missing_marked(points: np.ndarray) -> np.ndarray:
    """(N, J, 3) with NaN for joints at exactly (0, 0) and without confidence."""
    missing = (points[..., :2] == 0).all(-1) | (points[..., 2] <= 0)
    return np.where(missing[..., None], np.nan, points)


def _check_numbers(clip: ForeignClip, points: np.ndarray, frames: Sequence[int]) -> None:
    """Raises: FormatError: (N, 17, 3) holds what is no position or no confidence."""
    wild = (np.abs(points[..., :2]) > LARGEST_COORDINATE).any(-1)
    wild |= points[..., 2] > LARGEST_CONFIDENCE
    for row, joint in np.argwhere(wild)[:1]:
        values = ", ".join(f"{value:g}" for value in points[row, joint])
        raise FormatError(
            f"{clip.source}: frame {frames[row]}: ({values}) is no x, y and confidence of the "
            f"{COCO17.joints[joint]}. Check --format and --layout, or write the file again."
        )


def _check_picture(
    clip: ForeignClip, xy: np.ndarray, found: np.ndarray, timeline: Timeline, rotation: int
) -> None:
    """Raises: FormatError: too many joints are outside for this to be their picture."""
    size = np.array([timeline.width, timeline.height])
    outside = found & ((xy < -0.25 * size) | (xy > 1.25 * size)).any(-1)
    if outside.sum() > MOST_OUTSIDE * found.sum():
        low, high = (np.nanpercentile(xy[found], q, axis=0) for q in (1, 99))
        advice = turn_advice((timeline.width, timeline.height), high, rotation)
        step = advice or "Give the video, or the --width and --height, that they are of."
        if clip.normalised:
            step = "Call the columns x and y if these are pixels; shares are 0 to 1."
        raise FormatError(
            f"{clip.source}: keypoints lie from ({low[0]:.0f}, {low[1]:.0f}) to "
            f"({high[0]:.0f}, {high[1]:.0f}), outside a picture of {timeline.width}x"
            f"{timeline.height}. {step}"
        )


def _near_picture(xy: np.ndarray, timeline: Timeline) -> np.ndarray:
    """(N, 17) bool: within one picture's size of the picture."""
    size = np.array([timeline.width, timeline.height])
    return np.asarray(((xy >= -size) & (xy <= 2 * size)).all(-1))


def _boxes(clip: ForeignClip, xy: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(N, 4) extents of the joints found. Raises: FormatError: these are no pixels."""
    low = np.where(found[..., None], xy, np.inf).min(1)
    high = np.where(found[..., None], xy, -np.inf).max(1)
    extent = float(np.median((high - low).max(-1)))
    if extent < SMALLEST_EXTENT_PX:
        raise FormatError(
            f"{clip.source}: people are {extent:.2g} pixels large: these are no pixels, or nobody "
            "that can be lifted. Write keypoints in pixels (OpenPose: --keypoint_scale 0), or call "
            "the columns of a table x_share and y_share."
        )
    return np.concatenate([low, high], -1)


def _check_face(
    clip: ForeignClip,
    layout: ForeignLayout,
    xy: np.ndarray,
    found: np.ndarray,
    boxes: np.ndarray,
) -> None:
    """Raises: LayoutMismatch: the face is as large as the body; these are other joints."""
    face = [j for j, joint in enumerate(COCO17.joints) if joint not in NEEDED]
    whole = found.sum(-1) >= len(NEEDED)
    whole &= found[:, face].all(-1)
    if not whole.any():
        return
    bodies = (boxes[whole, 2:] - boxes[whole, :2]).max(-1)
    faces = np.ptp(xy[whole][:, face], axis=1).max(-1)
    share = float(np.median(faces / np.maximum(bodies, 1)))
    if share > LARGEST_FACE:
        raise LayoutMismatch(
            f"{clip.source}: read as '{layout.name}', nose, eyes and ears spread over {share:.0%} "
            "of the body, so these joints are in another order. Name their layout with --layout."
        )


def _scores(
    people: Sequence[ForeignPerson], confidence: np.ndarray, found: np.ndarray
) -> np.ndarray:
    mean = confidence.sum(-1) / found.sum(-1)
    own = np.array([np.nan if person.score is None else person.score for person in people])
    with np.errstate(invalid="ignore"):
        return np.where((own > 0) & (own <= 1), own, mean)


def _neighbour_filled(xy: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(N, 17, 2) with missing joints where their neighbours along the bones are.

    A joint that no bone leads to is put in the middle of the joints found.
    """
    bones = np.zeros((COCO17.num_joints,) * 2)
    for a, b in COCO17.edges:
        bones[a, b] = bones[b, a] = 1
    xy, known = np.where(found[..., None], xy, 0), found.copy()
    for _ in range(COCO17.num_joints):
        weight = known.astype(float) @ bones
        reached = ~known & (weight > 0)
        if not reached.any():
            break
        mean = np.einsum("njc,jk->nkc", xy * known[..., None], bones)
        xy = np.where(reached[..., None], mean / np.maximum(weight, 1)[..., None], xy)
        known |= reached
    middle = (xy * found[..., None]).sum(1) / found.sum(1)[:, None]
    return np.where(known[..., None], xy, middle[:, None])


def _ids(
    clip: ForeignClip, people: Sequence[ForeignPerson], spans: list[np.ndarray], notes: list[str]
) -> tuple[np.ndarray, ...] | None:
    """The file's ids by frame; None where they do not tell everybody apart.

    Raises: FormatError: more people than can be.
    """
    own = [person.person_id for person in people]
    if all(number is None for number in own):
        return None
    ids = np.array([-1 if number is None else number for number in own])
    for frame, span in enumerate(spans):
        if -1 in ids[span] or len(set(ids[span])) < len(span):
            notes.append(
                f"its ids do not tell everybody apart (frame {frame}); people are tracked instead"
            )
            return None
    if (different := len(set(own))) * len(spans) > MAX_CELLS:
        raise FormatError(
            f"{clip.source}: has {different} people in {len(spans)} frames, more than fit in "
            "memory. Import a shorter stretch, or leave the ids out."
        )
    if clip.id_names:
        named = sorted(set(own), key=lambda number: number or 0)
        who = (f"{number} = {clip.id_names[number][:40]}" for number in named if number is not None)
        notes.append(f"people: {', '.join(who)}")
    return tuple(ids[span] for span in spans)


def _layout_notes(layout: ForeignLayout) -> list[str]:
    derived = [f"{j} = mean of {', '.join(s)}" for j, s in layout.coco.items() if len(s) > 1]
    notes = [f"derived joints: {'; '.join(derived)}"] if derived else []
    if layout.missing:
        notes.append(f"missing joints, confidence 0: {', '.join(layout.missing)}")
    return notes
