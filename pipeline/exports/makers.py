"""What makes the files of each format: their names now, each content when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from poselift.data.exports.bvh import bvh
from poselift.data.exports.c3d import c3d
from poselift.data.exports.glb import glb
from poselift.data.exports.settings import Axes
from poselift.data.exports.tables import joints_csv, joints_parquet, poses_json, trc
from poselift.data.exports.usd import usda
from poselift.pipeline.exports.fbx import fbx_of, find_blender
from poselift.pipeline.exports.formats import Made
from poselift.pipeline.exports.scene import Scene


def bvh_files(scene: Scene, axes: Axes) -> Made:
    def made(row: int) -> bytes:
        return bvh(scene.motions[row], scene.fps, axes)

    return {f"person_{person}.bvh": partial(made, i) for i, person in enumerate(scene.people)}


def glb_files(scene: Scene, axes: Axes) -> Made:
    return {"people.glb": lambda: glb(scene.motions, scene.fps, axes, scene.cameras)}


def fbx_files(scene: Scene, axes: Axes) -> Made:
    """One person a file, as animation tools want it, in frames that are evenly spaced."""
    fps = scene.fps

    def made(row: int) -> bytes:
        motion = scene.motions[row]
        frames = motion.first_frame + np.arange(len(motion.times_s))
        blender = find_blender(scene.settings)
        return fbx_of(glb([replace(motion, times_s=frames / fps)], fps), fps, blender)

    return {f"person_{person}.fbx": partial(made, i) for i, person in enumerate(scene.people)}


def usda_files(scene: Scene, axes: Axes) -> Made:
    return {"people.usda": lambda: usda(scene.motions, scene.fps, axes, scene.cameras)}


def c3d_files(scene: Scene, axes: Axes) -> Made:
    names = [f"person_{person}.c3d" for person in scene.people]
    return {name: partial(c3d, scene.poses, i, axes) for i, name in enumerate(names)}


def trc_files(scene: Scene, axes: Axes) -> Made:
    names = [f"person_{person}.trc" for person in scene.people]
    return {name: partial(trc, scene.poses, i, name, axes) for i, name in enumerate(names)}


def csv_files(scene: Scene, axes: Axes) -> Made:
    return {"joints.csv": lambda: joints_csv(scene.poses, axes)}


def parquet_files(scene: Scene, axes: Axes) -> Made:
    return {"joints.parquet": lambda: joints_parquet(scene.poses, axes)}


def json_files(scene: Scene, axes: Axes) -> Made:
    return {"poses.json": lambda: poses_json(scene.poses, axes, scene.cameras)}
