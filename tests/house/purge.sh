#!/bin/sh
# SPDX-License-Identifier: MIT
# What the Debian package's purge leaves in a data directory, tried in a /var and /etc of its own: keys and what proves
# something, and the database of another daemon, which lies where ours would.
# Usage: purge.sh ROOT
if [ "$2" != inside ]; then
	unshare --map-root-user --mount true 2>/dev/null || { echo 'no namespace of mounts'; exit 77; }
	exec unshare --map-root-user --mount sh "$0" "$1" inside
fi
set -e
for directory in /var /etc; do
	mount -t tmpfs none "$directory"
done
data=/var/lib/timed

# leaves WANT: after the purge; empty: not even the directory.
leaves() {
	sh "$1/deploy/debian/timed.postrm" purge >/var/said
	got=$(cd "$data" 2>/dev/null && find . -type f | sort | tr '\n' ' ') || true
	[ "$got" = "$2" ] || { echo "left is: $got, not: $2"; exit 1; }
	[ ! -e /var/log/timed ] || { echo 'the log stays'; exit 1; }
	[ -n "$2" ] || [ ! -e "$data" ] || { echo 'the empty directory stays'; exit 1; }
}

lay() {
	mkdir -p "$data/recordings" /var/log/timed
	touch "$data/.cookie" "$data/.lock" "$data/pool.dat" "$data/core" "$data/core.17" "$data/recordings/peer.jsonl" \
		/var/log/timed/timed.log
}

lay
mkdir "$data/db"
touch "$data/db/CURRENT" "$data/db/000004.log"
leaves "$1" ''

lay
mkdir "$data/db" "$data/db-timed"
touch "$data/db/conf" "$data/db/snap.1" "$data/db-timed/CURRENT" "$data/time-wallet.dat" "$data/votes" "$data/halted"
kept='./db/conf ./db/snap.1 ./halted ./time-wallet.dat ./votes '
leaves "$1" "$kept"
grep -q "$data/db\$" /var/said || { echo "it does not say what it keeps: $(cat /var/said)"; exit 1; }
# And again: nothing is beside it any more.
leaves "$1" "$kept"
