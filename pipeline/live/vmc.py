"""One person as an avatar's bones: the Virtual Motion Capture protocol, OSC by UDP.

Rotations are those of the rig that files are written with, made of the last frames. The axes are
Unity's: left-handed, y up, an avatar faces z; ours with x mirrored.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from poselift.data.exports.motion import Motion
from poselift.data.structures import Poses3D, Timeline
from poselift.inference.live.frames import LiveFrame, LivePerson
from poselift.inference.poses.rigging import NAMES, rig
from poselift.pipeline.live.osc import bundle, message
from poselift.pipeline.live.outputs import Datagrams, Place

# The rig's joints as Unity calls them (HumanBodyBones).
BONES = {
    "Hips": "Hips", "Spine": "Spine", "Spine1": "Chest", "Neck": "Neck", "Head": "Head",
    **{
        f"{side}{ours}": f"{side}{unity}"
        for side in ("Left", "Right")
        for ours, unity in (
            ("Shoulder", "Shoulder"), ("Arm", "UpperArm"), ("ForeArm", "LowerArm"),
            ("Hand", "Hand"), ("UpLeg", "UpperLeg"), ("Leg", "LowerLeg"), ("Foot", "Foot"),
        )
    },
}  # fmt: skip
# Frames that the newest one's rotations are made of: limbs that are straight keep their twist.
RIG_FRAMES = 15
ROOT = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


class Vmc:
    """The person with the lowest id, as long as there is one; see Output.

    Attributes:
        person_id: who is sent; None: nobody.
    """

    def __init__(self, place: Place) -> None:
        """Raises: OutputError: no such computer."""
        self._datagrams = Datagrams(place)
        self._last: deque[tuple[LiveFrame, LivePerson]] = deque(maxlen=RIG_FRAMES)
        self.person_id: int | None = None

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        there = {person.person_id: person for person in frame.people}
        if self.person_id not in there:
            self.person_id = min(there, default=None)
            self._last.clear()
        messages = [message("/VMC/Ext/OK", int(bool(there))), message("/VMC/Ext/T", frame.time_s)]
        if self.person_id is not None:
            self._last.append((frame, there[self.person_id]))
            messages += bones_of(self._motion())
        self._datagrams.put(bundle(messages))

    def close(self) -> None:
        """See Output.close."""
        self._datagrams.close()

    def _motion(self) -> Motion:
        """Of the last frames."""
        frames, people = zip(*self._last, strict=True)
        newest: LiveFrame = frames[-1]
        times = np.array([frame.time_s for frame in frames])
        fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 30.0
        seen = np.ones((1, len(times)), bool)
        return rig(
            Poses3D(
                timeline=Timeline(newest.width, newest.height, fps, times),
                person_id=np.array([self.person_id]),
                pose=np.stack([person.pose for person in people])[None],
                trajectory=None,
                world=np.stack([person.world for person in people])[None],
                valid=seen,
                interpolated=~seen,
                up=newest.up,
                focal_px=float("nan"),
                layout=newest.layout,
            )
        )[0]


def bones_of(motion: Motion) -> list[bytes]:
    """The last frame's bones: place and rotation of each against its parent."""
    messages = [message("/VMC/Ext/Root/Pos", "root", *ROOT)]
    places = motion.rig.offsets.copy()
    places[0] = motion.root[-1]
    for joint, place, rotation in zip(NAMES, places, motion.rotations[-1], strict=True):
        x, y, z = (float(value) for value in place)
        i, j, k, w = (float(value) for value in rotation)
        messages.append(message("/VMC/Ext/Bone/Pos", BONES[joint], -x, y, z, i, -j, -k, w))
    return messages
