"""The table of routes in docs/api.md, as the routes have it."""

from worker.api.routes import ROUTES

TABLE = "| route | scope | parameters | what it does |\n| --- | --- | --- | --- |\n"


def reference() -> str:
    """The table, in the order of the routes."""
    rows = (
        f"| `{route.method} {route.path}` | {route.scope or ''} "
        f"| {', '.join(f'`{parameter.name}`' for parameter in route.parameters)} | {route.summary} |\n"
        for route in ROUTES
    )
    return TABLE + "".join(rows)
