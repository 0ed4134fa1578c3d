"""Windows gathered on the device are those that a loop over samples would cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_in import write_h36m

from poselift.data.datasets.motion_datasets import (
    MotionDataset,
    View,
    load_motion_dataset,
    select_views,
)
from poselift.data.datasets.window_batches import (
    EndlessOrder,
    EpochOrder,
    WindowShape,
    WindowSource,
    sample_starts,
)
from poselift.data.windows import mirror_keypoints


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> MotionDataset:
    folder = tmp_path_factory.mktemp("h36m")
    write_h36m(folder)
    return load_motion_dataset("h36m", "gt", folder)


def one_by_one(views: list[View], shape: WindowShape, dataset: MotionDataset):
    """(keypoints, target, intrinsics) of every sample in order, cut one at a time."""
    for view in views:
        chunks = -(-len(view) // shape.stride)
        offset = (chunks * shape.stride - len(view)) // 2
        for flip in (False, True) if shape.mirrored else (False,):
            for chunk in range(chunks):
                first = chunk * shape.stride - offset
                frames = np.arange(first, first + shape.stride)
                seen = np.arange(first - shape.before, first + shape.stride + shape.after)
                xy = view.keypoints[np.clip(seen, 0, len(view) - 1)]
                pose = view.target[np.clip(frames, 0, len(view) - 1)]
                lens = view.camera.intrinsics.copy()
                if flip:
                    xy = mirror_keypoints(xy, dataset.layout_in)
                    pose = mirror_keypoints(pose, dataset.layout)
                    lens[[2, 7]] *= -1
                yield xy, pose, lens


@pytest.mark.parametrize(
    "shape",
    [
        WindowShape(1, 4, 4, True),
        WindowShape(1, 8, 0, False),
        WindowShape(7, 13, 13, True),
        WindowShape(64, 2, 2, True),
    ],
    ids=["centred", "causal", "chunks", "chunks longer than a take"],
)
def test_windows_equal_a_loop(shape: WindowShape, dataset: MotionDataset) -> None:
    views = select_views(dataset, ["S1", "S5"])
    source = WindowSource(views, shape, dataset.layout_in, dataset.layout)
    wanted = list(one_by_one(views, shape, dataset))
    assert len(source) == len(wanted)
    chosen = np.random.default_rng(0).permutation(len(wanted))
    batch = source.batch(chosen)
    for found, name in ((batch.keypoints, 0), (batch.target, 1), (batch.intrinsics, 2)):
        np.testing.assert_array_equal(found, np.stack([wanted[i][name] for i in chosen]))


def test_unlabelled_windows_have_no_target(dataset: MotionDataset) -> None:
    shape = WindowShape(1, 1, 1, False)
    views = select_views(dataset, ["S9"])
    source = WindowSource(views, shape, dataset.layout_in, dataset.layout, labelled=False)
    batch = source.batch(np.array([0, 5]))
    assert batch.target is None and batch.keypoints.shape == (2, 3, 17, 2)


def test_order_is_the_references() -> None:
    # As the reference does it: a permutation of the list of samples itself.
    sequence, start, mirrored = sample_starts([5, 3], WindowShape(2, 0, 0, True))
    table = np.stack([sequence, start, start + 2, mirrored], 1)
    pairs = [tuple(row) for row in table.tolist()]
    assert pairs[:4] == [(0, 0, 2, False), (0, 2, 4, False), (0, 4, 6, False), (0, 0, 2, True)]
    random, order = np.random.RandomState(1234), EpochOrder(len(pairs), 4)
    for _ in range(2):
        wanted = random.permutation(pairs)
        found = np.concatenate(list(order.epoch()))
        np.testing.assert_array_equal(np.array(pairs)[found], wanted)
    assert len(list(order.epoch())) == 3 and len(found) == len(pairs) == 10


def test_the_endless_stream_goes_on_where_it_stood() -> None:
    stream = EndlessOrder(10, 4)
    taken = [stream.take() for _ in range(8)]
    assert [len(batch) for batch in taken[:3]] == [4, 4, 2]
    np.testing.assert_array_equal(np.sort(np.concatenate(taken[:3])), np.arange(10))
    again = EndlessOrder(10, 4)
    for _ in range(5):
        again.take()
    restored = EndlessOrder(10, 4, seed=99)
    restored.restore(again.drawn_from, again.position)
    for wanted in taken[5:]:
        np.testing.assert_array_equal(restored.take(), wanted)


def test_batches_share_no_memory_with_the_store(dataset: MotionDataset) -> None:
    shape = WindowShape(1, 1, 1, True)
    source = WindowSource(select_views(dataset, ["S1"]), shape, dataset.layout_in, dataset.layout)
    first = source.batch(np.array([3]))
    kept = first.keypoints.clone()
    first.keypoints.zero_()
    assert torch.equal(source.batch(np.array([3])).keypoints, kept)
