"""Gait against walkers whose contacts are known, made and captured."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from walkers import REST, poses_of, walker, with_ankles

import poselift
from poselift.data.skeletons import H36M17
from poselift.inference.movement.gait import Gait

AT = H36M17.index


def only(world: np.ndarray, times_s: np.ndarray) -> Gait:
    (found,) = poselift.gait(poses_of(world, times_s))
    return found


def turned(world: np.ndarray, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return world @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([25, 30, 50, 60, 120]), st.floats(0.5, 2.0), st.floats(0.9, 1.5),
    st.floats(0.55, 0.7), st.floats(-180, 180),
)  # fmt: skip
def test_a_made_walker(
    fps: int, speed: float, stride_s: float, stance: float, heading: float
) -> None:
    times_s = np.arange(round(6 * fps)) / fps
    found = only(turned(walker(times_s, speed, stride_s, stance), heading), times_s)
    assert found.walks == 1 and len(found.contacts) >= 5
    for contact in found.contacts:
        phase = contact.time_s / stride_s - 0.5 * (contact.side == "right")
        assert abs(phase - round(phase)) * stride_s < 0.03
        assert contact.frame == pytest.approx(contact.time_s * fps, abs=0.51)
    # Where the ends of the clip bend what the filter sees, and where it does not.
    assert found.known("stride_s") == pytest.approx(stride_s, abs=0.03)
    assert found.known("step_s") == pytest.approx(stride_s / 2, abs=0.03)
    assert found.known("stance_s") == pytest.approx(stance * stride_s, abs=0.05)
    assert found.known("swing_s") == pytest.approx((1 - stance) * stride_s, abs=0.05)
    assert found.speed_m_s == pytest.approx(speed, rel=0.02)
    assert found.cadence_steps_min == pytest.approx(120 / stride_s, rel=0.02)
    assert found.known("stride_length_m") == pytest.approx(speed * stride_s, rel=0.05)
    assert found.known("step_width_m") == pytest.approx(0.2, abs=0.02)
    assert abs(found.symmetry_percent("step_s")) < 4


def test_a_limp_is_no_symmetry_and_the_mirror_turns_its_sign() -> None:
    times_s = np.arange(360) / 60
    # Time that runs unevenly: each left step takes 0.5 s, each right one 0.7 s.
    steady = np.interp(times_s, np.cumsum([0, *[0.7, 0.5] * 8]), 0.6 * np.arange(17))
    world = walker(steady)
    found = only(world, times_s)
    assert found.mean("step_s", "left") == pytest.approx(0.5, abs=0.03)
    assert found.mean("step_s", "right") == pytest.approx(0.7, abs=0.03)
    share = found.symmetry_percent("step_s")
    assert share == pytest.approx(100 * (0.5 - 0.7) / 0.6, abs=8)
    mirrored = only((world * (-1, 1, 1))[:, list(H36M17.mirror)], times_s)
    assert mirrored.symmetry_percent("step_s") == pytest.approx(-share, abs=1e-6)
    assert [c.side for c in mirrored.contacts] != [c.side for c in found.contacts]


def test_variable_rates_have_real_times() -> None:
    rng = np.random.default_rng(3)
    times_s = 5 + np.cumsum(rng.choice([1 / 30, 2 / 30], 150, p=[0.8, 0.2]))
    found = only(walker(times_s), times_s)
    assert found.known("stride_s") == pytest.approx(1.2, abs=0.04)
    assert found.speed_m_s == pytest.approx(1.3, rel=0.02)
    for contact in found.contacts:
        assert abs(times_s[contact.frame] - contact.time_s) < 1 / 30


def test_a_pause_parts_two_walks_and_unseen_contacts_are_told() -> None:
    times_s = np.arange(600) / 60
    moving = np.minimum(times_s, 4.2) + np.maximum(times_s - 5.8, 0)
    poses = poses_of(walker(moving), times_s)
    poses.interpolated[0, :300] = True
    (found,) = poselift.gait(poses)
    assert found.walks == 2
    assert {c.walk for c in found.contacts if c.interpolated} == {1}
    gap = next(c.time_s for c in found.contacts if c.walk == 2)
    assert found.known("stance_s").max() < 0.9  # nobody stands through the pause
    assert gap > 5.5 and found.speed_m_s == pytest.approx(1.3, rel=0.05)


def circling(root_speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Somebody whose feet go in circles, as on a bicycle."""
    times_s = np.arange(300) / 30
    root = np.stack([0 * times_s, root_speed * times_s, 0 * times_s + 0.95], -1)
    phase = 2 * np.pi * times_s[:, None] + np.array([0, np.pi])
    beside = np.broadcast_to([-0.1, 0.1], phase.shape)
    ankles = np.stack([beside, 0.25 * np.cos(phase), 0.3 + 0.17 * np.sin(phase)], -1)
    return with_ankles(root, ankles + root[:, None] * (1, 1, 0)), times_s


def test_who_does_not_walk() -> None:
    times_s = np.arange(300) / 30
    standing = np.broadcast_to(REST, (300, 17, 3)) + 0.0
    assert only(standing, times_s).contacts == ()
    treadmill = walker(times_s)
    treadmill[..., 1] -= (1.3 * times_s)[:, None]
    assert only(treadmill, times_s).contacts == ()
    for speed in (0.0, 1.5):
        assert only(*circling(speed)).contacts == ()
    assert only(walker(times_s, speed=3.5, stride_s=0.8), times_s).contacts == ()
    nobody = only(standing[:2], times_s[:2])
    assert repr(nobody) == "Gait(person 1, does not walk)" and nobody.walks == 0
    assert np.isnan(nobody.speed_m_s) and np.isnan(nobody.symmetry_percent("step_s"))
    assert np.isnan(nobody.stance_percent("left"))


def test_captured_walks_touch_down_where_the_foot_comes_to_rest() -> None:
    """Of the walkers of CMU: the ankle rests from just after the contact, and not before."""
    archive = ROOT.parent / "shared" / "mocap" / "cmu.npz"
    if not archive.is_file():
        pytest.skip(f"needs motion capture of walking in {archive}")
    late, sure = [], []
    with np.load(archive) as clips:
        for name in ("02", "05", "07", "08", "09", "10", "28", "34"):
            world = clips[f"cmu_35_{name}/h36m"] / 1000.0
            fps = float(clips[f"cmu_35_{name}/fps"])
            found = only(world, np.arange(len(world)) / fps)
            assert len(found.contacts) >= 4
            speed = np.linalg.norm(np.gradient(world[..., :2], 1 / fps, axis=0), axis=-1)
            for contact in found.contacts[1:]:
                ankle = AT(f"{contact.side}_ankle")
                slow = speed[:, ankle] < 0.7 * found.speed_m_s
                near = np.arange(max(contact.frame - 15, 1), min(contact.frame + 15, len(slow)))
                begins = near[slow[near] & ~slow[near - 1]]
                late.append(
                    (begins[np.abs(begins - contact.frame).argmin()] / fps) - contact.time_s
                )
                sure.append(world[contact.frame, ankle, 2] - world[:, ankle, 2].min())
        runs = clips["cmu_09_01/h36m"] / 1000.0
        assert only(runs, np.arange(len(runs)) / 60).contacts == ()
    assert 0.01 < np.mean(late) < 0.05 and np.std(late) < 0.02
    assert np.max(sure) < 0.12  # the heel is down: its ankle is no higher than this
