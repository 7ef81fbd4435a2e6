"""The picture of the packages and their imports, `docs/rooms.svg`: `python docs/rooms.py` draws it from the code.

A room is a package or a top-level module of `theory`, `empirical` and `figures`. An arrow from A to B says that a
module of A imports one of B, at its top or within a function. Arrows that follow from others are left out of the
picture. With `--check` nothing is drawn; a circle of imports, or a picture of other arrows than the code has, is an
error.
"""

import argparse
import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "rooms.svg"
PACKAGES = ("theory", "empirical", "figures")
_COLORS = {"theory": "#e3f0e8", "empirical": "#e2ecf7", "figures": "#f9ecd9"}

Imports = dict[str, set[str]]


def room_of(module: str) -> str | None:
    """The room that a module belongs to; None for other people's modules and for the packages' own front doors."""
    package, _, rest = module.partition(".")
    if package not in PACKAGES:
        return None
    if package == "figures":
        return package
    return f"{package}.{rest.partition('.')[0]}" if rest else None


def imports() -> Imports:
    """The rooms that each room imports, from the syntax trees of all modules."""
    found: Imports = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            room = room_of(module)
            if room is None:
                continue
            for target in filter(None, map(room_of, _imported(path, module))):
                if target != room:
                    found.setdefault(room, set()).add(target)
            found.setdefault(room, set())
    return found


def _imported(path: Path, module: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def reduced(arrows: Imports) -> Imports:
    """The arrows that do not follow from others. Raises graphlib.CycleError for a circle."""
    reach: Imports = {}
    for room in TopologicalSorter(arrows).static_order():
        reach[room] = set().union(*({target} | reach[target] for target in arrows.get(room, ())))
    return {
        room: {target for target in targets if not any(target in reach[other] for other in targets)}
        for room, targets in arrows.items()
    }


def floors(arrows: Imports) -> dict[str, int]:
    """The length of the longest chain of imports below each room."""
    heights: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        heights[room] = 1 + max((heights[target] for target in arrows.get(room, ())), default=-1)
    return heights


def draw(arrows: Imports) -> str:
    """The picture as SVG: a floor for each height, arrows downwards."""
    heights, width, height, step = floors(arrows), 132, 30, 74
    rows = [sorted(room for room in heights if heights[room] == floor) for floor in range(max(heights.values()) + 1)]
    across = max(map(len, rows)) * (width + 14) + 14
    down = len(rows) * step + 20
    place = {
        room: (across * (at + 0.5) / len(row), down - 34 - floor * step)
        for floor, row in enumerate(rows)
        for at, room in enumerate(row)
    }
    shapes = [
        f'<path d="M{place[room][0]:.0f},{place[room][1] + height / 2:.0f} L{place[target][0]:.0f},'
        f'{place[target][1] - height / 2:.0f}" stroke="#8a8f98" marker-end="url(#head)"/>'
        for room, targets in sorted(reduced(arrows).items())
        for target in sorted(targets)
    ]
    for room, (x, y) in place.items():
        package, _, name = room.partition(".")
        shapes.append(
            f'<rect x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" width="{width}" height="{height}" rx="6" '
            f'fill="{_COLORS[package]}" stroke="#444"/>'
            f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle" fill="#111">{package[0] if name else ""}'
            f"{'.' if name else ''}{name or package}</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:.0f} {down}" font-family="sans-serif" '
        f'font-size="13" role="img" aria-label="Rooms and their imports">\n'
        f"<desc>{_described(arrows)}</desc>\n"
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#8a8f98"/></marker></defs>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _described(arrows: Imports) -> str:
    return "; ".join(f"{room}: {', '.join(sorted(arrows[room]))}" for room in sorted(arrows))


def main(arguments: list[str]) -> int:
    """Draw the picture, or with --check only compare; returns the exit status."""
    parser = argparse.ArgumentParser("python docs/rooms.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="draw nothing; another picture, or a circle, is an error")
    check: bool = parser.parse_args(arguments).check
    arrows = imports()
    try:
        floors(arrows)
    except CycleError as error:
        print(f"a circle of imports: {' -> '.join(error.args[1])}")
        return 1
    if not check:
        PICTURE.write_text(draw(arrows), encoding="utf-8")
        return 0
    drawn = re.search(r"<desc>(.*?)</desc>", PICTURE.read_text(encoding="utf-8")) if PICTURE.exists() else None
    if drawn is None or drawn.group(1) != _described(arrows):
        print(f"{PICTURE.relative_to(ROOT)} shows other imports than the code has: run python docs/rooms.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
