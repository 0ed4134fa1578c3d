"""Run by Blender, not by Poselift: a GLB becomes an FBX.

    blender --background --factory-startup --python blender_fbx.py -- IN.glb OUT.fbx FPS

A unit of the scene is a centimetre, which the importer takes into account and FBX has, too: so no
object in the file is scaled. Bones, their rest pose and every frame are kept. Tried with 5.0.
"""

import sys

import bpy


def main(glb: str, fbx: str, fps: float) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for addon in ("io_scene_gltf2", "io_scene_fbx"):
        bpy.ops.preferences.addon_enable(module=addon)
    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 0.01
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps
    bpy.ops.import_scene.gltf(filepath=glb, disable_bone_shape=True)
    frames = [end for action in bpy.data.actions for end in action.frame_range]
    scene.frame_start, scene.frame_end = round(min(frames)), round(max(frames))
    bpy.ops.export_scene.fbx(
        filepath=fbx,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_simplify_factor=0.0,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_force_startend_keying=True,
    )


if __name__ == "__main__":
    source, made, rate = sys.argv[sys.argv.index("--") + 1 :]
    main(source, made, float(rate))
