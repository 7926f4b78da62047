#!/bin/sh
# `pulumi` of this checkout: the CLI that set-up found, installed or built, with defaults for what the user has not chosen.
set -eu
umask 077
venv=$(cd "$(dirname "$0")/.." && pwd)
root=$(dirname "$venv")
export VIRTUAL_ENV="$venv"
export PATH="$venv/bin:$PATH"
export PULUMI_SKIP_UPDATE_CHECK="${PULUMI_SKIP_UPDATE_CHECK:-true}"

# The backend: the user's choice, else files in this checkout.
if [ -z "${PULUMI_BACKEND_URL:-}" ] && ! grep -qs '"current": *"[^"]' "${PULUMI_HOME:-$HOME/.pulumi}/credentials.json"; then
    export PULUMI_BACKEND_URL="file://$root"
fi

# The committed stack of this machine is encrypted with an empty passphrase (docs/adr): no question is asked.
if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ] && [ -z "${PULUMI_CONFIG_PASSPHRASE_FILE+set}" ]; then
    export PULUMI_CONFIG_PASSPHRASE=""
fi

exec "$root/.tools/pulumi" "$@"
