#!/bin/sh
# Sets everything up for a stack: tools/setup.sh [STACK]. Safe to run again; does nothing where nothing is missing.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
requirements=tools/requirements
stack=${1:-local}

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

# uv makes the environment: one that is installed, else our pinned one from the package index.
find_uv() {
    if command -v uv >/dev/null 2>&1; then command -v uv; return; fi
    if [ ! -x .tools/uv/bin/uv ]; then
        command -v python3 >/dev/null 2>&1 || fail "python3 is missing; install Python 3.11, 3.12 or 3.13"
        echo "setup: installing uv" >&2
        python3 -m venv .tools/uv >&2 || fail "python3 cannot make a virtual environment; install it (Debian, Ubuntu: apt-get install python3-venv)"
        .tools/uv/bin/python -m pip install --quiet --require-hashes -r "$requirements/uv.txt" >&2 || fail "uv could not be installed from the package index"
    fi
    echo "$root/.tools/uv/bin/uv"
}

digest() { cat "$requirements/development.txt" pyproject.toml serving_image/pyproject.toml | sha256sum | cut -d' ' -f1; }

install_environment() {
    if [ -f .venv/installed ] && [ "$(cat .venv/installed)" = "$(digest)" ]; then return; fi
    echo "setup: installing the Python environment into .venv"
    uv=$(find_uv)
    [ -x .venv/bin/python ] || "$uv" venv --quiet --python '>=3.11,<3.14' .venv || fail "no Python 3.11, 3.12 or 3.13 was found, and none could be downloaded"
    "$uv" pip install --quiet --python .venv/bin/python --require-hashes -r "$requirements/development.txt"
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . -e serving_image
    # Not the clouds' SDKs: a stack imports a small part of one of them.
    .venv/bin/python -m compileall -q -j 0 -x '/pulumi_(aws|gcp|kubernetes)/' .venv/lib
    digest >.venv/installed
}

install_environment
UV=$(find_uv) exec .venv/bin/python -m tools.bootstrap --stack "$stack"
