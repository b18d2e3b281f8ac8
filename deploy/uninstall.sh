#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Takes away what install.sh brought.  Configuration and data stay.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$root/deploy/lib/installed.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/uninstall.sh

Stops the service and removes what ./deploy/install.sh has installed.  Configuration (/etc/timed), data (/var/lib/timed:
wallet, votes, database), logs (/var/log/timed) and the user timed stay.  With DESTDIR=DIR: of the system below DIR.

  --help  this text
USAGE
}

[ $# -eq 0 ] || { [ "$1" = --help ] || [ "$1" = -h ] || usage_error "unknown argument: $1"; usage; exit 0; }

missing=(timed)
[ -r "$root_dir$manifest" ] || die "$root_dir$manifest is missing: nothing was installed by ./deploy/install.sh"
# Without its unit it was stopped by a run of this that did not come to its end.
if [ -z "$root_dir" ] && [ -d /run/systemd/system ] && [ -e "$prefix/lib/systemd/system/timed.service" ]; then
	as_root systemctl disable --now timed.service
fi
remove_installed "$root_dir"
if [ -z "$root_dir" ] && [ -d /run/systemd/system ]; then
	as_root systemctl daemon-reload
fi
say "Removed.  Kept: /etc/timed (configuration), /var/lib/timed (wallet, votes, database), /var/log/timed, the user timed."
