"""Poses beside other instruments: a stream of the Lab Streaming Layer for each person.

Each sample is a person's joints in the world, metres, stamped with the time at which the picture
came to this computer, by the clock of that layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from poselift.data.errors import MissingDependency
from poselift.inference.live.frames import LiveFrame, LivePerson

# Streams that are kept open; who comes after them has none.
MOST_STREAMS = 16


class LabStreams:
    """Streams Poselift-1, Poselift-2, ... of type MoCap; see Output."""

    def __init__(self, name: str) -> None:
        """Args: name: what the source is called. Raises: MissingDependency."""
        try:
            import pylsl
        except (ImportError, RuntimeError) as error:  # without its library it raises the latter
            raise MissingDependency(
                "--lsl needs 'pylsl' and its library liblsl: pip install 'poselift[live]'."
            ) from error
        self._pylsl, self._name = pylsl, name
        self._outlets: dict[int, Any] = {}

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        came_s = self._pylsl.local_clock() - frame.age_s
        for person in frame.people:
            outlet = self._outlets.get(person.person_id)
            if outlet is None and len(self._outlets) < MOST_STREAMS:
                outlet = self._outlets[person.person_id] = self._outlet(frame, person)
            if outlet is not None:
                sample = np.append(person.world, float(person.seen)).astype(np.float32)
                outlet.push_sample(sample.tolist(), came_s)

    def close(self) -> None:
        """See Output.close."""
        self._outlets.clear()

    def _outlet(self, frame: LiveFrame, person: LivePerson) -> Any:
        joints = frame.layout.joints
        stream = f"Poselift-{person.person_id}"
        info = self._pylsl.StreamInfo(
            stream, "MoCap", 3 * len(joints) + 1, 0.0, "float32", f"{stream}-{self._name}"
        )
        channels = info.desc().append_child("channels")
        for joint in joints:
            for axis in "XYZ":
                channel = channels.append_child("channel")
                channel.append_child_value("label", f"{joint}_{axis.lower()}")
                channel.append_child_value("unit", "meters")
                channel.append_child_value("type", f"Position{axis}")
        seen = channels.append_child("channel")
        seen.append_child_value("label", "seen")
        return self._pylsl.StreamOutlet(info)
