#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds a release and installs it with its systemd service, on machines that do not take the Debian package.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$root/deploy/lib/installed.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/install.sh

Builds a release in build/install and installs it below $prefix, with its systemd service, the user timed, its data
directory /var/lib/timed and, if there is none, the configuration /etc/timed/config.toml.  Starts nothing that does not
run; a service that runs is restarted.  With DESTDIR=DIR all of it goes below DIR, which is another system.
./deploy/uninstall.sh takes away what this brought.

  --help  this text
USAGE
}

[ $# -eq 0 ] || { [ "$1" = --help ] || [ "$1" = -h ] || usage_error "unknown argument: $1"; usage; exit 0; }

if dpkg-query ${root_dir:+--root="$root_dir"} -W -f '${db:Status-Status}' timed 2>/dev/null | grep -qx installed; then
	die "the Debian package timed is installed: upgrade that, or remove it first"
fi
missing=(timed)
install_missing "${build_packages[@]}"

say "Building a release in build/install"
mkdir -p "$root/build"
log=$root/build/install.log
{ configure "$root/build/install" "${CC:-cc}" --prefix="$prefix" --sysconfdir=/etc --buildtype=release -Ddebug=true \
	-Dtests=false -Dbenchmarks=false && ninja -C "$root/build/install"; } >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "the build failed"; }
give_back

# The files go where meson says; what it says is kept for uninstall.sh, and for the next version.
as_root env DESTDIR="$root_dir" meson install -C "$root/build/install" --no-rebuild --skip-subprojects --quiet
mapfile -t paths < <(sed -n "s|^$root_dir/|/|p" "$root/build/install/meson-logs/install-log.txt")
replace_manifest "$root_dir" "${paths[@]}"
as_root systemd-sysusers ${root_dir:+--root="$root_dir"} timed.conf
as_root systemd-tmpfiles ${root_dir:+--root="$root_dir"} --create timed.conf
if [ ! -e "$root_dir/etc/timed/config.toml" ]; then
	# By number: the user of another system has no name here.
	group=$(awk -F: '$1 == "timed" { print $3 }' "$root_dir/etc/group")
	as_root install -D -m 0640 -g "$group" "$root/deploy/service/config.toml" "$root_dir/etc/timed/config.toml"
fi
# Of another system this one's service manager is not told.
if [ -z "$root_dir" ] && [ -d /run/systemd/system ]; then
	as_root systemctl daemon-reload
	as_root systemctl try-restart timed.service
fi
cat <<NEXT
Installed: $prefix/bin/timed, its service, /etc/timed/config.toml; data will be in /var/lib/timed.
Next: edit /etc/timed/config.toml, see what it means with
  timed --config /etc/timed/config.toml --check-config
and start the node now and at every boot with
  systemctl enable --now timed
NEXT
