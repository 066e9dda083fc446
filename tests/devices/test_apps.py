"""The apps' sources against what the host speaks. No compiler of theirs is here: see docs/DEVICES.md."""

import re
import tomllib

import numpy as np
import onnxruntime
import pytest
from app_sources import (
    ANDROID,
    APPS,
    IOS,
    KOTLIN,
    SOURCES,
    SWIFT,
    calls,
    enclosing,
    faults,
    function,
    kotlin_structures,
    of_type,
    refusals,
    schema_structures,
    swift_structures,
    text,
    tree,
)
from tree_sitter import Language, Parser

from cardembed.devices import wire
from cardembed.embedders.apple import COMPUTE_UNITS
from cardembed.models.profiles import EMBEDDING_DIM, IMAGENET_MEAN, IMAGENET_STD
from cardembed.release import PreprocessingSpec


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(APPS).as_posix())
def test_sources_have_the_grammar_of_their_language(path):
    assert faults(tree(path)) == []
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


def test_the_grammars_would_see_a_fault():
    assert len(SOURCES) >= 20
    import tree_sitter_kotlin
    import tree_sitter_swift

    for module, path in ((tree_sitter_swift, SWIFT / "Wire.swift"), (tree_sitter_kotlin, KOTLIN / "Wire.kt")):
        parser = Parser(Language(module.language()))
        source = path.read_bytes()
        assert faults(parser.parse(source.replace(b": String", b": ", 1)).root_node)
        assert faults(parser.parse(source[: len(source) // 2]).root_node)


def test_swift_and_kotlin_have_the_schemas_fields_and_types():
    assert swift_structures() == schema_structures("swift")
    assert kotlin_structures() == schema_structures("kotlin")
    assert {"DeviceRequest", "DeviceResponse", "WireFile"} < set(swift_structures())
    assert "latency_ns" in swift_structures()["DeviceResponse"]


def numbers(path, name):
    """The list of numbers that a source gives a name."""
    found = re.search(rf"\b{name}\b[^=\n]*=\s*(?:listOf\(|\[)([^\])]*)", path.read_text(encoding="utf-8"))
    return tuple(float(value) for value in found[1].split(","))


@pytest.mark.parametrize("path", [SWIFT / "Preprocessing.swift", KOTLIN / "Normalisation.kt"])
def test_the_apps_constants_are_those_of_every_release(path):
    assert numbers(path, "mean") == PreprocessingSpec().mean == IMAGENET_MEAN
    assert numbers(path, "std") == PreprocessingSpec().std == IMAGENET_STD
    length = re.search(r"(?:embeddingDim|EMBEDDING_DIM) = (\d+)", path.read_text(encoding="utf-8"))
    assert int(length[1]) == EMBEDDING_DIM


@pytest.mark.parametrize("folder", [SWIFT, KOTLIN])
def test_the_apps_write_what_the_host_reads(folder):
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()))
    for name in (
        wire.REQUEST,
        wire.RESPONSE,
        wire.REQUEST_KIND,
        wire.RESPONSE_KIND,
        wire.TENSOR_EMBEDDINGS,
        wire.JPEG_EMBEDDINGS,
    ):
        assert f'"{name}"' in source
    assert int(re.search(r"(?:schemaVersion|SCHEMA_VERSION) = (\d+)", source)[1]) == wire.SCHEMA_VERSION
    states = set(wire.ThermalState.__args__)
    said = set(re.findall(r'"(unknown|nominal|fair|serious|critical)"', source))
    assert {"nominal", "fair", "serious", "critical"} <= said <= states


def test_the_iphones_test_takes_the_compute_units_that_the_host_takes():
    source = (IOS / "Tests" / "CardEmbedDeviceTests" / "DeviceRunTests.swift").read_text(encoding="utf-8")
    named = re.search(r"\[String: MLComputeUnits\] = \[([^\]]*)", source)[1]
    assert set(re.findall(r'"(\w+)": \.\w+', named)) == set(COMPUTE_UNITS)
    assert "execute(into: out, units: try computeUnits())" in source
    for page in ("CARDEMBED_COMPUTE_UNITS", "TEST_RUNNER_"):
        assert page in source
        assert page in (APPS.parent / "docs" / "DEVICES.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "target"), [(SWIFT / "DeviceRun.swift", "ios"), (KOTLIN / "DeviceRun.kt", "android")]
)
def test_every_app_refuses_what_it_would_execute_wrongly(path, target):
    """Another schema, target or preprocessing than the app has, and other bytes than the request names."""
    begins = refusals(function(path, "init"))
    for part in (f'"{target}"', "request.schemaVersion", "ModelConstants.mean", "ModelConstants.std"):
        assert part in begins, part
    assert "file.sha256" in refusals(function(path, "checked"))
    execute = function(path, "execute")
    assert "request.artefact.sha256" in refusals(execute)
    # Photos and tensors go through what refuses; the artefact is hashed before it is loaded.
    reads = [function(path, "tensors"), execute] if target == "android" else [execute]
    read = {text(call) for node in reads for call in calls(node, "checked")}
    assert len(read) == 2
    assert any("tensors" in call for call in read)
    (hashed,), (loaded,) = calls(execute, "artefactDigest"), calls(execute, "load")
    assert hashed.end_byte < loaded.start_byte


def test_every_picture_on_an_iphone_has_a_pool_of_its_own_outside_of_its_time():
    path = SWIFT / "DeviceRun.swift"
    work = [call for name in ("embed", "decode") for call in calls(tree(path), name)]
    work = [call for call in work if text(call.children[0]) in ("executor.embed", "preprocessing.decode")]
    assert len(work) == 5  # decoding, both forms, warm-up, samples
    pools = [enclosing(call, "autoreleasepool") for call in work]
    assert None not in pools
    loops = ("for_statement", "while_statement")
    assert not any(calls(pool, "map") or of_type(pool, *loops) for pool in pools)  # none around a loop
    latency = function(path, "latency")
    timed = {enclosing(call, "autoreleasepool") for call in calls(latency, "monotonicNs")}
    assert len(timed) == 1  # the clock is read on both sides within one pool
    assert timed < set(pools)


def test_load_time_on_android_is_that_of_the_first_load():
    execute = function(KOTLIN / "DeviceRun.kt", "execute")
    (load,), (profiled,) = calls(execute, "load"), calls(execute, "providersUsed")
    assert load.end_byte < profiled.start_byte
    samples, answered = calls(execute, "measureLatency"), calls(execute, "DeviceResponse")
    assert samples[0].end_byte < profiled.start_byte < answered[0].start_byte


def test_kotlin_files_lie_in_their_package():
    build = (ANDROID / "device" / "build.gradle.kts").read_text(encoding="utf-8")
    namespace = re.search(r'namespace = "([\w.]+)"', build)[1]
    sources = sorted((ANDROID / "device" / "src").rglob("*.kt"))
    assert len(sources) >= 9
    for path in sources:
        (header,) = of_type(tree(path), "package_header")
        assert text(header).split()[-1] == namespace
        assert path.parent.as_posix().endswith("kotlin/" + namespace.replace(".", "/"))


def test_gradle_names_only_what_its_catalogue_has():
    catalogue = tomllib.loads((ANDROID / "gradle" / "libs.versions.toml").read_text(encoding="utf-8"))
    scripts = [ANDROID / "build.gradle.kts", ANDROID / "device" / "build.gradle.kts"]
    used = {name for path in scripts for name in re.findall(r"\blibs\.([\w.]+)", path.read_text("utf-8"))}
    there = {name.replace("-", ".") for name in catalogue["libraries"]}
    there |= {"plugins." + name.replace("-", ".") for name in catalogue["plugins"]}
    assert used == there
    refs = [
        entry["version"]["ref"] for kind in ("libraries", "plugins") for entry in catalogue[kind].values()
    ]
    assert set(refs) == set(catalogue["versions"])
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in catalogue["versions"].values())
    plugins = catalogue["plugins"]
    assert plugins["kotlin-android"]["version"] == plugins["kotlin-serialization"]["version"]
    settings = (ANDROID / "settings.gradle.kts").read_text(encoding="utf-8")
    assert re.findall(r'include\(":(\w+)"\)', settings) == ["device"]


