"""Run a recipe and compare what it reached with its expected.json: python scripts/run_recipe.py NAME [--data-dir DIR]."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Return 0 when every figure is within its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    folder = ROOT / "recipes" / options.name
    if not (folder / "recipe.yaml").exists():
        known = ", ".join(sorted(path.parent.name for path in ROOT.glob("recipes/*/recipe.yaml")))
        print(f"recipes/{options.name} does not exist. Known: {known}.", file=sys.stderr)
        return 2
    work = ROOT / "work" / f"recipe-{options.name}"
    command = [sys.executable, "-m", "slmcli", "run", str(folder / "recipe.yaml"), "--work", str(work)]
    code = subprocess.run([*command, *(["--data-dir", options.data_dir] if options.data_dir else [])], check=False).returncode
    return code or compare(json.loads((folder / "expected.json").read_text(encoding="utf-8")), work)


def compare(expected: dict, work: Path) -> int:
    """Print each figure beside what is expected; return 1 when one is outside its tolerance."""
    outside = 0
    for figure in expected["figures"]:
        document = json.loads((work / figure["file"]).read_text(encoding="utf-8"))
        for key in figure["path"]:
            document = document[key]
        is_inside = figure["least"] <= document <= figure["most"]
        outside += not is_inside
        allowed = f"expected {figure['value']:g}, {figure['least']:g} to {figure['most']:g}"
        print(f"{'ok  ' if is_inside else 'MISS'} {figure['name']}: {document:g} ({allowed})")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
