"""Files as other tools write them, made from keypoints that are known, and their import."""

from __future__ import annotations

import csv
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.data.archives.custom_2d import best_person, load_video_detections
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.foreign.layouts import known_layouts
from poselift.data.gaps import fill_gaps
from poselift.data.skeletons import COCO17
from poselift.pipeline.clip.import_keypoints import ImportedClip, ImportSettings, import_keypoints

WIDTH, HEIGHT, FPS = 640, 360, 30.0
TOLD = {"width": WIDTH, "height": HEIGHT, "fps": FPS}
GAP, ALONE, LOST = 20, 30, 5  # frames: nobody seen; only the first person; a wrist not found
WRIST = COCO17.index("left_wrist")
# x, y, confidence of COCO's joints; no entry where the tool saw nobody.
Person = np.ndarray
Frames = list[dict[int, Person]]


def two_dancers(detections: Path) -> Frames:
    """A real dancer of 60 frames and, to the right, the same one half a second later."""
    found = load_video_detections(detections)
    dancer = fill_gaps(best_person(found)).astype(np.float64)
    low, high = dancer.min((0, 1)), dancer.max((0, 1))
    dancer = (dancer - low) / (high - low) * (200, 300) + (50, 30)
    clip: Frames = []
    for t in range(60):
        clip.append({})
        for number, shift, late in ((1, 0, 0), (2, 330, 15)):
            certain = np.full((17, 1), 0.8 + 0.05 * number)
            xy = dancer[min(t + late, 59)] + (shift, 0)
            clip[t][number] = np.concatenate([xy, certain], 1)
    clip[GAP] = {}
    del clip[ALONE][2]
    clip[LOST][1] = clip[LOST][1].copy()
    clip[LOST][1][WRIST] = 0
    return clip


def in_layout(person: Person, name: str) -> np.ndarray:
    """(J, 3) of a shipped layout; the joints that COCO does not have lie at the nose."""
    layout = known_layouts()[name]
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


def write_poseflow(path: Path, frames: Frames) -> Path:
    """AlphaPose's people by image, as PoseFlow tracks them; frames without people are not there."""
    path = path.with_suffix(".json")
    content = {
        f"{t}.jpg": [
            {"keypoints": flat(person), "scores": 2.5, "idx": number}
            for number, person in people.items()
        ]
        for t, people in enumerate(frames)
        if people
    }
    path.write_text(json.dumps(content))
    return path


def write_coco_annotations(path: Path, frames: Frames) -> Path:
    """Images numbered from 1, ids that are not their numbers; joints in another order."""
    path = path.with_suffix(".json")
    order = list(range(17))[::-1]
    content = {
        "images": [
            {"id": 100 - t, "file_name": f"v/{t + 1:05d}.jpg", "width": WIDTH, "height": HEIGHT}
            for t in range(len(frames))
        ],
        "categories": [
            {"id": 3, "name": "dog"},
            {"id": 7, "name": "person", "keypoints": [COCO17.joints[j] for j in order]},
        ],
        "annotations": [
            {"image_id": 100 - t, "category_id": 7, "keypoints": flat(p[order]), "track_id": number}
            for t, people in enumerate(frames)
            for number, p in people.items()
        ]
        + [{"image_id": 100, "category_id": 3, "bbox": [1, 2, 3, 4]}],
    }
    path.write_text(json.dumps(content))
    return path


def write_labels(folder: Path, frames: Frames) -> Path:
    """Ultralytics' save_txt, save_conf and track: frames from 1, none without people."""
    folder.mkdir()
    for t, people in enumerate(frames, start=1):
        rows = []
        for number, person in people.items():
            shares = (person / (WIDTH, HEIGHT, 1)).ravel()
            cells = [0.5, 0.5, 0.2, 0.5, *shares, 0.875, number]
            rows.append(" ".join(["0", *(f"{cell:g}" for cell in cells)]))
        if rows:
            (folder / f"clip_{t}.txt").write_text("\n".join(rows) + "\n")
    return folder


def write_ultralytics(path: Path, frames: Frames) -> Path:
    """The results' to_json() of each frame in one list."""
    path = path.with_suffix(".json")
    content = [
        [
            {
                "name": "person",
                "class": 0,
                "confidence": 0.9,
                "box": {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0},
                "track_id": number,
                "keypoints": dict(zip(("x", "y", "visible"), map(flat, person.T), strict=True)),
            }
            for number, person in people.items()
        ]
        for people in frames
    ]
    path.write_text(json.dumps(content))
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


