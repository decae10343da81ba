"""The picture in docs/architecture.md shows the imports as they are."""

import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
OURS = ("models", "producers", "worker")
FLOOR = "contracts"  # whoever may import it does: the picture says so in place of the arrows
BOX = re.compile(r'^ *(\w+)\["<b>.+?</b><br/>(.+?)"\]$', re.MULTILINE)
ARROW = re.compile(r"^ *(\w+) --> (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def picture() -> str:
    """The one drawing of the page."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    (drawing,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    return str(drawing)


@pytest.fixture(scope="module")
def boxes(picture: str) -> dict[str, list[str]]:
    """Modules and packages by the box that names them."""
    return {box: re.split(r",(?: |<br/>)", names) for box, names in BOX.findall(picture)}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom."""
    return grimp.build_graph(*OURS, cache_dir=None)


def boxes_of(module: str, boxes: dict[str, list[str]]) -> list[str]:
    """The boxes that name the module or a package around it."""
    return [box for box, names in boxes.items() if any(f"{module}.".startswith(f"{name}.") for name in names)]


def test_each_module_lies_in_one_box(boxes: dict[str, list[str]], graph: grimp.ImportGraph) -> None:
    homeless = {name: found for name in graph.modules if len(found := boxes_of(name, boxes)) != 1}
    assert homeless == {"worker": []}


def test_each_name_in_a_box_is_a_module(boxes: dict[str, list[str]], graph: grimp.ImportGraph) -> None:
    assert {name for names in boxes.values() for name in names} <= graph.modules


@pytest.fixture(scope="module")
def imports(boxes: dict[str, list[str]], graph: grimp.ImportGraph) -> set[tuple[str, str]]:
    """Pairs of different boxes, the importing one first."""
    home = {module: box for module in graph.modules for box in boxes_of(module, boxes)}
    return {
        (home[importer], home[imported])
        for importer in home
        for imported in graph.find_modules_directly_imported_by(importer)
        if home.get(imported, home[importer]) != home[importer]
    }


def test_the_arrows_are_the_imports(picture: str, imports: set[tuple[str, str]]) -> None:
    drawn = {(importer, box) for importer, targets in ARROW.findall(picture) for box in targets.split(" & ")}
    assert drawn == {(importer, box) for importer, box in imports if box != FLOOR}


def test_all_boxes_but_the_models_stand_on_the_contracts(
    boxes: dict[str, list[str]], imports: set[tuple[str, str]]
) -> None:
    assert {importer for importer, box in imports if box == FLOOR} == boxes.keys() - {FLOOR, "models"}
