"""Human3.6M's true 2D keypoints: the positions projected into the four cameras."""

from __future__ import annotations

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive
from poselift.data.archives.positions_archive import Positions
from poselift.data.cameras import image_coordinates, project, world_to_camera
from poselift.data.datasets.known_cameras import Camera, h36m_cameras
from poselift.data.skeletons import H36M17, H36M32

# The joints that are learnt and judged, within the 32 of the files.
KEPT = H36M32.indices(*H36M17.joints)


def view(positions: np.ndarray, camera: Camera) -> np.ndarray:
    """(T, J, 3) world positions, metres -> (T, J, 2) float32 pixels, lens distortion included.

    Raises: ValueError: the camera's lens is not known.
    """
    if camera.intrinsics is None:
        raise ValueError(f"camera {camera.id}: its lens is not known")
    seen = world_to_camera(positions, camera.orientation, camera.translation)
    xy = image_coordinates(project(seen, camera.intrinsics), camera.width, camera.height)
    return xy.astype(np.float32)


def project_views(positions: Positions) -> KeypointArchive:
    """All takes seen by their subject's cameras, as `data_2d_h36m_gt.npz` holds them.

    Args:
        positions: positions[subject][action] is (T, 32, 3) float32, metres.
    """
    views = {
        subject: {
            action: tuple(view(take[:, KEPT], camera) for camera in h36m_cameras()[subject])
            for action, take in actions.items()
        }
        for subject, actions in positions.items()
    }
    return KeypointArchive.of(H36M17, views)
