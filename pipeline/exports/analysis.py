"""Makers of what movement measures: tables, OpenSim's MOT, and figures.

Always in metres, z up, of the world and at the video's own frames, whatever other formats are asked
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from poselift.data.exports.settings import Axes
from poselift.inference.movement.tables import angles_csv, angles_mot, contacts_csv, gait_csv
from poselift.pipeline.exports.formats import Made
from poselift.pipeline.exports.scene import Scene

MEASURED = frozenset({"angles", "gait", "mot", "plots"})


def angles_files(scene: Scene, axes: Axes) -> Made:
    return {"angles.csv": lambda: angles_csv(scene.filmed, scene.angles)}


def gait_files(scene: Scene, axes: Axes) -> Made:
    return {
        "gait.csv": lambda: gait_csv(scene.gaits),
        "contacts.csv": lambda: contacts_csv(scene.gaits),
    }


def mot_files(scene: Scene, axes: Axes) -> Made:
    names = [f"person_{person}_angles.mot" for person in scene.people]
    return {
        name: partial(lambda i, name: angles_mot(scene.angles, i, name), i, name)
        for i, name in enumerate(names)
    }


def plot_files(scene: Scene, axes: Axes) -> Made:
    from poselift.inference.movement.plots import angles_png, path_png  # matplotlib takes a while

    def angles(i: int) -> bytes:
        return angles_png(scene.angles, i, scene.gaits[i])

    def path(i: int) -> bytes:
        return path_png(scene.filmed, i, scene.gaits[i], scene.settings.cutoff_hz)

    makers = {"angles": angles, "path": path}
    return {
        f"person_{person}_{name}.png": partial(maker, i)
        for i, person in enumerate(scene.people)
        for name, maker in makers.items()
    }


def notes_of(scene: Scene, formats: Sequence[str]) -> list[str]:
    """What a user should know of what was measured, a sentence each.

    Args:
        formats: what is exported, of which some are MEASURED.
    """
    notes = []
    if not scene.settings.raw:
        rough = [
            str(person)
            for person, is_smooth in zip(scene.people, scene.angles.smoothed, strict=True)
            if not is_smooth
        ]
        if rough:
            notes.append(
                f"too short, or too few frames a second, for a low-pass: person {', '.join(rough)}"
                " is measured without"
            )
    if "gait" in formats and not any(gait.contacts for gait in scene.gaits):
        notes.append("nobody walks a stride, so there are no contacts and no steps")
    return notes
