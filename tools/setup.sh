#!/usr/bin/env bash
# Makes a machine ready for everything in the Makefile: Debian packages, the virtual environment, the release build.
# Each part is skipped when it is done already, so that a second run takes a second or two. `tools/setup.sh torture` also
# installs what only `make torture` needs.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s (%d:%02d)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

# Runs a command, and says each half minute that it still runs: the steps of a first run take minutes without a word.
ticking() {
  local what=$1 ticker status=0
  shift
  while sleep 30 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do say "still $what"; done &
  ticker=$!
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return "$status"
}
told() {
  say "$1"
  ticking "$@"
}

install() {
  apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# 1. Debian packages. As root they are installed; otherwise one line says what to install.
missing=()
while read -r package; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done < tools/debian-packages.txt
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then
    told "installing ${#missing[@]} Debian packages, ${missing[0]} first" install "${missing[@]}"
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
[ -x .venv/bin/python ] || told "making the virtual environment .venv" "$python" -m venv .venv
stamp=.venv/marquet-requirements
if ! cat requirements-dev.txt constraints.txt | cmp -s - "$stamp"; then
  told "installing PyTorch into .venv, some hundred MB" .venv/bin/python -m pip install -qq -c constraints.txt torch
  told "installing the other Python packages into .venv" \
    .venv/bin/python -m pip install -qq -c constraints.txt -r requirements-dev.txt
  cat requirements-dev.txt constraints.txt > "$stamp"
fi

# 3. The release build of the program, the Python extension and what makes example data. The tests, which take as long
#    again, are built where they are run.
configure() { cmake --preset release >/dev/null; }
[ -f build/release/build.ninja ] || told "configuring the release build" configure
build=(cmake --build --preset release --target marquet _core marquet_generate --)
steps=$("${build[@]}" -n 2>/dev/null | grep -c '^\[' || true)
if [ "$steps" -gt 2 ]; then  # two look for files that came or went
  say "building the release, $steps steps on $(nproc) processors; the first time takes many minutes"
fi
ticking "building the release" "${build[@]}" --quiet
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
      told "installing Java" install openjdk-17-jre-headless
    else
      echo "setup: Java is missing, and tests with Spark are skipped; run: sudo apt-get install openjdk-17-jre-headless" >&2
    fi
  fi
  told "installing PySpark into .venv" .venv/bin/python -m pip install -qq -c constraints.txt -r requirements-torture.txt
fi
