#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Takes away what install.sh brought.  Configuration and data stay.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"

manifest=/usr/local/lib/timed/installed-files

usage() {
	cat <<USAGE
Usage: ./deploy/uninstall.sh

Stops the service and removes what ./deploy/install.sh has installed.  Configuration (/etc/timed), data (/var/lib/timed:
wallet, votes, database), logs (/var/log/timed) and the user timed stay.  With DESTDIR=DIR: of the system below DIR.

  --help  this text
USAGE
}

[ $# -eq 0 ] || { [ "$1" = --help ] || [ "$1" = -h ] || usage_error "unknown argument: $1"; usage; exit 0; }

root_dir=${DESTDIR:-}
missing=(timed)
[ -r "$root_dir$manifest" ] || die "$root_dir$manifest is missing: nothing was installed by ./deploy/install.sh"
if [ -z "$root_dir" ] && [ -d /run/systemd/system ]; then
	as_root systemctl disable --now timed.service
fi
# Files first, then the directories that were made for them, the deepest first: those that are empty.
mapfile -t paths <"$root_dir$manifest"
as_root rm -f "$root_dir$manifest"
as_root rmdir "$root_dir${manifest%/*}"
for path in "${paths[@]}"; do
	case $path in
	*//* | *..* | [!/]*) continue ;;
	esac
	if [ -d "$root_dir$path" ]; then
		as_root rmdir "$root_dir$path" 2>/dev/null || true
	else
		as_root rm -f "$root_dir$path"
	fi
done
if [ -z "$root_dir" ] && [ -d /run/systemd/system ]; then
	as_root systemctl daemon-reload
fi
say "Removed.  Kept: /etc/timed (configuration), /var/lib/timed (wallet, votes, database), /var/log/timed, the user timed."
