"""USD, C3D and Parquet as their own libraries read them back."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import ezc3d
import numpy as np
import pandas
import pyarrow.parquet
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel
from standing_people import PAIR, clip

import poselift
from poselift.data.exports import c3d
from poselift.data.exports.settings import ExportSettings
from poselift.data.structures import Poses3D
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of


@pytest.fixture(scope="module")
def poses() -> Poses3D:
    """Two people who wave, at an uneven rate; the second comes late and was not seen once."""
    times_s = np.arange(12) / 29.97
    times_s[6:] += 0.02
    made = clip(PAIR, times_s)[1]
    made.world[:, :, 13] += np.sin(np.arange(12) / 3)[:, None] * (0, 0.05, 0.1)
    for places in (made.world, made.pose):
        places[1, :3] = np.nan
    made.valid[1, :3] = False
    made.interpolated[1, 5:7] = True
    timeline = poselift.Timeline(640, 360, 29.97, times_s)
    return Poses3D(
        timeline, made.person_id, made.pose, None, made.world, made.valid, made.interpolated,
        made.up, float("nan"),
    )  # fmt: skip


@pytest.mark.parametrize("settings", [ExportSettings(), ExportSettings(units="cm", up="z")])
def test_usd_moves_as_the_rig_does(
    poses: Poses3D, tmp_path: Path, settings: ExportSettings
) -> None:
    scene = scene_of(poses, settings)
    path = tmp_path / "people.usda"
    path.write_bytes(exports_of(scene, ["usd"])["people.usda"]())
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == (settings.up or "y").upper()
    scale = 1 / UsdGeom.GetStageMetersPerUnit(stage)
    assert scale == (100 if settings.units == "cm" else 1)
    assert stage.GetFramesPerSecond() == 29.97
    cache = UsdSkel.Cache()
    for motion in scene.motions:
        root = stage.GetPrimAtPath(f"/clip/person_{motion.person_id}")
        told = root.GetCustomData()
        assert told["person"] == motion.person_id
        unseen = np.flatnonzero(motion.interpolated) + motion.first_frame
        assert list(told.get("interpolated_frames", [])) == unseen.tolist()
        cache.Populate(UsdSkel.Root(root), Usd.PrimDefaultPredicate)
        skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath(root.GetPath().AppendChild("skeleton")))
        query = cache.GetSkelQuery(skeleton)
        assert query.HasBindPose() and query.HasRestPose()
        names = [str(path).split("/")[-1] for path in query.GetJointOrder()]
        rows = [names.index(joint) for joint in motion.rig.joints]
        expected = motion.positions()
        if settings.up == "z":
            expected = np.stack([expected[..., 0], -expected[..., 2], expected[..., 1]], -1)
        for time_s, places in zip(motion.times_s, expected, strict=True):
            code = Usd.TimeCode(float(time_s * 29.97))
            found = np.array(query.ComputeJointSkelTransforms(code))[rows, 3, :3]
            assert np.abs(found / scale - places).max() < 2e-5
        body = UsdGeom.Mesh(stage.GetPrimAtPath(root.GetPath().AppendChild("body")))
        skinned = cache.GetSkinningQuery(body.GetPrim())
        assert skinned.HasJointInfluences() and skinned.IsRigidlyDeformed() is False
        corners = np.array(body.GetPointsAttr().Get())
        assert corners[:, "XYZ".index((settings.up or "y").upper())].min() > -0.05 * scale
        assert np.allclose(np.array(query.GetJointWorldBindTransforms())[:, 3, 3], 1)
        assert Gf.IsClose(query.ComputeJointLocalTransforms(Usd.TimeCode(0))[0][3][3], 1, 1e-9)


def test_c3d_is_in_millimetres_and_says_which_axis_points_up(
    poses: Poses3D, tmp_path: Path
) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(exports_of(scene_of(poses, ExportSettings()), ["c3d"])["person_2.c3d"]())
    read = ezc3d.c3d(str(path))
    points, about = read["data"]["points"], read["parameters"]
    np.testing.assert_allclose(points[:3].transpose(2, 1, 0), 1000 * poses.world[1, 3:], atol=0.001)
    assert about["POINT"]["LABELS"]["value"] == list(poses.layout.joints)
    assert about["POINT"]["UNITS"]["value"] == ["mm"]
    assert about["POINT"]["RATE"]["value"][0] == pytest.approx(29.97, abs=1e-5)
    screens = [about["POINT"][f"{axis}_SCREEN"]["value"] for axis in "XY"]
    assert screens == [["+X"], ["+Z"]]
    assert about["POSELIFT"]["INTERPOLATED"]["value"].tolist() == [6, 7]  # from 1
    assert about["POSELIFT"]["PERSON"]["value"].tolist() == [2]
    first, last = struct.unpack_from("<HH", path.read_bytes(), 6)
    assert (first, last) == (4, 12)  # the clip's frames, from 1
    y_up = exports_of(scene_of(poses, ExportSettings(up="y")), ["c3d"])["person_2.c3d"]()
    path.write_bytes(y_up)
    read = ezc3d.c3d(str(path))
    assert read["parameters"]["POINT"]["Y_SCREEN"]["value"] == ["+Y"]
    np.testing.assert_allclose(read["data"]["points"][1, 10], 1000 * poses.world[1, 3:, 10, 2])


def test_c3d_counts_no_further_than_it_can(poses: Poses3D, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c3d, "LAST_FRAME", 11)
    (content, _) = exports_of(scene_of(poses, ExportSettings()), ["c3d"]).values()
    with pytest.raises(poselift.FormatError, match="in frame 12, and C3D counts to 11"):
        content()


def test_parquet_is_the_table_of_the_csv(poses: Poses3D, tmp_path: Path) -> None:
    made = exports_of(scene_of(poses, ExportSettings()), ["csv", "parquet"])
    for name, content in made.items():
        (tmp_path / name).write_bytes(content())
    table = pandas.read_parquet(tmp_path / "joints.parquet")
    plain = pandas.read_csv(tmp_path / "joints.csv")
    assert list(table) == list(plain) and len(table) == (12 + 9) * 17
    assert table.interpolated.dtype == bool and table.joint.tolist() == plain.joint.tolist()
    numbers = ["person", "frame", "time_s", "interpolated", "x_m", "y_m", "z_m"]
    np.testing.assert_allclose(table[numbers].astype(float), plain[numbers], atol=1e-6)
    told = json.loads(
        pyarrow.parquet.read_schema(tmp_path / "joints.parquet").metadata[b"poselift"]
    )
    assert told["units"] == "metres" and told["fps"] == 29.97
    assert ["hip", "spine"] in told["bones"] and "z up" in told["axes"]


@pytest.mark.parametrize(("name", "package"), [("c3d", "ezc3d"), ("parquet", "pyarrow")])
def test_a_package_that_is_not_there_is_told_before_the_work(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = f"Exporting to {name} needs '{package}', .* pip install {package} .*poselift.exports."
    with pytest.raises(poselift.MissingDependency, match=said):
        poselift.RunSettings(exports=(name,))
