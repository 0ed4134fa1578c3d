"""Angles against bodies that were built with them, and what turning and mirroring do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_people import STILL, clip
from walkers import poses_of

import poselift
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Poses3D
from poselift.inference.low_pass import even_times, low_pass, velocities
from poselift.inference.movement.angles import JOINT_ANGLES, NAMES, POLE_DEG, angles_of

DEGREES = st.floats(-170, 170)
SIDES = ("right", "left")


def turn(axis: int, degrees: float) -> np.ndarray:
    """(3, 3) by which column vectors turn about a world axis, x right, y ahead, z up."""
    a, b = [i for i in range(3) if i != axis]
    turned = np.eye(3)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned[a, a] = turned[b, b] = c
    turned[a, b], turned[b, a] = (-s, s) if axis != 1 else (s, -s)
    return turned


def body(**asked: float) -> np.ndarray:
    """(17, 3) somebody who faces y, built by turning limbs that hang; what is not asked is 0.

    Args:
        asked: flexion of joints by the names of JOINT_ANGLES.
    """
    at = {joint: np.zeros(3) for joint in H36M17.joints}
    at["hip"] = np.array([0.0, 0, 1])
    for joint, below, up in (("spine", "hip", 0.25), ("thorax", "spine", 0.25),
                             ("neck", "thorax", 0.1), ("head", "neck", 0.2)):  # fmt: skip
        at[joint] = at[below] + (0, 0, up)
    for side, sign in (("right", 1.0), ("left", -1.0)):
        at[f"{side}_hip"] = at["hip"] + (sign * 0.13, 0, 0)
        at[f"{side}_shoulder"] = at["thorax"] + (sign * 0.18, 0, 0)
        for near, bend, end, knee in (
            ("hip", "knee", "ankle", -1),
            ("shoulder", "elbow", "wrist", 1),
        ):
            flexion, bent = (asked.get(f"{side}_{j}", 0.0) for j in (near, bend))
            away = asked.get(f"{side}_{near}_abduction", 0.0)
            # About y first: by how much it leaves the plane of walking; then forwards about x.
            hang = turn(0, flexion) @ turn(1, -sign * away) @ np.array([0, 0, -1.0])
            lower = turn(0, flexion + knee * bent) @ turn(1, -sign * away) @ np.array([0, 0, -1.0])
            if away:
                lower = hang
            at[f"{side}_{bend}"] = at[f"{side}_{near}"] + 0.4 * hang
            at[f"{side}_{end}"] = at[f"{side}_{bend}"] + 0.35 * lower
    return np.array([at[joint] for joint in H36M17.joints])


def of(places: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, angles_of(places[None])[0].tolist(), strict=True))


def random_body(seed: int) -> np.ndarray:
    """(17, 3) joints that are anywhere, its hips not above each other."""
    places = np.random.default_rng(seed).normal(0, 0.4, (17, 3))
    hips = H36M17.indices("right_hip", "left_hip")
    places[hips, 2] *= 0.3
    return places


def test_who_stands_is_at_zero() -> None:
    found = of(body())
    for name in JOINT_ANGLES:
        assert found[name] == pytest.approx(0, abs=1e-9)
    assert found["pelvis"] == found["shoulders"] == 0
    upright = {name for name in NAMES if name not in (*JOINT_ANGLES, "pelvis", "shoulders")}
    assert {found[name] for name in upright} == {90.0}


@settings(max_examples=60, deadline=None)
@given(*(st.floats(0, 150) for _ in range(4)), *(DEGREES for _ in range(4)))
def test_bent_joints_are_found(
    left_knee: float, right_knee: float, left_elbow: float, right_elbow: float,
    left_hip: float, right_hip: float, left_shoulder: float, right_shoulder: float,
) -> None:  # fmt: skip
    asked = dict(locals())
    found = of(body(**asked))
    for name, degrees in asked.items():
        assert found[name] == pytest.approx(degrees, abs=1e-6)
    for side in SIDES:
        assert found[f"{side}_hip_abduction"] == pytest.approx(0, abs=1e-6)
        # A thigh that swings forwards leans backwards from knee to hip.
        assert found[f"{side}_thigh"] == pytest.approx(wrapped(90 + asked[f"{side}_hip"]), abs=1e-6)
        shank = 90 + asked[f"{side}_hip"] - asked[f"{side}_knee"]
        assert found[f"{side}_shank"] == pytest.approx(wrapped(shank), abs=1e-6)


def wrapped(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SIDES), st.sampled_from(["hip", "shoulder"]), st.floats(-75, 75), DEGREES)
def test_flexion_and_abduction_are_told_apart(
    side: str, joint: str, abduction: float, flexion: float
) -> None:
    name = f"{side}_{joint}"
    found = of(body(**{name: flexion, f"{name}_abduction": abduction}))
    assert found[name] == pytest.approx(flexion, abs=1e-6)
    assert found[f"{name}_abduction"] == pytest.approx(abduction, abs=1e-6)


def test_arms_straight_out_have_no_flexion() -> None:
    for away, has_one in ((90 - POLE_DEG - 1, True), (90 - POLE_DEG + 1, False)):
        found = of(body(left_shoulder_abduction=away))
        assert np.isfinite(found["left_shoulder"]) == np.isfinite(found["left_arm"]) == has_one
        assert found["left_shoulder_abduction"] == pytest.approx(away)


def test_a_trunk_that_leans_forwards_is_below_ninety() -> None:
    leaning = body() @ turn(0, -30).T
    found = of(leaning)
    assert found["trunk"] == pytest.approx(60) and found["head"] == pytest.approx(60)
    tilted = of(body() @ turn(1, 20).T)
    assert tilted["pelvis"] == pytest.approx(tilted["shoulders"]) == pytest.approx(20)
    assert tilted["left_hip"] == pytest.approx(0, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-180, 180), st.tuples(*[st.floats(-9, 9)] * 3))
def test_turning_about_up_and_moving_change_nothing(
    seed: int, degrees: float, moved: tuple[float, float, float]
) -> None:
    places = random_body(seed)
    there = places @ turn(2, degrees).T + moved
    a, b = angles_of(places[None]), angles_of(there[None])
    assert (np.isnan(a) == np.isnan(b)).all() or seam(a, b)
    assert np.nanmax(np.abs(wrapped_all(a - b))) < 1e-6


def seam(a: np.ndarray, b: np.ndarray) -> bool:
    """Only at the very edge of what is defined may two differ in whether there is a value."""
    return int((np.isnan(a) != np.isnan(b)).sum()) <= 1


def wrapped_all(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_the_mirror_swaps_the_sides(seed: int) -> None:
    places = random_body(seed)
    mirrored = (places * (-1, 1, 1))[list(H36M17.mirror)]
    found, other = of(places), of(mirrored)
    for name, degrees in found.items():
        side, _, rest = name.partition("_")
        twin = {"left": "right_", "right": "left_"}.get(side, "") + (rest or "")
        sign = -1 if name in ("pelvis", "shoulders") else 1
        expected = other[twin if side in SIDES else name]
        difference = wrapped(sign * degrees - expected)
        assert np.isnan(degrees) == np.isnan(expected)
        assert np.isnan(degrees) or difference == pytest.approx(0, abs=1e-6)


def test_hips_above_each_other_and_bones_of_no_length_have_no_angle() -> None:
    found = of(body() @ turn(1, 85).T)
    assert np.isnan(found["trunk"]) and np.isnan(found["left_shank"])
    assert found["left_knee"] == pytest.approx(0, abs=1e-6)
    places = body()
    places[H36M17.index("left_ankle")] = places[H36M17.index("left_knee")]
    assert np.isnan(of(places)["left_knee"]) and np.isfinite(of(places)["right_knee"])


def waves(times_s: np.ndarray, hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * times_s)[:, None, None] * np.ones((17, 3))


@pytest.mark.parametrize("jitter", [0.0, 0.15], ids=["even", "variable rate"])
def test_slow_passes_and_quick_does_not(jitter: float) -> None:
    rng = np.random.default_rng(0)
    times_s = (np.arange(300) + jitter * rng.uniform(-1, 1, 300)) / 60
    for hz, least, most in ((1.0, 0.97, 1.02), (6.0, 0.45, 0.55), (20.0, 0, 0.07)):
        smooth = low_pass(waves(times_s, hz), times_s)[60:-60]
        assert least <= np.sqrt(2 * (smooth**2).mean()) <= most
    # No lag: at 3 Hz the zeros are where they were.
    smooth = low_pass(waves(times_s, 3.0), times_s)[:, 0, 0]
    assert np.corrcoef(smooth[60:-60], waves(times_s, 3.0)[60:-60, 0, 0])[0, 1] > 0.999


def test_too_short_or_too_slow_stays_as_it_is() -> None:
    for count, fps, is_smooth in (
        (9, 30, False),
        (10, 30, True),
        (200, 12, False),
        (200, 13, True),
    ):
        rng = np.random.default_rng(1)
        world = body() + rng.normal(0, 0.01, (count, 17, 3))
        poses = poses_of(world, np.arange(count) / fps)
        found = poselift.angles(poses)
        assert found.smoothed.tolist() == [is_smooth]
        raw = poselift.angles(poses, None)
        assert not raw.smoothed.any() and raw.cutoff_hz is None
        assert np.allclose(found.degrees, raw.degrees, equal_nan=True) == (not is_smooth)


def test_a_hole_in_time_is_not_smoothed_over() -> None:
    times_s = np.concatenate([np.arange(30) / 30, 100 + np.arange(30) / 30])
    values = np.concatenate([np.zeros(30), np.ones(30)])
    np.testing.assert_allclose(low_pass(values, times_s), values, atol=1e-9)
    speed = velocities(values[:, None] * (0, 0, 1), times_s)
    np.testing.assert_allclose(speed, 0, atol=1e-9)
    assert len(even_times(times_s[:30])) == 30
    with pytest.raises(ValueError, match="do not rise"):
        low_pass(values, times_s[::-1])


def test_speeds_are_by_the_times_of_frames() -> None:
    times_s = np.array([0, 0.03, 0.1, 0.13, 0.2, 0.23, 0.3])
    world = body() + (times_s * 1.5)[:, None, None] * (0.6, 0.8, 0)
    speeds = poselift.speeds(poses_of(world, times_s))
    np.testing.assert_allclose(speeds, 1.5, atol=1e-9)


def test_frames_outside_a_life_are_empty_and_interpolated_ones_told() -> None:
    poses = clip(STILL)[1]
    poses.valid[0, :3] = False
    poses.world[0, :3] = np.nan
    poses.interpolated[0, 5] = True
    found = poselift.angles(poses)
    assert np.isnan(found.degrees[0, :3]).all() and np.isfinite(found.of(1, "trunk")[3:]).all()
    assert found.interpolated.nonzero()[1].tolist() == [5]
    assert np.isnan(poselift.speeds(poses)[0, :3]).all()
    assert repr(found) == f"Angles(1 person, {len(poses.timeline)} frames, {len(NAMES)} angles)"


def test_mistakes_are_told() -> None:
    poses = clip(STILL)[1]
    with pytest.raises(poselift.UnknownName, match="angle 'left_ankle'"):
        poselift.angles(poses).of(1, "left_ankle")
    with pytest.raises(poselift.UnknownName, match="person '9'"):
        poselift.angles(poses).of(9, "trunk")
    with pytest.raises(ValueError, match="cut-off of -1 Hz"):
        poselift.angles(poses, -1)
    other = Poses3D(**{**poses.__dict__, "layout": COCO17})
    with pytest.raises(poselift.LayoutMismatch, match="'coco'"):
        poselift.angles(other)
