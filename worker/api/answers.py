"""Bodies in and out: JSON of a known type, with a limit on the way in and an entity tag on the way out."""

from hashlib import blake2b
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.problems import Refused

JSON = "application/json"
TAG_BYTES = 12


def tagged(request: Request, content: Any) -> Response:
    """The content as JSON, or 304 where the client has it (RFC 9110, section 13.1.2)."""
    body = msgspec.json.encode(content)
    tag = f'"{blake2b(body, digest_size=TAG_BYTES).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if known and tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, JSON)


def answered(status: int, content: Any) -> Response:
    """The content as JSON."""
    return Response(msgspec.json.encode(content), status, media_type=JSON)


async def body_as(kind: Any, request: Request, most_bytes: int) -> Any:
    """The request's body as a value of this type. Raises Refused; a large one is not read to its end."""
    return _decoded(await _body_of(request, most_bytes), kind)


async def _body_of(request: Request, most_bytes: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Refused(
                413, f"the body has over {most_bytes} bytes", "send less at once, or raise api.max_request_bytes"
            )
        parts.append(part)
    return b"".join(parts)


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            422, f"the body is not as it must be: {error}", "see the OpenAPI document, /v1/openapi.json"
        ) from None
