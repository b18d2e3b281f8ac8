#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds a release of timed and runs a network of its nodes on this machine; deploy/lib/devnet.py runs them.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/devnet.sh [--once] [N]

Installs what is missing (Debian 12), builds a release of timed below build/, starts N nodes (default 4, at most 50) on
127.0.0.1, 127.0.0.2, ... and shows a live table of them until Ctrl-C, which stops them all.  Each run has fresh data
in a directory below build/devnet/, which is kept; its path is printed.

  --once    print the table once all nodes are connected, stop them and exit: 0, or 1 with the reason
  --help    this text

TIMED_BINARY=FILE runs that daemon and builds nothing.
USAGE
}

nodes=
options=()
for arg in "$@"; do
	case $arg in
	--once) options+=(--once) ;;
	-h | --help)
		usage
		exit 0
		;;
	-*) usage_error "unknown option: $arg" ;;
	*)
		[ -z "$nodes" ] || usage_error "one number of nodes, not two: $nodes and $arg"
		[[ $arg =~ ^[0-9]{1,4}$ ]] && ((10#$arg >= 1 && 10#$arg <= 50)) ||
			usage_error "the number of nodes is 1 to 50, not: $arg"
		nodes=$((10#$arg))
		;;
	esac
done

binary=${TIMED_BINARY:-}
if [ -z "$binary" ]; then
	install_missing "${build_packages[@]}"
	dir=$root/build/release
	mkdir -p "$root/build/logs"
	log=$root/build/logs/release.log
	say "Building a release in build/release ..."
	if ! { configure "$dir" gcc -Dbuildtype=release -Ddebug=true -Dtests=false -Dbenchmarks=false && ninja -C "$dir"; } </dev/null >"$log" 2>&1; then
		give_back
		tail -n 100 "$log" >&2
		die "the build failed; its output is in $log"
	fi
	give_back
	binary=$dir/src/timed/timed
fi
[ -x "$binary" ] || die "there is no daemon at $binary"

exec "$python" "$root/deploy/lib/devnet.py" --binary "$binary" --runs "$root/build/devnet" "${options[@]}" "${nodes:-4}"
