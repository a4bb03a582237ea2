#!/bin/sh
# `make bench`: install what the benchmarks need (as the tests do), then measure.
#
#   WERKPLAATS_TEST_ROOT   where the environments and the instance to measure go
#   sh benchmarks/run.sh [--repeats N] [--only post_to_ready] [--only mount_seconds] [--only inbox] [--only start_page]
set -eu
umask 022

checkout=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
root=${WERKPLAATS_TEST_ROOT:-/var/lib/werkplaats-tests}
export WERKPLAATS_TEST_ROOT="$root" WERKPLAATS_PREFIX="$root/opt"
sh "$checkout/tests/run.sh" prepare >&2

cd "$checkout"
PATH=$WERKPLAATS_PREFIX/test/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export PATH
exec python3 -m benchmarks "$@"
