# SPDX-License-Identifier: MIT
# What deploy/devnet.sh and deploy/test.sh share: finding the checkout, installing what is missing, building.
# Sourced by bash, never run.  Everything a person should read goes to stdout; an error goes to stderr.

# The checkout, whatever the working directory of the caller is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Debian's own Python: meson and pytest are installed for it, and another may come first in PATH.
python=/usr/bin/python3

# Files that root makes in somebody else's checkout (sudo ./deploy/...) are given to that person at the end, so that
# the next run without sudo can write them.
owner=$(stat -c %u:%g "$root")

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# A mistake on the command line: exit code 2, as the daemon does it.
usage_error() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	printf "Try '%s --help'.\n" "$0" >&2
	exit 2
}

give_back() {
	if [ "$(id -u)" = 0 ] && [ "$owner" != 0:0 ] && [ -d "$root/build" ]; then
		chown -R --from=0 "$owner" "$root/build"
	fi
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "this needs root and there is no sudo: run it once as root, or install by hand: ${missing[*]}"
	fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Use-Pty=0 "$@"
}

apt_lists_present() {
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# install_missing PACKAGE...: installs those of the Debian packages that are not installed, and says which.
install_missing() {
	local package log
	missing=()
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "not a Debian system; needed: ${missing[*]}"

	say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
	log=$(mktemp)
	# Old lists name versions that the mirror no longer has, so a failed first try updates them and tries again.
	if ! { apt_lists_present && apt_get install --no-install-recommends -y "${missing[@]}" </dev/null >"$log" 2>&1; }; then
		apt_get update </dev/null >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "apt-get update failed"; }
		apt_get install --no-install-recommends -y "${missing[@]}" </dev/null >"$log" 2>&1 ||
			{ cat "$log" >&2; rm -f "$log"; die "apt-get install failed"; }
	fi
	rm -f "$log"
}

build_packages=(gcc libc6-dev pkg-config meson ninja-build libsodium-dev libssl-dev libjansson-dev librocksdb-dev
	libcurl4-openssl-dev libmicrohttpd-dev libsystemd-dev systemtap-sdt-dev)

# configure DIRECTORY COMPILER [MESON OPTION...]: sets a build directory up.  One that was set up in the same way before
# is left alone (ninja runs meson again by itself when a meson.build has changed); any other is made anew.  gold links in a
# third of the time.
configure() {
	local dir=$1 compiler=$2 want
	shift 2
	want="$root $compiler $*"
	if [ "$(cat "$dir/configured-as" 2>/dev/null)" != "$want" ] || [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"
		CC=$compiler CC_LD=gold meson setup "$dir" "$root" "$@" || return 1
		printf '%s\n' "$want" >"$dir/configured-as"
	fi
}
