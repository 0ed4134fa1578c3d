"""USD as text: all people as skinned, animated figures (UsdSkel), each a SkelRoot.

Time codes are frames: a frame's code is its time by the rate, so that a variable rate stays
one. What has no schema (who, which frames were not seen) is custom data of the SkelRoot.
Source: Pixar, OpenUSD 24: the text format, UsdSkel's schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from poselift.data import __version__
from poselift.data.exports.camera import Camera, names_of
from poselift.data.exports.figure import colour_of, figure_of, standing
from poselift.data.exports.motion import Motion, Rig
from poselift.data.exports.settings import Axes

OWN = Axes("m", "y")
FILM_M = 0.036


def usda(
    motions: Sequence[Motion], fps: float, axes: Axes = OWN, cameras: Sequence[Camera] = ()
) -> bytes:
    """Everybody's motion.

    Args:
        fps: frames a second; a frame's time is its own.
        cameras: of each person, or none.
    """
    codes = np.concatenate([motion.times_s for motion in motions]) * fps
    lines = [
        "#usda 1.0",
        "(",
        "    customLayerData = {",
        f'        string generator = "Poselift {__version__}"',
        f'        string axes = "{axes.text}"',
        "    }",
        '    defaultPrim = "clip"',
        f"    metersPerUnit = {1 / axes.scale!r}",
        f'    upAxis = "{axes.up.upper()}"',
        f"    timeCodesPerSecond = {fps!r}",
        f"    framesPerSecond = {fps!r}",
        f"    startTimeCode = {_number(codes.min())}",
        f"    endTimeCode = {_number(codes.max())}",
        ")",
        "",
        'def Xform "clip"',
        "{",
    ]
    for i, motion in enumerate(motions):
        lines += ["    " + line for line in _person(motion.seen_in(axes), i, fps, axes)]
    for name, camera in names_of(cameras, [motion.person_id for motion in motions]).items():
        lines += ["    " + line for line in _camera(name, camera, axes, fps)]
    return ("\n".join([*lines, "}", ""])).encode("ascii")


def _person(motion: Motion, number: int, fps: float, axes: Axes) -> list[str]:
    """A SkelRoot of a motion that is in the file's axes."""
    name, rig = f"person_{motion.person_id}", motion.rig
    places, paths = standing(rig, axes.up), _paths(rig)
    unseen = (motion.first_frame + np.flatnonzero(motion.interpolated)).tolist()
    joints = f"uniform token[] joints = [{', '.join(map(_quoted, paths))}]"
    local = places.copy()
    for j, parent in enumerate(_parents(rig)):
        local[j] -= places[parent] if parent >= 0 else 0
    return [
        f'def SkelRoot "{name}" (',
        '    prepend apiSchemas = ["SkelBindingAPI"]',
        "    customData = {",
        f"        int64 person = {motion.person_id}",
        f"        int first_frame = {motion.first_frame}",
        f"        int[] interpolated_frames = {unseen}",
        "    }",
        ")",
        "{",
        f"    rel skel:skeleton = </clip/{name}/skeleton>",
        f"    rel skel:animationSource = </clip/{name}/motion>",
        '    def Skeleton "skeleton"',
        "    {",
        f"        {joints}",
        f"        uniform matrix4d[] bindTransforms = [{', '.join(map(_shift, places))}]",
        f"        uniform matrix4d[] restTransforms = [{', '.join(map(_shift, local))}]",
        "    }",
        '    def SkelAnimation "motion"',
        "    {",
        f"        {joints}",
        *("        " + line for line in _samples(motion, local, fps)),
        "    }",
        *("    " + line for line in _body(name, rig, places, number, axes)),
        "}",
    ]


def _samples(motion: Motion, local: np.ndarray, fps: float) -> list[str]:
    """Rotations and places of every frame, against the parents."""
    ends = len(local) - len(motion.rig.joints)
    scales = ", ".join(["(1, 1, 1)"] * len(local))
    rotations, places = (
        ["quatf[] rotations.timeSamples = {"],
        ["float3[] translations.timeSamples = {"],
    )
    still = ", ".join(["(1, 0, 0, 0)"] * ends)
    rest = ", ".join(map(_tuple, local[1:]))
    codes = map(_number, motion.times_s * fps)
    for code, turned, root in zip(
        codes, motion.rotations[..., [3, 0, 1, 2]], motion.root, strict=True
    ):
        whole = ", ".join(map(_tuple, turned.tolist()))
        rotations.append(f"    {code}: [{whole}, {still}],")
        places.append(f"    {code}: [{_tuple(root)}, {rest}],")
    return [f"half3[] scales = [{scales}]", *rotations, "}", *places, "}"]


