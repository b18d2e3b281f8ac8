# SPDX-License-Identifier: MIT
# What install.sh has brought, as a list of paths: files, then the directories that were made for them, the deepest
# first.  Sourced by install.sh and uninstall.sh, never run.  DIR is "", or the system (DESTDIR) that the paths are of.

prefix=/usr/local
manifest=$prefix/lib/timed/installed-files
# The system that DESTDIR names, spelled as meson spells it in its log; "": this one.
root_dir=${DESTDIR:+$(realpath -ms -- "$DESTDIR")}
root_dir=${root_dir%/}

# of_system PATH: whether a line of the list is a path that we may have written.
of_system() {
	case $1 in
	*//* | *..* | [!/]* | '') return 1 ;;
	esac
}

# remove_files DIR PATH...
remove_files() {
	local dir=$1 path
	shift
	for path; do
		if of_system "$path" && { [ ! -d "$dir$path" ] || [ -L "$dir$path" ]; }; then
			as_root rm -f "$dir$path"
		fi
	done
}

# remove_empty DIR PATH...: directories in which somebody else has something stay.
remove_empty() {
	local dir=$1 path
	shift
	for path; do
		if of_system "$path" && [ -d "$dir$path" ]; then
			as_root rmdir "$dir$path" 2>/dev/null || true
		fi
	done
}

# replace_manifest DIR PATH...: the paths are what is installed now.  What only the list before them names, of an older
# version, goes first; its directories that are in use stay in the list.
replace_manifest() {
	local dir=$1 path gone=() kept=()
	shift
	[ $# -gt 0 ] || die "no list of what was installed below ${dir:-/}: what was there before stays"
	if [ -r "$dir$manifest" ]; then
		mapfile -t gone < <(printf '%s\n' "$@" | grep -vxFf /dev/stdin "$dir$manifest")
	fi
	remove_files "$dir" "${gone[@]}"
	remove_empty "$dir" "${gone[@]}"
	for path in "${gone[@]}"; do
		[ ! -d "$dir$path" ] || kept+=("$path")
	done
	as_root mkdir -p "$dir${manifest%/*}"
	printf '%s\n' "$@" "${kept[@]}" | as_root sh -c 'cat >"$1.new" && mv "$1.new" "$1"' sh "$dir$manifest"
}

# remove_installed DIR: everything, and the list once nothing but empty directories is left of it: who is interrupted
# begins again.
remove_installed() {
	local dir=$1 paths
	mapfile -t paths <"$dir$manifest"
	remove_files "$dir" "${paths[@]}"
	as_root rm -f "$dir$manifest"
	remove_empty "$dir" "${manifest%/*}" "${paths[@]}"
}
