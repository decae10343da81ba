"""The console's files (`worker/console`), as they lie there: no key is asked for, no one is counted by name."""

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.api.problems import Refused
from worker.api.route import Route, Values

if TYPE_CHECKING:
    from worker.api.service import Service

FOLDER = Path(__file__).parents[2] / "console"
PATH = "/console"
START = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}
TAG_BYTES = 12
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for anew each time, and sent only after a change
}


class File(NamedTuple):
    """One file, as it is sent."""

    content: bytes
    headers: dict[str, str]


def routes() -> tuple[Route, ...]:
    """Of the start page and all files. They are read once: another version comes with another start."""
    files = {path.relative_to(FOLDER).as_posix(): _read(path) for path in FOLDER.rglob("*") if path.is_file()}

    async def answer(_service: "Service", request: Request, _: Values) -> Response:
        return _answer(files, request)

    return (
        Route("GET", PATH, None, "The console's address", _to_start),
        Route("GET", f"{PATH}/{{file:path}}", None, "The console", answer),
    )


async def _to_start(_service: "Service", _request: Request, _: Values) -> Response:
    """From there on addresses are relative, whatever path a proxy puts before ours."""
    return RedirectResponse("console/", headers=HEADERS)


def _answer(files: dict[str, File], request: Request) -> Response:
    found = files.get(request.path_params["file"] or START)
    if found is None:
        raise Refused(404, "the console has no such file", f"begin at {PATH}/")
    if request.headers.get("if-none-match", "").removeprefix("W/") == found.headers["ETag"]:
        return Response(status_code=304, headers=found.headers)
    return Response(found.content, headers=found.headers)


def _read(path: Path) -> File:
    content = path.read_bytes()
    tag = f'"{blake2b(content, digest_size=TAG_BYTES).hexdigest()}"'
    return File(content, {**HEADERS, "ETag": tag, "Content-Type": KINDS[path.suffix]})