def _body(name: str, rig: Rig, places: np.ndarray, number: int, axes: Axes) -> list[str]:
    """The figure and its colour."""
    body, colour = figure_of(rig, places, axes.scale), _tuple(colour_of(number))
    triangles = len(body.corners) // 3
    return [
        'def Material "colour"',
        "{",
        f"    token outputs:surface.connect = </clip/{name}/colour/shader.outputs:surface>",
        '    def Shader "shader"',
        "    {",
        '        uniform token info:id = "UsdPreviewSurface"',
        f"        color3f inputs:diffuseColor = {colour}",
        "        float inputs:roughness = 0.8",
        "        token outputs:surface",
        "    }",
        "}",
        'def Mesh "body" (prepend apiSchemas = ["SkelBindingAPI", "MaterialBindingAPI"])',
        "{",
        f"    rel material:binding = </clip/{name}/colour>",
        f"    int[] faceVertexCounts = {[3] * triangles}",
        f"    int[] faceVertexIndices = {list(range(len(body.corners)))}",
        f"    point3f[] points = [{', '.join(map(_tuple, body.corners))}]",
        f"    normal3f[] normals = [{', '.join(map(_tuple, body.normals))}] (",
        '        interpolation = "vertex"',
        "    )",
        f"    color3f[] primvars:displayColor = [{colour}]",
        f"    int[] primvars:skel:jointIndices = {body.joints.tolist()} (",
        "        elementSize = 1",
        '        interpolation = "vertex"',
        "    )",
        f"    float[] primvars:skel:jointWeights = {[1] * len(body.joints)} (",
        "        elementSize = 1",
        '        interpolation = "vertex"',
        "    )",
        '    uniform token subdivisionScheme = "none"',
        "}",
    ]


def _camera(name: str, camera: Camera, axes: Axes, fps: float) -> list[str]:
    """As a film FILM_M wide would be; lens and film are told in tenths of the file's unit."""
    place, turned = camera.posed(axes)
    width = 10 * FILM_M * axes.scale
    film = width / camera.width
    where = f"({', '.join(map(_number, place))}, 1)"
    rows = ("".join(f"({', '.join(f'{v:.9f}' for v in row)}, 0), " for row in t.T) for t in turned)
    matrices = [f"( {row}{where} )" for row in rows]
    lenses = [f"{focal * film:.9g}" for focal in camera.focals_px]
    if camera.path is None:
        moved = [f"matrix4d xformOp:transform = {matrices[0]}", f"float focalLength = {lenses[0]}"]
    else:
        codes = [_number(time_s * fps) for time_s in camera.times_s]
        moved = []
        for what, values in (
            ("matrix4d xformOp:transform", matrices),
            ("float focalLength", lenses),
        ):
            samples = [f"    {code}: {value}," for code, value in zip(codes, values, strict=True)]
            moved += [f"{what}.timeSamples = {{", *samples, "}"]
    return [
        f'def Camera "{name}" (',
        "    customData = {",
        f"        double[] off_px = {list(camera.off_px)}",
        "    }",
        ")",
        "{",
        f"    float horizontalAperture = {width:.9g}",
        f"    float verticalAperture = {camera.height * film:.9g}",
        f"    float2 clippingRange = ({_number(0.01 * axes.scale)}, {_number(1000 * axes.scale)})",
        *("    " + line for line in moved),
        '    uniform token[] xformOpOrder = ["xformOp:transform"]',
        "}",
    ]


def _paths(rig: Rig) -> list[str]:
    """Of the joints and then the ends, as UsdSkel names them: Hips/Spine."""
    paths: list[str] = []
    for joint, parent in zip(rig.joints, rig.parents, strict=True):
        paths.append(f"{paths[parent]}/{joint}" if parent >= 0 else joint)
    return paths + [f"{paths[rig.index(joint)]}/{joint}_end" for joint in rig.ends]


def _parents(rig: Rig) -> list[int]:
    return [*rig.parents, *map(rig.index, rig.ends)]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _shift(place: np.ndarray) -> str:
    """The matrix of a place; rows are vectors."""
    return f"( (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), ({', '.join(map(_number, place))}, 1) )"


def _tuple(values: Iterable[float]) -> str:
    return f"({', '.join(map(_number, values))})"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
