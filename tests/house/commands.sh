#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's commands explain themselves and refuse what they do not understand, before they install or build.
# Usage: commands.sh ROOT
cd "$1" || exit 1
failed=0

# expect CODE TEXT COMMAND...: the command ends with CODE and says TEXT.
expect() {
	code=$1 text=$2
	shift 2
	output=$("$@" 2>&1 </dev/null)
	status=$?
	if [ "$status" -ne "$code" ]; then
		echo "$*: exit code $status, not $code"
		failed=1
	fi
	case $output in
	*"$text"*) ;;
	*)
		echo "$*: does not say \"$text\" but: $output"
		failed=1
		;;
	esac
}

expect 0 'Usage: ./deploy/devnet.sh' ./deploy/devnet.sh --help
expect 0 'Usage: ./deploy/test.sh' ./deploy/test.sh --help
expect 2 'unknown argument: --al' ./deploy/test.sh --al
expect 2 'unknown option: --twice' ./deploy/devnet.sh --twice
expect 2 '1 to 50, not: 0' ./deploy/devnet.sh 0
expect 2 '1 to 50, not: 51' ./deploy/devnet.sh 51
expect 2 '1 to 50, not: four' ./deploy/devnet.sh four
expect 2 '1 to 50, not:' ./deploy/devnet.sh ''
expect 2 'not two: 3 and 4' ./deploy/devnet.sh 3 4
expect 2 '--seed-blocks needs a number' ./deploy/devnet.sh --seed-blocks
expect 2 '1 to 1000000, not: 0' ./deploy/devnet.sh --seed-blocks 0
expect 2 '1 to 1000000, not: 1000001' ./deploy/devnet.sh --seed-blocks=1000001 3
expect 2 '1 to 1000000, not: ten' ./deploy/devnet.sh 3 --seed-blocks ten
expect 1 'there is no chaingen at /bin/../../tests/tools/chaingen' env TIMED_BINARY=/bin/true TIMED_INSPECT=/bin/true \
	./deploy/devnet.sh --seed-blocks 5
expect 1 'there is no timed-inspect at /bin/../timed-inspect/timed-inspect' env TIMED_BINARY=/bin/true ./deploy/devnet.sh
expect 2 '--pay needs a number' ./deploy/devnet.sh --pay
expect 2 '1 to 10000, not: 0' ./deploy/devnet.sh --pay 0
expect 2 '1 to 10000, not: much' ./deploy/devnet.sh --pay=much
expect 2 'at least 3 nodes' ./deploy/devnet.sh --pay 5 2
expect 1 'there is no daemon at /nonexistent' env TIMED_BINARY=/nonexistent ./deploy/devnet.sh
for command in package install uninstall; do
	expect 0 "Usage: ./deploy/$command.sh" "./deploy/$command.sh" --help
	expect 2 'unknown argument: --hepl' "./deploy/$command.sh" --hepl
done
expect 2 '--version: value missing' ./deploy/package.sh --version
expect 2 'no version of Debian' ./deploy/package.sh --version latest
expect 1 'nothing was installed' env DESTDIR=/nonexistent ./deploy/uninstall.sh
for script in deploy/*.sh deploy/lib/*.sh .ci/run; do
	expect 0 '' bash -n "$script"
done
exit $failed
