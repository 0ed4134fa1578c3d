"""What Blender makes of exports; run by a Python with bpy, see scripts/test-exports.

    python check_in_blender.py EXPECTED.json FOLDER [PICTURE.png]

Prints how far Blender's joints are from the rig's in every frame, in mm, for the
BVH, GLB, USD and FBX files in FOLDER, and renders the GLB's middle frame. Exit status 1 past half
a millimetre.
"""

import json
import sys
from pathlib import Path

import bpy
import mathutils
import numpy as np

LARGEST_MM = 0.5


def empty(fps):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for addon in ("io_anim_bvh", "io_scene_gltf2", "io_scene_fbx"):
        bpy.ops.preferences.addon_enable(module=addon)
    scene = bpy.context.scene
    scene.render.fps = round(fps)
    scene.render.fps_base = round(fps) / fps
    return scene


def open_file(path):
    if path.suffix == ".bvh":
        bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01)
    elif path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
    elif path.suffix == ".usda":
        bpy.ops.wm.usd_import(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)


def bones():
    """Pose bones of everybody, by their names without the person's, and their armature."""
    found = {}
    for thing in bpy.data.objects:
        if thing.type == "ARMATURE":
            for bone in thing.pose.bones:
                found.setdefault(bone.name.split("/")[-1], []).append((thing, bone))
    return found


def largest_mm(scene, person, prefix, frames):
    """Args: frames: (T,) of Blender, in which the person's joints are compared."""
    worst, known = 0.0, bones()
    names = [prefix + joint for joint in person["joints"]]
    # USD: joints of several people have the same names, each in an armature of their own.
    several = len(known[names[0]]) > 1
    for frame, places in zip(frames, person["places"], strict=True):
        scene.frame_set(int(np.floor(frame)), subframe=float(frame - np.floor(frame)))
        for name, (x, y, z) in zip(names, places, strict=True):
            own = known[name]
            armature, bone = own[person["row"]] if several else own[0]
            there = armature.matrix_world @ bone.head
            worst = max(worst, (there - mathutils.Vector((x, -z, y))).length * 1000)
    return worst


def check(path, people, fps):
    scene = empty(fps)
    open_file(path)
    shared = path.name.startswith("people")
    own = people if shared else [p for p in people if f"person_{p['id']}." in path.name]
    worst = 0.0
    for person in own:
        times = np.array(person["times_s"])
        frames = times * fps
        if path.suffix == ".bvh":
            frames = 1.0 + np.arange(len(times))
        elif path.suffix == ".fbx":
            frames = person["first_frame"] + np.arange(len(times))
        several = shared and path.suffix == ".glb" and len(people) > 1
        prefix = f"person_{person['id']}_" if several else ""
        worst = max(worst, largest_mm(scene, person, prefix, frames))
    print(
        f"Blender {bpy.app.version_string}: {path.name}: largest error {worst:.4f} mm", flush=True
    )
    return worst


def render(path, people, fps, picture):
    """The middle of the clip, from in front, above a floor of one metre's squares."""
    scene = empty(fps)
    open_file(path)
    middle = len(people[0]["times_s"]) // 2
    scene.frame_set(round(people[0]["times_s"][middle] * fps))
    hips = np.array(
        [person["places"][min(middle, len(person["places"]) - 1)][0] for person in people]
    )
    target = mathutils.Vector((hips[:, 0].mean(), -hips[:, 2].mean(), 0.8))
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=20, y_subdivisions=20, size=20)
    bpy.context.object.modifiers.new("lines", "WIREFRAME").thickness = 0.02
    camera = bpy.data.objects.new("view", bpy.data.cameras.new("view"))
    camera.location = target + mathutils.Vector((1.0, -6.0, 1.0))
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.rotation_euler, sun.data.energy = (0.6, 0.3, 0), 3
    for thing in (camera, sun):
        scene.collection.objects.link(thing)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.device = 8, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    scene.render.filepath = str(picture)
    bpy.ops.render.render(write_still=True)
    print(f"rendered: {picture}")


def main(expected, folder, picture=None):
    told = json.loads(Path(expected).read_text())
    people, fps = told["people"], told["fps"]
    files = [
        p for p in sorted(Path(folder).iterdir()) if p.suffix in (".bvh", ".glb", ".usda", ".fbx")
    ]
    worst = [check(path, people, fps) for path in files]
    if picture:
        render(Path(folder) / "people.glb", people, fps, picture)
    return 0 if files and max(worst) <= LARGEST_MM else 1


sys.exit(main(*sys.argv[1:]))
