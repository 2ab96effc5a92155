#!/bin/sh
# Usage: environment.sh WHEEL CONSTRAINTS DIRECTORY
# A virtual environment with fastgate, what it needs for every provider and database, its list of ingredients
# (sbom.sh), and nothing that installs more. Needs no compiler.
set -eu

wheel=$1
constraints=$2
directory=$3
here=$(dirname "$0")

python3 -m venv "$directory"
pip() { "$directory/bin/python" -m pip --no-cache-dir --disable-pip-version-check "$@"; }
pip install --quiet --upgrade --constraint "$constraints" pip
pip install --quiet --only-binary :all: --constraint "$constraints" "${wheel}[postgres,aws,google,azure]"
pip uninstall --quiet --yes pip setuptools
mkdir -p "$directory/share/fastgate"
"$here/sbom.sh" "$directory/bin/python" "$directory/share/fastgate/sbom.cdx.json"
"$directory/bin/fastgate" version
