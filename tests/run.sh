#!/bin/sh
# `make test`: install what the tests need on a bare machine, then run them all.
#
#   WERKPLAATS_TEST_ROOT   where the tests keep their environments and their instance
#   WERKPLAATS_TEST_NAME, WERKPLAATS_TEST_PEOPLE   the instance's name (wptest), and what its people's
#                          names begin with (wp-): to run two checkouts' tests side by side, give each its own
#   sh tests/run.sh prepare        only install
#   sh tests/run.sh [pytest's arguments]
set -eu
umask 022

checkout=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
root=${WERKPLAATS_TEST_ROOT:-/var/lib/werkplaats-tests}
export WERKPLAATS_TEST_ROOT="$root" WERKPLAATS_PREFIX="$root/opt" WERKPLAATS_LOG="$root/logs"
log=$WERKPLAATS_LOG/prepare.log
mkdir -p "$WERKPLAATS_LOG"

quietly() { "$@" >>"$log" 2>&1 || { echo "'$*' failed; the end of $log:" >&2; tail -n 20 "$log" >&2; exit 1; }; }

sh "$checkout/hub_config/single_machine/bootstrap.sh" environment
if [ ! -x /usr/bin/chromium ] || [ ! -x /usr/sbin/postfix ] || ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    echo '  Installing a browser, PostgreSQL and a mail server ...'
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update
    # Postfix without a configuration does not start by itself; the tests run one of their own. A mail
    # server that this machine has already is not put out for it.
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    quietly apt-get install -y --no-install-recommends --no-remove chromium postgresql postfix
fi
test=$WERKPLAATS_PREFIX/test
wanted=$(cat "$checkout/pyproject.toml" "$checkout/constraints.txt" | sha256sum; echo "$checkout")
if [ "$(cat "$test/werkplaats-made" 2>/dev/null)" != "$wanted" ]; then
    echo '  Installing the tests'"'"' environment ...'
    [ -x "$test/bin/pip" ] || quietly "$(readlink -f "$WERKPLAATS_PREFIX/hub/bin/python3")" -m venv "$test"
    quietly "$test/bin/pip" --disable-pip-version-check install --quiet \
        --constraint "$checkout/constraints.txt" --editable "$checkout[hub,notebook,test]"
    echo "$wanted" >"$test/werkplaats-made"
fi
[ "${1:-}" = prepare ] && exit 0

cd "$checkout"
PATH=$test/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export PATH
if [ $# -eq 0 ]; then
    ruff check .
    ruff format --check .
    mypy
fi
exec pytest "$@"
