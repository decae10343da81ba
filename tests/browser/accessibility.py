"""What axe-core finds on a page."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text("utf-8")
SERIOUS = {"serious", "critical"}


def serious_violations(page: Page) -> list[str]:
    """Rules that elements break, by the standard (WCAG 2.2 AA) or against good practice."""
    page.evaluate(SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
