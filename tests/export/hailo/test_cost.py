"""Every result that is rounded has its cost, in the network's order, whatever the number of images."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("timm")

from onnxruntime.quantization import qdq_loss_debug as debug

from benchmarks.int8 import layer_table
from cardembed.embedders.sessions import open_session
from cardembed.export.hailo.cost import _Sums, layer_costs
from cardembed.export.hailo.int8 import Int8Scheme, pixel_batches, quantise, quantise_chip
from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx
from cardembed.export.static_int8 import prepare


@pytest.fixture(scope="module")
def measured(student, like, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cost")
    network = ChipNetwork(student, like, raw=True)
    source = write_chip_onnx(network, like.size, folder / "float.onnx", batch=None)
    images = np.random.default_rng(1).integers(0, 256, (20, like.size, like.size, 3), dtype=np.uint8)
    images[8:] //= np.arange(1, 13, dtype=np.uint8)[:, None, None, None]  # darker and darker
    return source, images[:8], images[8:], layer_costs(source, images[:8], images[8:])


def test_costs(measured):
    source, calibration, images, costs = measured
    names = [cost.layer for cost in costs]
    assert costs[0].rounding > 200  # pixels are 8-bit numbers already
    stem, pool = (next(n for n in names if word in n) for word in ("stem", "global_pool"))
    assert names.index(stem) < names.index(pool)
    assert all(cost.accumulated <= cost.rounding + 1 for cost in costs[1:])
    assert all(15 < cost.rounding < 70 for cost in costs[1:])
    per_tensor = layer_costs(source, calibration, images[:2], per_channel=False)
    assert {cost.layer for cost in per_tensor} == set(names)


def test_cosines_are_those_of_every_image(measured, tmp_path):
    source, calibration, images, costs = measured
    for cost in costs:
        assert -1 <= cost.smallest_cosine <= cost.p5_cosine <= cost.mean_cosine <= 1 + 1e-9
    assert costs[0].smallest_cosine == pytest.approx(1)
    # The last result is the network's own output.
    rows = []
    for path in (source, quantise(source, calibration, tmp_path / "int8.onnx")):
        (made,) = open_session(str(path), as_written=True).run(None, {"input": images.astype(np.float32)})
        rows.append(made.astype(np.float64) / np.linalg.norm(made, axis=1, keepdims=True))
    cosines = (rows[0] * rows[1]).sum(1)
    found = (costs[-1].mean_cosine, costs[-1].p5_cosine, costs[-1].smallest_cosine)
    assert found == pytest.approx((cosines.mean(), np.quantile(cosines, 0.05), cosines.min()), abs=1e-5)
    assert cosines.min() < cosines.mean() - 1e-5


def test_decibels_are_those_of_onnx_runtimes_tool(measured, tmp_path):
    source, calibration, images, costs = measured
    prepared = prepare(source, tmp_path / "prepared.onnx")
    kept = []
    for path in (quantise_chip(prepared, calibration, tmp_path / "int8.onnx", Int8Scheme()), prepared):
        debug.modify_model_output_intermediate_tensors(str(path), str(tmp_path / "watched.onnx"))
        kept.append(debug.collect_activations(str(tmp_path / "watched.onnx"), pixel_batches(images)))
    errors = debug.compute_activation_error(debug.create_activation_matching(*kept)).values()
    wanted = sorted((one["qdq_err"], one["xmodel_err"]) for one in errors)
    found = sorted((cost.rounding, cost.accumulated) for cost in costs)
    assert len(found) == len(wanted)
    assert np.array(found) == pytest.approx(np.array(wanted), abs=0.01)


def test_a_result_without_a_direction_has_a_cosine():
    sums, zero, one = _Sums(), np.zeros(3, np.float32), np.ones(3, np.float32)
    for wanted, rounded in ((zero, zero), (zero, one), (one, zero), (one, 2 * one)):
        sums.add(wanted, rounded, rounded)
    assert sums.cosines == pytest.approx([1, 0, 0, 1])


def test_the_table_has_the_worst_first(measured):
    *_, costs = measured
    few, every = (layer_table(costs, rows) for rows in (3, 0))
    assert (len(few), len(every)) == (5, len(costs) + 2)
    worst = min(costs, key=lambda cost: cost.accumulated)
    assert few[2].startswith(f"| {worst.layer} | {worst.rounding:.1f} | {worst.accumulated:.1f} | ")
    assert few[2].endswith(f" | {worst.smallest_cosine:.5f} |")
    assert {line.count("|") for line in every} == {7}
