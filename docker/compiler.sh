#!/bin/sh
# Usage: compiler.sh
# What a wheel is compiled with, from Debian's packages.
set -eu

apt-get update
apt-get install --yes --no-install-recommends gcc libc6-dev
rm -rf /var/lib/apt/lists/*
