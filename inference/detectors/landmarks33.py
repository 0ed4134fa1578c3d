"""The 33 landmarks of BlazePose (MediaPipe), and how they become other layouts.

Source: MediaPipe's Pose Landmarker guide (Apache-2.0), for names and order.
"""

from __future__ import annotations

import numpy as np

from poselift.data.skeletons import COCO17, H36M17, Skeleton

BLAZEPOSE33 = Skeleton(
    name="blazepose33",
    joints=(
        "nose", "left_eye_inner", "left_eye", "left_eye_outer",
        "right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear",
        "left_mouth", "right_mouth", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "left_heel", "right_heel", "left_foot_index", "right_foot_index",
    ),
    bones=(
        ("nose", "left_eye_inner"), ("left_eye_inner", "left_eye"),
        ("left_eye", "left_eye_outer"), ("left_eye_outer", "left_ear"),
        ("nose", "right_eye_inner"), ("right_eye_inner", "right_eye"),
        ("right_eye", "right_eye_outer"), ("right_eye_outer", "right_ear"),
        ("left_mouth", "right_mouth"), ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_wrist", "left_pinky"), ("left_wrist", "left_index"), ("left_wrist", "left_thumb"),
        ("right_wrist", "right_pinky"), ("right_wrist", "right_index"),
        ("right_wrist", "right_thumb"),
        ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("left_ankle", "left_heel"),
        ("left_heel", "left_foot_index"),
        ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("right_ankle", "right_heel"),
        ("right_heel", "right_foot_index"),
    ),
)  # fmt: skip

# Joints of Human3.6M that lie in the middle of landmarks. The spine and the neck have no
# landmarks near them: they lie on the line from the hip to the thorax, and to the ears.
_MIDDLES = {
    "hip": ("left_hip", "right_hip"),
    "thorax": ("left_shoulder", "right_shoulder"),
    "head": ("left_ear", "right_ear"),
}


def to_coco(landmarks: np.ndarray) -> np.ndarray:
    """(..., 33, D) -> (..., 17, D): COCO's joints, each of which is a landmark."""
    return landmarks[..., list(BLAZEPOSE33.indices(*COCO17.joints)), :]


def to_h36m(landmarks: np.ndarray) -> np.ndarray:
    """(..., 33, D) -> (..., 17, D): a baseline's joints as Human3.6M names them.

    Limbs are landmarks. Hip, thorax and head are middles of hips, shoulders and ears; the
    spine is the middle of hip and thorax, the neck a third of the way from thorax to head.
    """
    joints: dict[str, np.ndarray] = {
        name: landmarks[..., BLAZEPOSE33.index(name), :] for name in BLAZEPOSE33.joints
    }
    joints |= {name: (joints[a] + joints[b]) / 2 for name, (a, b) in _MIDDLES.items()}
    joints["spine"] = (joints["hip"] + joints["thorax"]) / 2
    joints["neck"] = (2 * joints["thorax"] + joints["head"]) / 3
    return np.stack([joints[name] for name in H36M17.joints], axis=-2)