def test_android_asks_for_the_api_levels_that_it_uses():
    build = (ANDROID / "device" / "build.gradle.kts").read_text(encoding="utf-8")
    least, compiled = (int(re.search(rf"{name} = (\d+)", build)[1]) for name in ("minSdk", "compileSdk"))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in KOTLIN.iterdir())
    assert "currentThermalStatus" in sources
    assert "ImageDecoder" in sources
    assert 29 <= least <= compiled  # thermal status: 29; ImageDecoder: 28


def test_xcodes_project_and_the_package_agree():
    package = (IOS / "Package.swift").read_text(encoding="utf-8")
    project = (IOS / "project.yml").read_text(encoding="utf-8")
    major = re.search(r"\.iOS\(\.v(\d+)\)", package)[1]
    assert re.search(r'iOS: "(\d+)\.0"', project)[1] == major == "16"
    tools = re.search(r"swift-tools-version: ([\d.]+)", package)[1]
    assert re.search(r'SWIFT_VERSION: "([\d.]+)"', project)[1] == tools
    version = re.search(r'appVersion = "([\d.]+)"', (SWIFT / "DeviceRun.swift").read_text(encoding="utf-8"))[
        1
    ]
    assert re.search(r'MARKETING_VERSION: "([\d.]+)"', project)[1] == version
    for name in re.findall(r'(?:target|testTarget)\(name: "(\w+)"', package):
        assert any((IOS / parent / name).is_dir() for parent in ("Sources", "Tests")), name
    for folder in re.findall(r"(?:sources: \[|^      - )([\w/]+)\]?$", project, re.MULTILINE):
        assert (IOS / folder).is_dir(), folder


def test_kotlins_pattern_finds_the_providers_in_onnx_runtimes_own_profile(exchange, tmp_path):
    source = (KOTLIN / "Executor.kt").read_text(encoding="utf-8")
    pattern = re.search(r'Regex\("(.*)"\)', source)[1].encode().decode("unicode_escape")
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    artefact = exchange.request / exchange.record.request.artefact.path
    session = onnxruntime.InferenceSession(str(artefact), options, providers=["CPUExecutionProvider"])
    session.run(None, {session.get_inputs()[0].name: np.zeros((1, 3, 128, 128), np.float32)})
    profile = session.end_profiling()
    with open(profile, encoding="utf-8") as file:  # noqa: PTH123 - the library's own path, a text
        assert set(re.findall(pattern, file.read())) == {"CPU"}
