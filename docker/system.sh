#!/bin/sh
# Usage: system.sh DATA_DIRECTORY
# The user that the gateway runs as, and the one directory that it writes to. The user's number is fixed: volumes
# and Kubernetes go by it.
set -eu

useradd --uid 10001 --user-group --no-create-home --home-dir "$1" --shell /usr/sbin/nologin fastgate
install --directory --owner=fastgate --group=fastgate --mode=0700 "$1"
# The official images come without bytecode: each process would compile what it imports of the library, at each
# start and each health check, as it has nowhere to keep it.
library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
python3 -m compileall -q -x '/(tests?|idlelib|lib2to3|site-packages)/' "$library"
