"""detectron2: configurations, weights and answers as data; its real code where
scripts/test-detectron2 runs."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from poselift.data.errors import (
    FormatError,
    LayoutMismatch,
    MissingDependency,
    MissingWeights,
    PoseliftError,
    UnknownName,
    UnsafeFile,
)
from poselift.data.files import places
from poselift.data.files.plain_pickle import dump_plain
from poselift.inference.detectors import make_detector, zoo_files
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.keypoint_rcnn import (
    KeypointRCNN,
    KeypointRCNNSettings,
    install_command,
    read_instances,
)
from poselift.inference.detectors.zoo_files import (
    DEFAULT_CONFIGURATION,
    ZOO,
    check_fit,
    configuration_file,
    read_weights,
    weights_place,
)
from poselift.inference.video.video_reader import VideoReader

R50 = "COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder like detectron2's, with two configurations."""
    folder = tmp_path / "detectron2" / "model_zoo" / "configs" / "COCO-Keypoints"
    folder.mkdir(parents=True)
    for name in (DEFAULT_CONFIGURATION, f"{R50}.yaml", "COCO-Keypoints/Base-RCNN.yaml"):
        (folder / Path(name).name).write_text("VERSION: 2\n")
    return tmp_path / "detectron2"


@pytest.mark.parametrize("name", [f"{R50}.yaml", R50, "keypoint_rcnn_R_50_FPN_1x"])
def test_a_configuration_by_its_name(package: Path, name: str) -> None:
    found = configuration_file(name, package)
    assert found == package / "model_zoo" / "configs" / f"{R50}.yaml" and found.is_file()


