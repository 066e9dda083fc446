"""Small packages that several tests read."""

import shutil
from pathlib import Path

import pytest

from cardembed.export.coreml import CoreMLOptions, export_coreml
from cardembed.export.source import source_of_weights


@pytest.fixture(scope="session")
def packages(random_release, tmp_path_factory):
    """Exports a target's random weights once: `packages("ios", precision="float32")`."""
    made: dict[tuple, Path] = {}

    def package(target, **options):
        key = (target, *sorted(options.items()))
        if key not in made:
            path = tmp_path_factory.mktemp("coreml") / f"{target}.mlpackage"
            export_coreml(
                source_of_weights(random_release / f"{target}.safetensors"), path, CoreMLOptions(**options)
            )
            made[key] = path
        return made[key]

    return package


@pytest.fixture(scope="session")
def edited():
    """A copy of a package whose main block was changed: `edited(package, folder, change)`."""
    from coremltools.proto import Model_pb2

    def edit(package, folder, change):
        copy = Path(shutil.copytree(package, folder / "edited.mlpackage"))
        file = copy / "Data" / "com.apple.CoreML" / "model.mlmodel"
        model = Model_pb2.Model()
        model.ParseFromString(file.read_bytes())
        function = model.mlProgram.functions["main"]
        change(function.block_specializations[function.opset])
        file.write_bytes(model.SerializeToString())
        return copy

    return edit
