#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What install.sh has brought goes: when a newer version has it no more, and with uninstall.sh, also with one that was
# interrupted before.
# Usage: installed.sh ROOT
set -euo pipefail
. "$1/deploy/lib/common.sh"
. "$1/deploy/lib/installed.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
system=$work/system stubs=$work/stubs
mkdir "$system" "$stubs"
# Nothing here needs root.
printf '#!/bin/sh\n[ "$1" != -- ] || shift\nexec "$@"\n' >"$stubs/sudo"
chmod +x "$stubs/sudo"
PATH=$stubs:$PATH

# brings PATH...: as meson does.
brings() {
	local path
	for path; do
		mkdir -p "$system${path%/*}"
		: >"$system$path"
	done
}

# there WHAT PATH...: these files and directories of the system are there and no others.
there() {
	local what=$1 want got
	shift
	want=$(printf '%s\n' "$@" | sort)
	got=$(cd "$system" && find . -mindepth 1 \( -type f -o -empty \) | sed 's/^\.//' | sort)
	[ "$want" = "$got" ] || die "$what: there is
$got
instead of
$want"
}

brings /usr/local/bin/one /usr/local/lib/one.so /usr/local/share/old/gone /usr/local/share/doc/foreign
replace_manifest "$system" /usr/local/bin/one /usr/local/lib/one.so /usr/local/share/old/gone /usr/local/share/old \
	/usr/local/lib /usr/local/bin
there 'first version' /usr/local/bin/one /usr/local/lib/one.so /usr/local/share/old/gone "$manifest" \
	/usr/local/share/doc/foreign

# Of directories that are there already meson says nothing.
brings /usr/local/bin/two /usr/local/share/new/three
replace_manifest "$system" /usr/local/bin/one /usr/local/bin/two /usr/local/share/new/three /usr/local/share/new
there 'second version' /usr/local/bin/one /usr/local/bin/two /usr/local/share/new/three "$manifest" \
	/usr/local/share/doc/foreign

if (replace_manifest "$system") 2>/dev/null; then
	die 'a list without a path is taken'
fi
there 'no list' /usr/local/bin/one /usr/local/bin/two /usr/local/share/new/three "$manifest" \
	/usr/local/share/doc/foreign

# meson's log has neither the slashes nor the dots, and the full path.
for spelled in "$system/" "$system//" "$work/./system" "$work//system/." ../system; do
	got=$(cd "$stubs" && DESTDIR=$spelled && . "$1/deploy/lib/installed.sh" && printf '%s' "$root_dir")
	[ "$got" = "$system" ] || die "$spelled is $got"
done

printf '#!/bin/sh\ncase "$*" in */two) exit 1 ;; esac\nexec /bin/rm "$@"\n' >"$stubs/rm"
chmod +x "$stubs/rm"
if DESTDIR=$system "$1/deploy/uninstall.sh" >/dev/null; then
	die 'a file that cannot be removed is not noticed'
fi
there 'interrupted' /usr/local/bin/two /usr/local/share/new/three "$manifest" /usr/local/share/doc/foreign
/bin/rm "$stubs/rm"
DESTDIR=$system/ "$1/deploy/uninstall.sh" >/dev/null
there 'removed' /usr/local/share/doc/foreign
