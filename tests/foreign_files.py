"""Files as other tools write them, made from keypoints that are known."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.foreign.layouts import shipped
from poselift.data.skeletons import COCO17

WIDTH, HEIGHT, FPS = 640, 360, 30.0
# x, y, confidence of COCO's joints; no entry where the tool saw nobody.
Person = np.ndarray
Frames = list[dict[int, Person]]


def in_layout(person: Person, name: str) -> np.ndarray:
    """(J, 3) of a shipped layout; the joints that COCO does not have lie at the nose."""
    layout = shipped()[name]
    points = np.repeat(person[:1], layout.num_joints, axis=0)
    for joint, sources in layout.coco.items():
        for source in sources:
            points[layout.joints.index(source)] = person[COCO17.index(joint)]
    return points


def flat(points: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in points.ravel()]


def write_openpose(folder: Path, frames: Frames, layout: str = "body_25") -> Path:
    folder.mkdir()
    for t, people in enumerate(frames):
        found = [
            {"person_id": [-1], "pose_keypoints_2d": flat(in_layout(p, layout))}
            | {name: [] for name in ("face_keypoints_2d", "hand_left_keypoints_2d")}
            for p in people.values()
        ]
        content = {"version": 1.3, "people": found}
        (folder / f"clip_{t:012d}_keypoints.json").write_text(json.dumps(content))
    return folder


def write_openpose_coco(folder: Path, frames: Frames) -> Path:
    return write_openpose(folder, frames, "openpose_coco")


def write_alphapose(path: Path, frames: Frames, layout: str = "halpe_26") -> Path:
    path = path.with_suffix(".json")
    entries = [
        {
            "image_id": f"{t}.jpg",
            "category_id": 1,
            "keypoints": flat(in_layout(person, layout)),
            "score": 2.9,
            "box": [10.0, 10.0, 50.0, 100.0],
            "idx": [float(number)],
        }
        for t, people in enumerate(frames)
        for number, person in people.items()
    ]
    path.write_text(json.dumps(entries))
    return path


def write_coco(path: Path, frames: Frames) -> Path:
    path = path.with_suffix(".json")
    entries = [
        {"image_id": t, "category_id": 1, "keypoints": flat(person), "score": 0.9}
        for t, people in enumerate(frames)
        for person in people.values()
    ]
    path.write_text(json.dumps(entries))
    return path


def mmpose_instance(person: Person) -> dict[str, Any]:
    return {
        "keypoints": [flat(point) for point in person[:, :2]],
        "keypoint_scores": flat(person[:, 2]),
        "bbox": [[1.0, 2.0, 3.0, 4.0]],  # as MMPose really writes it
        "bbox_score": 0.95,
    }


def write_mmpose_video(path: Path, frames: Frames) -> Path:
    """As the inferencer writes a video's predictions."""
    path = path.with_suffix(".json")
    content = [
        {"frame_id": t, "instances": [mmpose_instance(p) for p in people.values()]}
        for t, people in enumerate(frames)
    ]
    path.write_text(json.dumps(content))
    return path


def write_mmpose_demo(path: Path, frames: Frames) -> Path:
    """As the demo scripts write them: frames from 1, with the joints' names."""
    path = path.with_suffix(".json")
    content = {
        "meta_info": {
            "dataset_name": "coco",
            "keypoint_id2name": {str(j): name for j, name in enumerate(COCO17.joints)},
        },
        "instance_info": [
            {"frame_id": t, "instances": [mmpose_instance(p) for p in people.values()]}
            for t, people in enumerate(frames, start=1)
        ],
    }
    path.write_text(json.dumps(content))
    return path


def write_mmpose_images(folder: Path, frames: Frames) -> Path:
    folder.mkdir()
    for t, people in enumerate(frames):
        content = [mmpose_instance(person) for person in people.values()]
        (folder / f"{t:06d}.json").write_text(json.dumps(content))
    return folder


