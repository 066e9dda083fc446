"""The JSON Schema that is printed is the one that requests and responses keep."""

import json

import jsonschema
import pytest

from cardembed.devices.wire import DeviceRequest, DeviceResponse, json_schemas, parse_wire
from cardembed.errors import EvidenceError

SPOILT = [
    {"schema_version": 2},
    {"nonce": "xyz"},
    {"request_id": "../x"},
    {"surprise": 1},
    {"photos": []},
    {"kind": "other"},
]


def validator(name):
    schema = json_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def contents(exchange):
    request = json.loads((exchange.request / "request.json").read_bytes())
    return {"request": request, "response": exchange.content}


@pytest.mark.parametrize("name", ["request", "response"])
def test_what_is_written_fits(exchange, name):
    assert list(validator(name).iter_errors(contents(exchange)[name])) == []


@pytest.mark.parametrize("name", ["request", "response"])
@pytest.mark.parametrize("change", SPOILT, ids=lambda change: next(iter(change)))
def test_schema_and_reader_refuse_the_same(exchange, name, change):
    content = contents(exchange)[name] | change
    assert list(validator(name).iter_errors(content))
    model = DeviceRequest if name == "request" else DeviceResponse
    with pytest.raises(EvidenceError, match=f"a device {name}, schema version 1"):
        parse_wire(model, json.dumps(content).encode(), name)


@pytest.mark.parametrize("name", ["request", "response"])
def test_no_field_may_be_left_out(exchange, name):
    content = contents(exchange)[name]
    for field in content:
        rest = {key: value for key, value in content.items() if key != field}
        assert [error.validator for error in validator(name).iter_errors(rest)] == ["required"], field


def test_the_command_prints_both_or_one(run):
    code, out, _ = run("device", "schema")
    assert code == 0
    assert json.loads(out) == json_schemas()
    code, out, _ = run("device", "schema", "response", "--json")
    assert json.loads(out)["title"] == "DeviceResponse"
    code, _, err = run("device", "schema", "nonsense")
    assert code == 2
    assert err.count("\n") == 1
