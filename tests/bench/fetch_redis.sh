#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's redis-server and redis-tools, and the libraries of theirs that are missing, and unpacks them below
# DIRECTORY; nothing is installed and no service is started.  Does nothing when they are there already.
#
#     fetch_redis.sh DIRECTORY
set -eu
[ $# -eq 1 ] || { echo "Usage: fetch_redis.sh DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -x root/usr/bin/redis-benchmark ] && exit 0
command -v redis-benchmark >/dev/null && command -v redis-server >/dev/null && exit 0
packages="redis-server redis-tools"
libraries=$(apt-cache depends redis-tools redis-server 2>/dev/null | sed -n 's/^ *Depends: \(lib[^ <>]*\)$/\1/p')
for package in $(echo "$libraries" | sort -u); do
	dpkg -s "$package" >/dev/null 2>&1 || packages="$packages $package"
done
# As root, apt wants to download as another user, who may not write here.
# shellcheck disable=SC2086
apt-get download -o APT::Sandbox::User=root $packages >/dev/null
rm -rf unpacking
for archive in *.deb; do
	dpkg-deb -x "$archive" unpacking
done
rm -f ./*.deb
for directory in unpacking/usr/lib/*-linux-gnu; do
	[ ! -d "$directory" ] || ln -s "${directory#unpacking/}" unpacking/libraries
done
mv unpacking root