def write_table(path: Path, rows: list[list[Any]]) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def write_deeplabcut(path: Path, frames: Frames) -> Path:
    """Several animals; empty cells where nobody is seen."""
    people = sorted({number for frame in frames for number in frame})
    cells = [
        (f"person{number}", joint, axis)
        for number in people
        for joint in COCO17.joints
        for axis in ("x", "y", "likelihood")
    ]
    names = ("individuals", "bodyparts", "coords")
    header = [["scorer", *["DLC_resnet50"] * len(cells)]]
    header += [
        [name, *column] for name, column in zip(names, zip(*cells, strict=True), strict=True)
    ]
    rows = [
        [t, *(value for n in people for value in (flat(frame[n]) if n in frame else [""] * 51))]
        for t, frame in enumerate(frames)
    ]
    return write_table(path, header + rows)


def shares(person: Person) -> np.ndarray:
    """(33, 4) of MediaPipe: x, y, z, visibility in shares of the picture."""
    points = in_layout(person, "mediapipe_33")
    xy = points[:, :2] / (WIDTH, HEIGHT)
    return np.column_stack([xy, np.full(len(xy), -0.1), points[:, 2]])


def write_mediapipe_json(path: Path, frames: Frames) -> Path:
    path = path.with_suffix(".json")
    names = ("x", "y", "z", "visibility")
    content = [
        {
            "frame": t,
            "pose_landmarks": [
                [dict(zip(names, map(float, point), strict=True)) for point in shares(person)]
                for person in people.values()
            ],
        }
        for t, people in enumerate(frames)
    ]
    path.write_text(json.dumps(content))
    return path


def write_mediapipe_wide(path: Path, frames: Frames) -> Path:
    """One row a frame, the first person."""
    header = ["frame", *(f"{axis}{j}" for j in range(33) for axis in "xyzv")]
    rows = [
        [t, *shares(people[1]).ravel().tolist()] for t, people in enumerate(frames) if 1 in people
    ]
    return write_table(path, [header, *rows])


def write_mediapipe_long(path: Path, frames: Frames) -> Path:
    """One row a landmark."""
    header = ["frame_id", "landmark_id", "landmark_name", "x", "y", "z", "visibility", "person"]
    joints = shipped()["mediapipe_33"].joints
    rows = [
        [t, j, joints[j].upper(), *point, number]
        for t, people in enumerate(frames)
        for number, person in people.items()
        for j, point in enumerate(shares(person).tolist())
    ]
    return write_table(path, [header, *rows])


# As Sports2D names its markers; it has no eyes and ears.
SPORTS2D = {
    "RHip": "right_hip", "RKnee": "right_knee", "RAnkle": "right_ankle",
    "LHip": "left_hip", "LKnee": "left_knee", "LAnkle": "left_ankle", "Nose": "nose",
    "RShoulder": "right_shoulder", "RElbow": "right_elbow", "RWrist": "right_wrist",
    "LShoulder": "left_shoulder", "LElbow": "left_elbow", "LWrist": "left_wrist",
}  # fmt: skip


def write_trc(folder: Path, frames: Frames, scale: float = 1) -> Path:
    """A file a person, as Sports2D writes it."""
    folder.mkdir(exist_ok=True)
    columns = [COCO17.index(joint) for joint in SPORTS2D.values()]
    for number in sorted({n for frame in frames for n in frame}):
        path = folder / f"clip_px_person{number:02d}.trc"
        axes = [f"{axis}{j + 1}" for j in range(len(SPORTS2D)) for axis in "XYZ"]
        names = "\t\t\t".join(SPORTS2D)
        what = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate"]
        values = [FPS, FPS, len(frames), len(SPORTS2D), "m", FPS]
        lines = [
            f"PathFileType\t4\t(X/Y/Z)\t{path}",
            "\t".join(what),
            "\t".join(map(str, values)),
            f"Frame#\tTime\t{names}\t\t\t",
            "\t\t" + "\t".join(axes),
        ]
        for t, people in enumerate(frames):
            cells = [""] * len(axes)
            if number in people:
                xy = people[number][columns, :2] * scale
                cells = [f"{v:.3f}" for v in np.column_stack([xy, np.zeros(len(xy))]).ravel()]
            lines.append("\t".join([str(t), f"{t / FPS:.4f}", *cells]))
        path.write_text("\n".join(lines) + "\n")
    return folder


Writer = Callable[[Path, Frames], Path]
