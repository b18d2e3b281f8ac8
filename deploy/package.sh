#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Debian packages timed and timed-dbgsym from the files of this checkout, with the metadata of deploy/debian.
# Everything happens below build/package/: the checkout stays as it is.
set -euo pipefail
. "$(dirname "$0")/lib/common.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/package.sh [--version VERSION] [--output DIR]

Installs what is missing (Debian 12), builds the packages timed and timed-dbgsym, looks at them with lintian, and prints
their paths.  The same files give the same packages, byte by byte.

  --version VERSION  instead of that of deploy/debian/changelog: a newer one, for a local build
  --output DIR       where the packages go (build/package)
  --help             this text
USAGE
}

version='' output=$root/build/package
while [ $# -gt 0 ]; do
	case $1 in
	--version | --output)
		[ $# -ge 2 ] || usage_error "$1: value missing"
		[ "$1" = --version ] && version=$2 || output=$2
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*) usage_error "unknown argument: $1" ;;
	esac
	shift
done
[[ $version =~ ^([0-9][0-9a-z.+~]*)?$ ]] || usage_error "--version: \"$version\" is no version of Debian's"

package_packages=(build-essential debhelper dpkg-dev fakeroot git lintian pkgconf)
install_missing "${build_packages[@]}" "${package_packages[@]}"

checkout_git() {
	git -c safe.directory="$root" -C "$root" "$@"
}

# The files that belong to the checkout, as they are now.
list_files() {
	if checkout_git rev-parse --git-dir >/dev/null 2>&1; then
		checkout_git ls-files -z --cached --others --exclude-standard
	else
		(cd "$root" && find . -path ./build -prune -o -type f -print0)
	fi
}

# Puts an entry with this version on top of the changelog, dated as the newest one there: no clock has a say in a package.
set_version() {
	local changelog=$tree/debian/changelog date
	date=$(dpkg-parsechangelog -l "$changelog" -S Date)
	{
		printf 'timed (%s) UNRELEASED; urgency=medium\n\n  * Local build.\n\n' "$1"
		printf ' -- the timed authors <maintainers@timed.example>  %s\n\n' "$date"
		cat "$root/deploy/debian/changelog"
	} >"$changelog"
	sed -i "0,/version: '[^']*'/s//version: '$1'/" "$tree/meson.build"
}

# What the build needs is said twice: in common.sh for a checkout, in debian/control for the package.
for package in "${build_packages[@]}"; do
	case $package in
	gcc | libc6-dev | pkg-config) ;; # of build-essential; by another name
	*) grep -q "^  *$package\b" "$root/deploy/debian/control" || die "deploy/debian/control does not name $package" ;;
	esac
done

work=$root/build/package/work
tree=$work/timed
log=$root/build/package/build.log
rm -rf "$work"
mkdir -p "$tree" "$output"
output=$(cd "$output" && pwd -P)
list_files | (cd "$root" && tar --create --null --files-from=- --ignore-failed-read 2>/dev/null) | tar --extract -C "$tree"
cp -R "$root/deploy/debian" "$tree/debian"
[ -z "$version" ] || set_version "$version"
version=$(dpkg-parsechangelog -l "$tree/debian/changelog" -S Version)
[ "$(sed -n "0,/version:/s/.*version: '\([^']*\)'.*/\1/p" "$tree/meson.build")" = "$version" ] ||
	die "deploy/debian/changelog is of version $version, meson.build is not"

TIMED_COMMIT_DATE=$(checkout_git show -s --format=%cs HEAD 2>/dev/null || echo unknown)
TIMED_COMMIT_COUNT=$(checkout_git rev-list --count HEAD 2>/dev/null || echo 0)
export TIMED_COMMIT_DATE TIMED_COMMIT_COUNT
say "Building timed $version (log: ${log#"$root"/})"
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign) >"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	give_back
	die "the package cannot be built"
}

architecture=$(dpkg --print-architecture)
packages=("timed_${version}_$architecture.deb" "timed-dbgsym_${version}_$architecture.deb")
for package in "${packages[@]}"; do
	[ -f "$work/$package" ] || die "$package was not built"
	mv -f "$work/$package" "$output/$package"
done
lintian --fail-on error --tag-display-limit 0 "${packages[@]/#/$output/}" || die "lintian finds errors"
rm -rf "$work"
give_back
printf '%s\n' "${packages[@]/#/$output/}"
