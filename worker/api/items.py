"""Items of the catalogue over HTTP: put, or gone."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import body_as
from worker.api.events import check_size, writer
from worker.api.problems import Refused
from worker.api.route import Values
from worker.api.service import Service
from worker.event_faults import id_faults
from worker.events import Item


class ItemBody(Item, frozen=True, omit_defaults=True):
    """An item as it is put: its id stands in the address, and may be left out here."""

    item_id: str = ""


async def put_item(service: Service, request: Request, _: Values) -> Response:
    """Writes what the catalogue says of the item, in place of what it said."""
    item_id = _item_id(service, request)
    put = await body_as(ItemBody, request, service.settings.api.max_request_bytes)
    if put.item_id not in ("", item_id):
        raise Refused(422, f"the body is of item {put.item_id[:60]!r}, the address of another", "leave item_id out")
    value = msgspec.json.encode(Item(**(msgspec.structs.asdict(put) | {"item_id": item_id})))
    check_size("the item", value, service.settings.events)
    return await _write(service, item_id, value)


async def delete_item(service: Service, request: Request, _: Values) -> Response:
    """Takes the item out of the catalogue, and so out of lists."""
    return await _write(service, _item_id(service, request), None)


def _item_id(service: Service, request: Request) -> str:
    item_id = str(request.path_params["item_id"])
    if fault := next(id_faults("item_id", item_id, service.settings.events.max_id_characters), None):
        raise Refused(422, fault, "give the item another id")
    return item_id


async def _write(service: Service, item_id: str, value: bytes | None) -> Response:
    await writer(service).write(service.settings.kafka.items_topic, [(item_id, value)])
    return Response(status_code=204)
