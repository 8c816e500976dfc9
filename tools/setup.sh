#!/usr/bin/env bash
# Makes a machine ready for everything in the Makefile: Debian packages, the virtual environment, the release build.
# Each part is skipped when it is done already, so that a second run takes a second or two. `tools/setup.sh torture` also
# installs what only `make torture` needs.
set -euo pipefail
cd "$(dirname "$0")/.."

install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# 1. Debian packages. As root they are installed; otherwise one line says what to install.
missing=()
while read -r package; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done < tools/debian-packages.txt
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then
    echo "setup: installing ${#missing[@]} Debian packages"
    install "${missing[@]}"
  else
    echo "setup: packages are missing; run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi

# 2. The virtual environment, made anew parts only when the lists of packages change.
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "setup: $python is $("$python" -V 2>&1); Marquet is built with Python 3.11 (set PYTHON=/path/to/python3.11)" >&2
  exit 1
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
stamp=.venv/marquet-requirements
if ! cat requirements-dev.txt constraints.txt | cmp -s - "$stamp"; then
  echo "setup: installing Python packages into .venv"
  .venv/bin/python -m pip install -qq -c constraints.txt torch
  .venv/bin/python -m pip install -qq -c constraints.txt -r requirements-dev.txt
  cat requirements-dev.txt constraints.txt > "$stamp"
fi

# 3. The release build, which the command line, the Python package and the tests share.
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release -- --quiet
.venv/bin/python - <<'END'
import pathlib
import site

pathlib.Path(site.getsitepackages()[0], "marquet-dev.pth").write_text(f"{pathlib.Path('python').resolve()}\n")
END
ln -sf "$PWD/build/release/bin/marquet" .venv/bin/marquet

# 4. For `make torture`: Java and PySpark (400 MB), by which parquet-java's files are rescued, and Marquet's read.
if [ "${1:-}" = torture ]; then
  if [ -z "${JAVA_HOME:-}" ] && ! command -v java >/dev/null; then
    if [ "$(id -u)" = 0 ]; then
      echo "setup: installing Java"
      install openjdk-17-jre-headless
    else
      echo "setup: Java is missing, and tests with Spark are skipped; run: sudo apt-get install openjdk-17-jre-headless" >&2
    fi
  fi
  .venv/bin/python -m pip install -qq -c constraints.txt -r requirements-torture.txt
fi
