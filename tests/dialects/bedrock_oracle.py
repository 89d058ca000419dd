"""What botocore, where it is installed, makes of Bedrock's bodies and streams.

It validates requests by AWS's own model of the service, and parses replies and streams by it.
"""

import base64
from typing import Any

import msgspec
import pytest


def _service() -> Any:
    loaders = pytest.importorskip("botocore.loaders")
    model = pytest.importorskip("botocore.model")
    description = loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    return model.ServiceModel(description)


def _with_bytes(value: Any, shape: Any) -> Any:
    """Base64 as the bytes that botocore's callers give."""
    if shape.type_name == "blob":
        return base64.b64decode(value)
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {
            name: _with_bytes(one, shape.members[name]) if name in shape.members else one
            for name, one in value.items()
        }
    if shape.type_name == "list":
        return [_with_bytes(one, shape.member) for one in value]
    return value


def problems(body: bytes) -> str:
    """What is wrong with a Converse request, by AWS's model; empty: nothing."""
    validate = pytest.importorskip("botocore.validate")
    shape = _service().operation_model("Converse").input_shape
    request = {"modelId": "m", **msgspec.json.decode(body)}
    found = validate.ParamValidator().validate(_with_bytes(request, shape), shape)
    return str(found.generate_report())


def parsed_reply(body: bytes) -> dict[str, Any]:
    """A whole reply as botocore gives it to its callers."""
    parsers = pytest.importorskip("botocore.parsers")
    shape = _service().operation_model("Converse").output_shape
    answer = {"status_code": 200, "headers": {}, "body": body}
    found: dict[str, Any] = parsers.RestJSONParser().parse(answer, shape)
    return found


def parsed_stream(stream: bytes) -> list[dict[str, Any]]:
    """A stream's events as botocore gives them to its callers."""
    eventstream = pytest.importorskip("botocore.eventstream")
    parsers = pytest.importorskip("botocore.parsers")
    shape = _service().shape_for("ConverseStreamOutput")
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(stream)
    parser = parsers.EventStreamJSONParser()
    return [parser.parse(event.to_response_dict(), shape) for event in buffer]