def test_a_configuration_by_its_path_and_of_a_checkout(package: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("VERSION: 2\n")
    assert configuration_file(str(own), package) == own
    (package / "model_zoo" / "configs").rename(tmp_path / "configs")
    assert configuration_file(R50, package) == tmp_path / "configs" / f"{R50}.yaml"


@pytest.mark.parametrize("name", ["keypoint_rcnn_R_18", "../../secret", f"{R50}.py"])
def test_an_unknown_configuration(package: Path, name: str) -> None:
    with pytest.raises(UnknownName, match=r"Known: .*keypoint_rcnn_R_101_FPN_3x\.yaml"):
        configuration_file(name, package)


def test_where_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    monkeypatch.setattr(places, "SHIPPED", tmp_path / "checkpoint")
    with pytest.raises(MissingWeights, match=r"poselift weights fetch model_final_04e291\.pkl"):
        weights_place(f"{R50}.yaml", None)
    with pytest.raises(MissingWeights, match=r"mine\.yaml are not here. With --detector-weights"):
        weights_place("mine.yaml", None)
    cached = tmp_path / "detectron2" / R50 / "137261548" / "model_final_04e291.pkl"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert weights_place(R50, None) == cached
    fetched = tmp_path / "checkpoint" / "model_final_04e291.pkl"
    fetched.parent.mkdir()
    fetched.touch()
    assert weights_place(R50, None) == fetched
    assert weights_place(R50, str(cached)) == cached
    with pytest.raises(MissingWeights, match="no such file"):
        weights_place(R50, str(tmp_path / "other.pkl"))


def test_addresses_of_weights() -> None:
    rest = f"{R50}/137261548/model_final_04e291.pkl"
    assert weights_place(R50, "zoo") == ZOO + rest
    assert weights_place(R50, "https://mirror.example/d2/") == f"https://mirror.example/d2/{rest}"
    assert weights_place(R50, "https://a.example/x.pth") == "https://a.example/x.pth"
    with pytest.raises(MissingWeights, match="the zoo has no weights"):
        weights_place("mine.yaml", "zoo")


STATE = {"backbone.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}


def test_weights_of_both_kinds(tmp_path: Path) -> None:
    with (tmp_path / "a.pkl").open("wb") as stream:
        dump_plain({"model": STATE, "__author__": "Detectron2 Model Zoo"}, stream)
    torch.save({"model": {n: torch.tensor(v) for n, v in STATE.items()}}, tmp_path / "a.pth")
    for name in ("a.pkl", "a.pth"):
        read = read_weights(tmp_path / name)
        np.testing.assert_array_equal(read["backbone.weight"].numpy(), STATE["backbone.weight"])


def test_weights_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UnsafeFile):
        read_weights(path)
    path.write_bytes(b"\x80\x04broken")
    with pytest.raises(FormatError, match=r"a\.pkl: is no checkpoint"):
        read_weights(path)
    with path.open("wb") as stream:
        dump_plain({"blobs": {"conv1_w": STATE["backbone.weight"]}}, stream)
    with pytest.raises(FormatError, match=r"Detectron 1 cannot be used|no checkpoint"):
        read_weights(path)
    (tmp_path / "a.pth").write_text("hello")
    with pytest.raises(FormatError, match=r"a\.pth: is no checkpoint"):
        read_weights(tmp_path / "a.pth")


def test_weights_of_another_configuration() -> None:
    wanted = {name: torch.zeros(2) for name in ("backbone.a", "backbone.b", "pixel_mean")}
    path = Path("x.pkl")
    check_fit({"backbone.a": torch.ones(2), "backbone.b": torch.ones(2)}, wanted, path, "C")
    old = {"proposal_generator.anchor_generator.cell_anchors.0": torch.ones(3)}
    check_fit({**wanted, **old}, wanted, path, "C")
    for state, why in (
        ({"backbone.a": torch.ones(2)}, "it lacks 1 tensors, backbone.b"),
        ({**wanted, "backbone.c": torch.ones(2)}, "it has also 1 tensors, backbone.c"),
        ({**wanted, "backbone.b": torch.ones(3)}, "it has other shapes of 1 tensors, backbone.b"),
    ):
        with pytest.raises(FormatError, match=f"x.pkl: does not fit C: {why}"):
            check_fit(state, wanted, path, "C")


def test_answers_become_detections() -> None:
    points = torch.rand(2, 17, 3) * torch.tensor([100, 50, 2.0])
    instances = SimpleNamespace(
        pred_boxes=SimpleNamespace(tensor=torch.tensor([[0.0, 1, 2, 3], [4, 5, 6, 7]])),
        scores=torch.tensor([0.8, 0.9]),
        pred_keypoints=points,
    )
    found = read_instances(instances)
    assert found.scores == pytest.approx([0.9, 0.8])
    np.testing.assert_array_equal(found.boxes[0], [4, 5, 6, 7])
    np.testing.assert_array_equal(found.keypoints[0], points[1, :, :2].numpy())
    np.testing.assert_array_equal(found.confidence[1], points[0, :, 2].clip(0, 1).numpy())


def test_the_commands_that_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.1+cpu")
    assert "torchvision==0.28.1 && pip install --no-build-isolation 'git+" in install_command()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    with pytest.raises(MissingDependency, match=re.escape(KeypointRCNN.install)):
        make_detector("detectron2")


# What follows runs detectron2 itself.

needs_detectron2 = pytest.mark.skipif(
    importlib.util.find_spec("detectron2") is None, reason="scripts/test-detectron2 runs this"
)
# With random weights every box is about as good as any other.
LOW = KeypointRCNNSettings(min_score=0.05)


def zoo_configuration(name: str = R50) -> Path:
    spec = importlib.util.find_spec("detectron2")
    assert spec is not None and spec.origin is not None
    return configuration_file(name, Path(spec.origin).parent)


def config_of(path: Path) -> object:
    from detectron2.config import get_cfg

    config = get_cfg()
    config.merge_from_file(str(path))
    config.MODEL.DEVICE = "cpu"
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = LOW.min_score
    return config


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random and seeded; the features' size is held so that instances appear."""
    from detectron2.modeling import build_model

    torch.manual_seed(0)
    state = build_model(config_of(zoo_configuration())).state_dict()
    for name, tensor in state.items():
        if name.startswith("backbone") and name.endswith("conv3.norm.weight"):
            tensor.fill_(0.2)
        elif name.endswith("stem.conv1.norm.weight"):
            tensor.fill_(0.01)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save({"model": state}, path)
    return path


@pytest.fixture(scope="module")
def frames(walk: Path) -> list[np.ndarray]:
    """Real frames, small: a large one takes seconds."""
    reader = iter(VideoReader(walk, fit=(480, 480)))
    return [next(reader).image for _ in range(2)]


@needs_detectron2
def test_same_as_the_default_predictor(weights: Path, frames: list[np.ndarray]) -> None:
    from detectron2.engine import DefaultPredictor

    path = zoo_configuration()
    config = config_of(path)
    config.MODEL.WEIGHTS = str(weights)  # type: ignore[attr-defined]
    predictor, ours = DefaultPredictor(config), KeypointRCNN(path, weights, LOW, "cpu")
    for image in frames:
        theirs = predictor(np.ascontiguousarray(image[..., ::-1]))["instances"]
        found = ours.detect(image)
        assert len(found) == len(theirs) > 0
        order = np.argsort(-theirs.scores.numpy(), kind="stable")
        np.testing.assert_array_equal(found.boxes, theirs.pred_boxes.tensor.numpy()[order])
        np.testing.assert_array_equal(found.scores, theirs.scores.numpy()[order])
        points = theirs.pred_keypoints.numpy()[order]
        np.testing.assert_array_equal(found.keypoints, points[..., :2])
        np.testing.assert_array_equal(found.confidence, points[..., 2].clip(0, 1))


@needs_detectron2
def test_a_batch_is_its_frames(weights: Path, frames: list[np.ndarray]) -> None:
    ours = KeypointRCNN(zoo_configuration(), weights, LOW, "cpu")
    for single, together in zip(
        [ours.detect(image) for image in frames], ours.detect_batch(frames), strict=True
    ):
        assert len(single) == len(together) > 0
        np.testing.assert_allclose(single.boxes, together.boxes, atol=0.05)
        np.testing.assert_allclose(single.scores, together.scores, atol=1e-4)
    assert json.dumps(ours.settings)


@needs_detectron2
def test_made_by_name_with_a_pkl(weights: Path, frames: list[np.ndarray], tmp_path: Path) -> None:
    pickled = tmp_path / "random.pkl"
    state = {n: t.numpy() for n, t in torch.load(weights, weights_only=True)["model"].items()}
    with pickled.open("wb") as stream:
        dump_plain({"model": state, "__author__": "tests"}, stream)
    detector = make_detector(DetectorChoice("detectron2", R50, str(pickled), device="cpu"))
    assert detector.settings["min_score"] == 0.7
    assert (detector.detect(frames[0]).scores >= 0.7).all()
    with pytest.raises(FormatError, match=r"does not fit keypoint_rcnn_R_101_FPN_3x\.yaml: it la"):
        make_detector(DetectorChoice("detectron2", weights=str(pickled), device="cpu"))
    with pytest.raises(PoseliftError, match="half precision is for CUDA"):
        KeypointRCNN(zoo_configuration(), weights, KeypointRCNNSettings(half=True), "cpu")


@needs_detectron2
def test_configurations_that_do_not_fit(weights: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    for text, error in (
        ("MODEL: {KEYPOINT_ON: False}", LayoutMismatch),
        ("MODEL: {KEYPOINT_ON: True, ROI_KEYPOINT_HEAD: {NUM_KEYPOINTS: 21}}", LayoutMismatch),
        ("NO_SUCH_KEY: 1", FormatError),
        ("a: [", FormatError),
        ("MODEL: !!python/object/apply:os.getcwd []", FormatError),
    ):
        own.write_text(text)
        with pytest.raises(error, match=r"mine\.yaml: is"):
            KeypointRCNN(own, weights, LOW, "cpu")


@needs_detectron2
def test_every_configuration_of_the_zoo_is_found() -> None:
    for name in zoo_files.WEIGHTS:
        assert zoo_configuration(name).is_file()
