"""Writes python/marquet/_core.pyi, the stub of the extension: run it after a change to the bindings."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python"
STUB = PACKAGE / "marquet" / "_core.pyi"

# marquet is imported first because it loads Arrow's libraries, which the extension is linked to.
SOURCE = "import sys, marquet, nanobind.stubgen as s; s.main(['-q', '-m', 'marquet._core', '-o', sys.argv[1]])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=STUB)
    arguments = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    subprocess.run([sys.executable, "-c", SOURCE, arguments.output], check=True, env=environment)


if __name__ == "__main__":
    main()
