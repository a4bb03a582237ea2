#!/bin/sh
# The first step of `make up`: from a bare machine to a Python that can run the rest.
# Makes (or renews) the Hub's environment from this checkout, then hands over to `werkplaats up`.
#
#   WERKPLAATS_PREFIX   where the environments go (default /opt/werkplaats)
#   sh bootstrap.sh environment    only the environment
set -eu
umask 022

checkout=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
prefix=${WERKPLAATS_PREFIX:-/opt/werkplaats}
log=${WERKPLAATS_LOG:-/var/log/werkplaats}/up.log
hub=$prefix/hub
stamp=$hub/werkplaats-made

fail() {
    printf 'failed\n\nThe step "%s" failed: %s\nWhat to do: %s\nThe whole story: %s\n' "$step" "$1" "$2" "$log" >&2
    exit 1
}
begin() { step=$1; printf '  %s ... ' "$step"; printf '== %s\n' "$step" >>"$log"; }
logged() { printf '$ %s\n' "$*" >>"$log"; "$@" >>"$log" 2>&1; }

if [ "$(id -u)" != 0 ]; then
    echo 'make up must run as root: become root (`sudo -i`) and run it again.' >&2
    exit 1
fi
mkdir -p "$prefix" "$(dirname "$log")"

# A Python of the system that everybody on it can run (one below /root or /home would not do).
find_python() {
    for python in /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11; do
        if [ -x "$python" ] && "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

begin 'Looking for Python'
if ! python=$(find_python); then
    command -v apt-get >/dev/null || fail 'this is not Debian or Ubuntu (no apt-get)' 'use Debian 12 or 13, or Ubuntu 22.04 or 24.04'
    export DEBIAN_FRONTEND=noninteractive
    logged apt-get update || fail 'the package lists cannot be fetched' 'see that the package archive can be reached'
    # Ubuntu 22.04's own Python is 3.10; its archive holds 3.11 beside it.
    logged apt-get install -y --no-install-recommends python3 python3-venv || true
    find_python >/dev/null || logged apt-get install -y --no-install-recommends python3.11 python3.11-venv || true
    python=$(find_python) || fail 'no Python 3.11 or later could be installed' 'install python3 and python3-venv, then run this again'
fi
echo "ok ($python)"

begin "Installing the Hub's environment (minutes, the first time)"
if [ ! -x "$hub/bin/pip" ]; then
    logged "$python" -m venv "$hub" || fail 'the environment cannot be made' 'read the end of the log; is the disk full?'
fi
net='see that PyPI can be reached, then run `make up` again'
pip() { logged "$hub/bin/python3" -m pip --disable-pip-version-check --quiet "$@"; }
# What the package is built from: while it is as it was, a run needs no network.
sources() {
    cd "$checkout" && find pyproject.toml constraints.txt README.md LICENSE hub_config/jupyterhub_config.py \
        hub_config/werkplaats_hub hub_config/single_machine spawners extensions example_notebooks \
        \( -name node_modules -o -name build -o -name __pycache__ \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}
wanted=$(sources)
wheel=$(echo "$prefix"/wheel/werkplaats-*.whl)
if [ -f "$wheel" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    echo 'ok (as it was)'
else
    rm -rf "$stamp" "$prefix/wheel"
    pip wheel --no-deps --wheel-dir "$prefix/wheel" "$checkout" || fail 'the package cannot be built' "$net"
    wheel=$(echo "$prefix"/wheel/werkplaats-*.whl)
    pip install --constraint "$checkout/constraints.txt" "$wheel[hub]" || fail 'packages cannot be installed' "$net"
    pip install --no-deps --force-reinstall "$wheel" || fail 'the package cannot be installed' "$net"
    echo "$wanted" >"$stamp"
    echo ok
fi

[ "${1:-}" = environment ] && exit 0
exec "$hub/bin/werkplaats" up --wheel "$wheel" --constraints "$checkout/constraints.txt" \
    --facility "$checkout/hub_config/facility.toml"
