#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, runs the tests, and ends with the line "N passed, M failed".
# Every build directory and log is below build/ in the checkout.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"

usage() {
	cat <<USAGE
Usage: ./deploy/test.sh [--all]

Installs what is missing (Debian 12), builds, runs unit tests, fuzz seeds, functional tests and a part of both under
ASan+UBSan and TSan, and ends with the line "N passed, M failed".  Exit code 0 when nothing failed.

  --all     full counts and rounds, the suite "soak", and everything under the sanitizers (takes hours)
  --help    this text
USAGE
}

rounds=ci
for arg in "$@"; do
	case $arg in
	--all) rounds=all ;;
	-h | --help)
		usage
		exit 0
		;;
	*) usage_error "unknown argument: $arg" ;;
	esac
done

test_packages=(check clang llvm libclang-rt-14-dev python3-pytest python3-pytest-xdist gdb iproute2 procps)

logs=$root/build/logs
passed=0 failed=0 skipped=0
started=$SECONDS

finish() {
	give_back
	say "All of it took $((SECONDS - started)) s; logs are in ${logs#"$root"/}/."
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && exit 0
	exit 1
}
trap 'say "interrupted"; failed=$((failed + 1)); finish' INT TERM

# stage NAME RESULTS COMMAND...: runs one part with its output in a log, and counts what it did.  RESULTS is the file
# of results that the command writes (deploy/lib/tally.py reads it), or "-" for a part that is not a test, which counts
# only when it fails.
stage() {
	local name=$1 results=$2 log begin=$SECONDS status counts=(0 0 0)
	shift 2
	log=$logs/${name//[^a-z0-9]/-}.log
	[ "$results" = - ] || rm -f "$results"
	"$@" </dev/null >"$log" 2>&1
	status=$?
	if [ "$results" != - ]; then
		"$python" "$root/deploy/lib/tally.py" "$results" >"$log.tally"
		read -r -a counts < <(tail -n 1 "$log.tally")
	fi
	# A part that failed without naming a failed test (it could not start, a tool crashed) is one failure.
	[ "$status" -eq 0 ] || [ "${counts[1]}" -gt 0 ] || counts[1]=1
	passed=$((passed + counts[0])) failed=$((failed + counts[1])) skipped=$((skipped + counts[2]))

	if [ "$results" = - ]; then
		printf '%-42s %5d s  %s\n' "$name" $((SECONDS - begin)) "$([ "$status" -eq 0 ] && echo ok || echo FAILED)"
	else
		printf '%-42s %5d s  %d passed, %d failed, %d skipped\n' "$name" $((SECONDS - begin)) "${counts[@]}"
		sed '$d' "$log.tally"
	fi
	if [ "${counts[1]}" -gt 0 ]; then
		say "---- output of: $name (${log#"$root"/}, its last 400 lines)"
		tail -n 400 "$log"
		say "---- end of: $name"
	fi
	return "$status"
}

# build VARIANT COMPILER [MESON OPTION...]
build() {
	local variant=$1 compiler=$2
	shift 2
	build_steps() {
		configure "$root/build/$variant" "$compiler" -Dwerror=true "$@" &&
			ninja -C "$root/build/$variant"
	}
	stage "build $variant ($compiler)" - build_steps "$@"
}

# unit VARIANT [MESON TEST OPTION...]: everything that meson knows as a test.
unit() {
	local variant=$1
	shift
	stage "unit tests, fuzz seeds: $variant" "$root/build/$variant/meson-logs/testlog.json" \
		meson test -C "$root/build/$variant" --no-rebuild --print-errorlogs "$@"
}

# functional VARIANT SCALE [PYTEST OPTION...]: SCALE stretches the tests' deadlines for a slower build.
functional() {
	local variant=$1 scale=$2
	shift 2
	[ -n "$(find "$root/tests/functional" -name 'test_*.py' -print -quit 2>/dev/null)" ] || return 0
	[ -x "$root/build/$variant/src/timed/timed" ] || return 0
	stage "functional tests: $variant" "$root/build/$variant/functional.xml" \
		env TIMED_BINARY="$root/build/$variant/src/timed/timed" TIMED_TEST_ROUNDS="$rounds" TIMED_TEST_SCALE="$scale" \
		PYTHONDONTWRITEBYTECODE=1 \
		"$python" -m pytest -p no:cacheprovider -q -rs --junitxml="$root/build/$variant/functional.xml" \
		-n "$workers" "$@" "$root/tests/functional"
}

# fuzz TARGET: libFuzzer for a while, from the seeds; what it finds is left below build/fuzz/.
fuzz() {
	local target=$1 name seeds
	name=$(basename "$target")
	seeds=$(find "$root/tests/fuzz/seeds" "$root/subprojects/timeproto/fuzz/seeds" -maxdepth 1 -name "${name#fuzz_}")
	mkdir -p "$root/build/fuzz/corpus/$name"
	stage "libFuzzer: $name" - "$target" -max_total_time=120 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$root/build/fuzz/$name-" "$root/build/fuzz/corpus/$name" $seeds && passed=$((passed + 1))
}

export ASAN_OPTIONS=detect_stack_use_after_return=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$root/tests/tsan.supp:second_deadlock_stack=1:history_size=4
workers=4
# Less optimized: the compiler takes half the time, and the tests hardly more.
sanitizer_build=(-Dbuildtype=debug -Doptimization=1 -Dfaults=true -Dbenchmarks=false -Db_lundef=false)
sanitizer_part=(-m fast)
if [ "$rounds" = all ]; then
	export TIMED_TEST_SOAK=1
	sanitizer_part=()
fi

mkdir -p "$logs"
install_missing "${build_packages[@]}" "${test_packages[@]}"

if build test gcc -Dbuildtype=debugoptimized -Dfaults=true; then
	unit test
	functional test 1
fi
if build asan clang "${sanitizer_build[@]}" -Db_sanitize=address,undefined; then
	unit asan --no-suite house --timeout-multiplier 4
	functional asan 2 "${sanitizer_part[@]}"
fi
if build tsan clang "${sanitizer_build[@]}" -Db_sanitize=thread; then
	unit tsan --no-suite house --no-suite fuzz --timeout-multiplier 8
	functional tsan 3 "${sanitizer_part[@]}"
fi
if [ "$rounds" = all ] && build fuzz clang "${sanitizer_build[@]}" -Dfuzz=true; then
	while read -r target; do
		fuzz "$target"
	done < <(find "$root/build/fuzz" -type f -executable -name 'fuzz_*' ! -name 'fuzz_seeds_*' | sort)
fi
finish