def write_deeplabcut_semicolons(path: Path, frames: Frames) -> Path:
    """As a spreadsheet of half of Europe saves it again."""
    path = write_deeplabcut(path, frames)
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))
    return path


def write_deeplabcut_h5(path: Path, frames: Frames) -> Path:
    """As pandas' to_hdf(format="table") does: records, and the columns' names pickled."""
    h5py = pytest.importorskip("h5py")
    rows = list(csv.reader(write_deeplabcut(path, frames).open()))
    columns = [tuple(names) for names in zip(*(row[1:] for row in rows[:4]), strict=True)]
    numbers = [[float(cell or "nan") for cell in row] for row in rows[4:]]
    kind = [("index", "<i8"), ("values_block_0", "<f8", (len(columns),))]
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        group["table"] = np.array([(int(row[0]), row[1:]) for row in numbers], kind)
        names = np.bytes_(pickle.dumps(columns, protocol=0))
        group["table"].attrs["values_block_0_kind"] = names
    return path


def write_joint_table(path: Path, frames: Frames, layout: str = "coco") -> Path:
    """A row a joint, in pixels; who lacks a joint has no row of it."""
    header = ["frame", "person", "joint", "x", "y", "confidence"]
    joints = known_layouts()[layout].joints
    rows = [
        [t, number, joint, *flat(point)]
        for t, people in enumerate(frames)
        for number, person in people.items()
        for joint, point in zip(joints, in_layout(person, layout), strict=False)
        if point[2]
    ]
    return write_table(path, [header, *rows])


def write_shares_table(path: Path, frames: Frames) -> Path:
    """MediaPipe's landmarks as a spreadsheet of half of Europe saves them, with times."""
    header = ["time_s", "frame", "joint", "x_share", "y_share", "z", "confidence", "person"]
    joints = known_layouts()["mediapipe_33"].joints
    lines = [";".join(header)]
    for t, people in enumerate(frames):
        for number, person in people.items():
            points = in_layout(person, "mediapipe_33") / (WIDTH, HEIGHT, 1)
            for joint, (x, y, certain) in zip(joints, points, strict=True):
                cells = [t / FPS, t, joint.upper(), x, y, -0.1, certain, number]
                lines.append(";".join(str(cell).replace(".", ",") for cell in cells))
    path = path.with_suffix(".csv")
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


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


# writer, name of the format, whether it tells people apart
WRITERS: dict[str, tuple[Callable[[Path, Frames], Path], str, bool]] = {
    "openpose": (write_openpose, "openpose", False),
    "openpose coco": (write_openpose_coco, "openpose", False),
    "alphapose": (write_alphapose, "alphapose", True),
    "coco": (write_coco, "coco", False),
    "poseflow": (write_poseflow, "alphapose", True),
    "coco annotations": (write_coco_annotations, "coco", True),
    "ultralytics labels": (write_labels, "ultralytics", True),
    "ultralytics": (write_ultralytics, "ultralytics", True),
    "mmpose video": (write_mmpose_video, "mmpose", False),
    "mmpose demo": (write_mmpose_demo, "mmpose", False),
    "mmpose images": (write_mmpose_images, "mmpose", False),
    "deeplabcut": (write_deeplabcut, "deeplabcut", True),
    "deeplabcut semicolons": (write_deeplabcut_semicolons, "deeplabcut", True),
    "deeplabcut hdf5": (write_deeplabcut_h5, "deeplabcut", True),
    "trc": (write_trc, "trc", True),
    "table": (write_joint_table, "table", True),
    "table of shares": (write_shares_table, "table", True),
}


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def imported(path: Path, **known: object) -> ImportedClip:
    return import_keypoints(path, ImportSettings(**(TOLD | known)))  # type: ignore[arg-type]


def refused(path: Path, *words: str, error: type[PoseliftError] = FormatError, **known) -> None:
    """The error names the file and says these words."""
    with pytest.raises(error) as caught:
        imported(path, **known)
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message
    assert re.search(r"[.)] [A-Z][^.]* .*\.$", message), "evidence, then the next step"
