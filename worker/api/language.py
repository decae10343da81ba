"""In which language reasons are told: as the query says, else as the client's headers prefer."""

from starlette.requests import Request
from starlette.responses import Response

from worker.api.route import Parameter, Values
from worker.texts.languages import Language

LANGUAGE = Parameter(
    "language", str, "In which language to tell reasons; else as Accept-Language prefers.", choices=tuple(Language)
)
_ANY = "*"


def language_of(request: Request, values: Values) -> Language:
    """The parameter's, or the one that the client likes best of those there are (RFC 9110, section 12.5.4)."""
    if values[LANGUAGE.name]:
        return Language(values[LANGUAGE.name])
    for tag in _by_preference(request.headers.get("accept-language", "")):
        subtag = tag.partition("-")[0]
        if subtag in set(Language):
            return Language(subtag)
        if tag == _ANY:
            break
    return Language.ENGLISH


def varied(response: Response) -> Response:
    """The same, with word for caches that it depends on the language."""
    response.headers.add_vary_header("Accept-Language")
    return response


def _by_preference(header: str) -> list[str]:
    """The tags of an Accept-Language header, the best liked first; those that cannot be read, and refused ones, not."""
    liked = []
    for part in header.lower().split(","):
        tag, _, quality = (each.strip() for each in part.partition(";"))
        weight = _weight(quality)
        if tag and weight > 0:
            liked.append((weight, tag))
    return [tag for _, tag in sorted(liked, key=lambda each: -each[0])]


def _weight(quality: str) -> float:
    if not quality:
        return 1.0
    name, _, number = quality.partition("=")
    digits = number.strip().replace(".", "", 1)
    return float(number) if name.strip() == "q" and digits.isascii() and digits.isdigit() else 0.0
