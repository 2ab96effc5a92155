#!/bin/sh
# Usage: wheel.sh SOURCE DIRECTORY
# The wheel of the source tree, which may be read-only, into the directory. Needs a C compiler.
set -eu

source=$1
directory=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/tree"
for part in pyproject.toml setup.py README.md LICENSE src; do
    cp -R "$source/$part" "$work/tree"
done
python3 -m venv "$work/venv"
pip() { "$work/venv/bin/python" -m pip --no-cache-dir --disable-pip-version-check "$@"; }
# The constraints go for the build's own tools too, which pip installs apart: newer ones take those from an
# option of their own, and the pip of the constraints is such a one.
pip install --quiet --upgrade --constraint "$source/constraints.txt" pip
pip wheel --no-deps --build-constraint "$source/constraints.txt" --wheel-dir "$directory" "$work/tree"
