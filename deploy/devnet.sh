#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds a release of timed and runs a network of its nodes on this machine; deploy/lib/devnet.py runs them.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/devnet.sh [--once] [--seed-blocks B] [--pay K] [N]

Installs what is missing (Debian 12), builds a release of timed below build/, starts N nodes (default 4, at most 50) on
127.0.0.1, 127.0.0.2, ... and shows a live table of them until Ctrl-C, which stops them all.  From 3 nodes on they are
the validators of the network and make a block every two seconds.  Each run has fresh data in a directory below
build/devnet/, which is kept; its path is printed.

  --once            print the table once all nodes are connected (and at one height), stop them and exit: 0, or 1 with
                    the reason
  --seed-blocks B   the first node begins with B generated blocks (at most 1000000), the others fetch them from it
  --pay K           the nodes pay each other K times a second, all together (1 to 10000; at least 3 nodes)
  --help            this text

TIMED_BINARY=FILE runs that daemon and builds nothing; the generator of --seed-blocks is then the one of the same build
directory, or CHAINGEN_BINARY=FILE, and timed-inspect that of it, or TIMED_INSPECT=FILE.
USAGE
}

nodes=
seed_blocks=
pay=
options=()
while [ $# -gt 0 ]; do
	arg=$1
	shift
	case $arg in
	--once) options+=(--once) ;;
	--seed-blocks | --seed-blocks=*)
		if [ "$arg" = --seed-blocks ]; then
			[ $# -gt 0 ] || usage_error "--seed-blocks needs a number"
			seed_blocks=$1
			shift
		else
			seed_blocks=${arg#*=}
		fi
		[[ $seed_blocks =~ ^[0-9]{1,7}$ ]] && ((10#$seed_blocks >= 1 && 10#$seed_blocks <= 1000000)) ||
			usage_error "the number of seed blocks is 1 to 1000000, not: $seed_blocks"
		;;
	--pay | --pay=*)
		if [ "$arg" = --pay ]; then
			[ $# -gt 0 ] || usage_error "--pay needs a number"
			pay=$1
			shift
		else
			pay=${arg#*=}
		fi
		[[ $pay =~ ^[0-9]{1,5}$ ]] && ((10#$pay >= 1 && 10#$pay <= 10000)) ||
			usage_error "the number of payments a second is 1 to 10000, not: $pay"
		options+=(--pay $((10#$pay)))
		;;
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

[ -z "$pay" ] || ((${nodes:-4} >= 3)) || usage_error "--pay needs blocks, and those need at least 3 nodes"

binary=${TIMED_BINARY:-}
chaingen=${CHAINGEN_BINARY:-}
if [ -z "$binary" ]; then
	install_missing "${build_packages[@]}"
	dir=$root/build/release
	mkdir -p "$root/build/logs"
	log=$root/build/logs/release.log
	say "Building a release in build/release ..."
	targets=(all)
	# Not part of a release: built only when it is named.
	[ -z "$seed_blocks" ] || targets+=(tests/tools/chaingen)
	if ! { configure "$dir" gcc -Dbuildtype=release -Ddebug=true -Dtests=false -Dbenchmarks=false &&
		ninja -C "$dir" "${targets[@]}"; } </dev/null >"$log" 2>&1; then
		give_back
		tail -n 100 "$log" >&2
		die "the build failed; its output is in $log"
	fi
	give_back
	binary=$dir/src/timed/timed
fi
[ -x "$binary" ] || die "there is no daemon at $binary"
inspect=${TIMED_INSPECT:-$(dirname "$binary")/../timed-inspect/timed-inspect}
[ -x "$inspect" ] || die "there is no timed-inspect at $inspect"
if [ -n "$seed_blocks" ]; then
	: "${chaingen:=$(dirname "$binary")/../../tests/tools/chaingen}"
	[ -x "$chaingen" ] || die "there is no chaingen at $chaingen"
	options+=(--seed-blocks $((10#$seed_blocks)) --chaingen "$chaingen")
fi

exec "$python" "$root/deploy/lib/devnet.py" --binary "$binary" --inspect "$inspect" --runs "$root/build/devnet" "${options[@]}" "${nodes:-4}"
