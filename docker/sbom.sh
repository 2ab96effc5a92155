#!/bin/sh
# Usage: sbom.sh PYTHON FILE
# What is installed beside the interpreter, as CycloneDX JSON.
set -eu

python=$1
file=$2
root=$(dirname "$0")/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work"
"$work/bin/python" -m pip --no-cache-dir --disable-pip-version-check install --quiet \
    --constraint "$root/constraints-sbom.txt" cyclonedx-bom
"$work/bin/cyclonedx-py" environment --output-reproducible --output-format JSON --output-file "$file" "$python"
