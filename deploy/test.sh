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

  --all     full counts and rounds, the suite "soak", every test under the sanitizers, the Debian package on a system of
            its own, and fuzzing (over an hour)
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

test_packages=(check clang llvm libclang-rt-14-dev python3-pytest python3-pytest-xdist python3-pytest-rerunfailures
	python3-cryptography python3-pyte faketime gdb iproute2 procps mandoc)

# Only with --all: a browser looks at the status page, and promtool reads what Prometheus would.  Its package is unpacked
# below build/ and not installed: that would start a service on our port.
promtool=
prepare_web() {
	local dir=$root/build/prometheus
	install_missing chromium fonts-dejavu-core
	mkdir -p "$dir"
	[ -x "$dir/usr/bin/promtool" ] || { (cd "$dir" && apt-get -qq download prometheus && dpkg -x prometheus_*.deb .) >/dev/null 2>&1; }
	if [ -x "$dir/usr/bin/promtool" ]; then
		promtool=$dir/usr/bin/promtool
	else
		say "promtool cannot be had: metrics, configuration and alert rules are not checked by it"
	fi
}

logs=$root/build/logs
passed=0 failed=0 skipped=0
started=$SECONDS
declare -A meanwhile=() # process id of a build by its variant

finish() {
	give_back
	say "All of it took $((SECONDS - started)) s; logs are in ${logs#"$root"/}/; $skipped skipped."
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && exit 0
	exit 1
}
interrupted() {
	[ ${#meanwhile[@]} -eq 0 ] || kill "${meanwhile[@]}"
	say "interrupted"
	failed=$((failed + 1))
	finish
}
trap interrupted INT TERM

# Seconds of processor time that ended children have used: what a part costs, however busy the machine is.
cpu_seconds() {
	local stat
	read -r -a stat </proc/$$/stat
	echo $(((stat[15] + stat[16]) / $(getconf CLK_TCK)))
}

# stage NAME RESULTS COMMAND...: runs one part with its output in a log, and counts what it did.  RESULTS is the file
# of results that the command writes (deploy/lib/tally.py reads it), or "-" for a part that is not a test, which counts
# only when it fails.
stage() {
	local name=$1 results=$2 log begin=$SECONDS cpu status counts=(0 0 0) took
	cpu=$(cpu_seconds)
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

	took=$(printf '%-32s %4d s (cpu %4d s)' "$name" $((SECONDS - begin)) $(($(cpu_seconds) - cpu)))
	if [ "$results" = - ]; then
		say "$took  $([ "$status" -eq 0 ] && echo ok || echo FAILED)"
	else
		say "$took  ${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped"
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
		configure "$root/build/$variant" "$compiler" -Dwerror=true "$@" && ninja -C "$root/build/$variant"
	}
	stage "build $variant ($compiler)" - build_steps "$@"
}

# build_meanwhile VARIANT COMPILER [MESON OPTION...]: starts a build that takes only the time that the parts which run
# now leave over (the functional tests mostly wait).  `built VARIANT` waits for it and says how it went.
build_meanwhile() {
	local variant=$1 compiler=$2 log=$logs/meanwhile-$1.log
	shift 2
	configure "$root/build/$variant" "$compiler" -Dwerror=true "$@" </dev/null >"$log" 2>&1
	nice -n 19 ninja -C "$root/build/$variant" -j1 </dev/null >>"$log" 2>&1 &
	meanwhile[$variant]=$!
}

built() {
	local variant=$1
	rest_of_build() {
		local status
		renice -n 0 -p "${meanwhile[$variant]}" >/dev/null 2>&1
		wait "${meanwhile[$variant]}"
		status=$?
		unset "meanwhile[$variant]"
		cat "$logs/meanwhile-$variant.log"
		return "$status"
	}
	stage "build $variant (clang), the rest of it" - rest_of_build
}

# unit VARIANT [MESON TEST OPTION...]: everything that meson knows as a test; more at once than there are cores, since some
# of them mostly wait (for the disk, for children that they kill).
unit() {
	local variant=$1
	shift
	stage "unit tests, fuzz seeds: $variant" "$root/build/$variant/meson-logs/testlog.json" \
		meson test -C "$root/build/$variant" --no-rebuild --print-errorlogs --num-processes 4 "$@"
}

# functional VARIANT SCALE [PYTEST OPTION...]: SCALE stretches the tests' deadlines for a slower build.
# A test with a deadline may fail on a machine that is busy with something else: what failed is run once more and named as
# rerun; it counts as failed when it fails again.
functional() {
	local variant=$1 scale=$2
	shift 2
	stage "functional tests: $variant" "$root/build/$variant/functional.xml" \
		env TIMED_BINARY="$root/build/$variant/src/timed/timed" TIMED_TEST_SCALE="$scale" PYTHONDONTWRITEBYTECODE=1 \
		TIMED_PROMTOOL="$promtool" TIMED_SCREENSHOTS="$root/build/screenshots" \
		"$python" -m pytest -p no:cacheprovider -q -rsR --reruns 1 --reruns-delay 2 --junitxml="$root/build/$variant/functional.xml" \
		-n "$workers" "$@" "$root/tests/functional"
}

# devnet VARIANT: the other command, with this build's daemon.  Where that is allowed (root) in a network namespace of its
# own, in which nobody else has 127.0.0.1.
devnet() {
	local isolate=()
	! unshare --net true 2>/dev/null || isolate=(unshare --net -- sh -c 'ip link set lo up && exec "$@"' sh)
	stage "devnet.sh --once --seed-blocks: $1" - "${isolate[@]}" env TIMED_BINARY="$root/build/$1/src/timed/timed" \
		"$root/deploy/devnet.sh" --once --seed-blocks 500 && passed=$((passed + 1))
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

# package: the Debian package in two versions, on a Debian 12 of its own, with systemd.
package() {
	local system=$root/build/package-test log
	both_packages() {
		rm -rf "$system"/*.deb
		"$root/deploy/package.sh" --version 0.0.1 --output "$system" && "$root/deploy/package.sh" --output "$system"
	}
	on_a_system() {
		local packages=() status
		mapfile -t packages < <(find "$system" -maxdepth 1 -name 'timed_*.deb' | sort)
		"$python" "$root/deploy/lib/package_test.py" "$system" "${packages[@]}"
		status=$?
		[ "$status" -eq 77 ] || return "$status"
	}
	stage "Debian package: build twice" - both_packages || return
	stage "Debian package: install to purge" - on_a_system || return
	log=$logs/-ebian-package--install-to-purge.log
	if grep -h '^skipped: ' "$log"; then
		skipped=$((skipped + 1))
	else
		passed=$((passed + $(grep -c '^ok: ' "$log")))
	fi
}

# Check's own limit of 4 s a test is short on a busy machine and under sanitizers; meson has one per program as well.
export CK_DEFAULT_TIMEOUT=60
# One frame of each allocation: six would take a quarter of the time, and a finding can be looked at again with more.
export ASAN_OPTIONS=detect_stack_use_after_return=1:abort_on_error=0:malloc_context_size=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$root/tests/tsan.supp:second_deadlock_stack=1:history_size=4
workers=6
# Less optimized: the compiler takes half the time, and the tests hardly more.
sanitizer_build=(-Dbuildtype=debug -Doptimization=1 -Dfaults=true -Dbenchmarks=false -Db_lundef=false)
# Full rounds and the suite soak are the plain build's; the sanitizers see every test, with the rounds of CI.
sanitizer_part=(-m fast)
soak=0 unit_time=()
if [ "$rounds" = all ]; then
	soak=1 unit_time=(--timeout-multiplier 30)
	sanitizer_part=(-m "not soak")
fi

mkdir -p "$logs"
[ "$rounds" != all ] || test_packages+=(debootstrap systemd-container)
install_missing "${build_packages[@]}" "${test_packages[@]}"
[ "$rounds" != all ] || prepare_web

if build test gcc -Dbuildtype=debugoptimized -Dfaults=true; then
	TIMED_TEST_ROUNDS=$rounds unit test "${unit_time[@]}"
	build_meanwhile asan clang "${sanitizer_build[@]}" -Db_sanitize=address,undefined
	build_meanwhile tsan clang "${sanitizer_build[@]}" -Db_sanitize=thread
	TIMED_TEST_ROUNDS=$rounds TIMED_TEST_SOAK=$soak functional test 1
	devnet test
	if built asan; then
		TIMED_TEST_ROUNDS=few unit asan --no-suite house --timeout-multiplier 4
		functional asan 2 "${sanitizer_part[@]}"
	fi
	if built tsan; then
		TIMED_TEST_ROUNDS=few unit tsan --no-suite house --no-suite fuzz --timeout-multiplier 8
		functional tsan 3 "${sanitizer_part[@]}"
	fi
fi
[ "$rounds" != all ] || package
# What a debugger and a crash report say of a release, whose optimizer leaves them less.
if [ "$rounds" = all ] && build release gcc -Dbuildtype=release -Ddebug=true -Dtests=false -Dbenchmarks=false; then
	functional release 1 -k "test_gdb or test_crash"
fi
if [ "$rounds" = all ] && build fuzz clang "${sanitizer_build[@]}" -Dfuzz=true; then
	while read -r target; do
		fuzz "$target"
	done < <(find "$root/build/fuzz" -type f -executable -name 'fuzz_*' ! -name 'fuzz_seeds_*' | sort)
fi
finish
