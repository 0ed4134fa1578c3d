"""Make a MediaPipe pose bundle (.task) out of the networks in a wheel of MediaPipe 0.10.

    python scripts/pose_bundle.py mediapipe-0.10.21-*.whl pose_landmarker.task

The wheel holds the two networks (Apache-2.0) as MediaPipe's older solutions read them. The
Tasks interface wants TFLite metadata in them, which say how pixels become numbers, and both
in a zip whose members lie uncompressed at multiples of four bytes. Needs mediapipe 1.x,
whose schema modules write the metadata. scripts/test-mediapipe uses it.
"""

from __future__ import annotations

import argparse
import struct
import zipfile
from pathlib import Path

import flatbuffers
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as model_schema

# Member of the bundle -> (member of the wheel, mean, standard deviation of the pixels).
NETWORKS = {
    "pose_detector.tflite": (
        "mediapipe/modules/pose_detection/pose_detection.tflite", 127.5, 127.5,
    ),
    "pose_landmarks_detector.tflite": (
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite", 0.0, 255.0,
    ),
}  # fmt: skip
METADATA_NAME = "TFLITE_METADATA"
ALIGNMENT = 4


def make_bundle(wheel: Path, bundle: Path) -> None:
    """Write the bundle. Raises: KeyError: the wheel does not hold the networks."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(bundle, "w") as target:
        for member, (network, mean, deviation) in NETWORKS.items():
            _store_aligned(target, member, _with_metadata(source.read(network), mean, deviation))


def _with_metadata(network: bytes, mean: float, deviation: float) -> bytes:
    """The network, with the normalisation of its one input written into it."""
    model = model_schema.ModelT.InitFromObj(model_schema.Model.GetRootAs(network, 0))
    outputs = len(model.subgraphs[0].outputs)
    buffer = model_schema.BufferT()
    buffer.data = list(_metadata(mean, deviation, outputs))
    model.buffers.append(buffer)
    entry = model_schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _metadata(mean: float, deviation: float, outputs: int) -> bytes:
    scale = metadata_schema.NormalizationOptionsT()
    scale.mean, scale.std = [mean], [deviation]
    unit = metadata_schema.ProcessUnitT()
    unit.optionsType = metadata_schema.ProcessUnitOptions.NormalizationOptions
    unit.options = scale
    picture = metadata_schema.ImagePropertiesT()
    picture.colorSpace = metadata_schema.ColorSpaceType.RGB
    content = metadata_schema.ContentT()
    content.contentPropertiesType = metadata_schema.ContentProperties.ImageProperties
    content.contentProperties = picture
    image = metadata_schema.TensorMetadataT()
    image.name, image.content, image.processUnits = "image", content, [unit]
    graph = metadata_schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [image]
    graph.outputTensorMetadata = [metadata_schema.TensorMetadataT() for _ in range(outputs)]
    about = metadata_schema.ModelMetadataT()
    about.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(about.Pack(builder), b"M001")
    return bytes(builder.Output())


def _store_aligned(target: zipfile.ZipFile, member: str, content: bytes) -> None:
    """Uncompressed, its first byte at a multiple of ALIGNMENT: bundles are mapped, not read.

    The gap is an extra field in the member's header: its number, its length, zeros.
    """
    info = zipfile.ZipInfo(member)
    gap = -(target.start_dir + zipfile.sizeFileHeader + len(member)) % ALIGNMENT
    if gap:
        info.extra = struct.pack("<HH", 0xD935, gap) + bytes(gap)
    target.writestr(info, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("bundle", type=Path)
    asked = parser.parse_args()
    make_bundle(asked.wheel, asked.bundle)
    print(asked.bundle)
