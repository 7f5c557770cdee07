# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Code that the scripts share. Source it: . "$(dirname "$0")/lib.sh"

set -euo pipefail

TOP=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
# shellcheck disable=SC2034 # for the scripts that source this
CACHE=$(realpath -m "${IOMMUFD_CACHE:-${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/iommufd}")
# A make that a script starts must not be a child of the make that started the script.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# The path of this script in the tree, with which its messages begin
SCRIPT=$(realpath -m -- "$0")
SCRIPT=${SCRIPT#"$TOP/"}
# The descriptor for notes: in a command of `logged` it is not standard error. Not every
# program leaves descriptors open for what it starts.
[ -e "/dev/fd/${IOMMUFD_NOTES:-2}" ] || IOMMUFD_NOTES=2
IOMMUFD_NOTES=${IOMMUFD_NOTES:-2}
# note WORD...: tell what a long step is, or what the reader has to know
note() { echo "$SCRIPT: $*" >&"$IOMMUFD_NOTES"; }
die() { echo "$SCRIPT: $*" >&2; exit 1; }

# kernel_names: every name in kernels.list
kernel_names() { awk '!/^#/ && NF { print $1 }' "$TOP/scripts/kernels.list"; }

# kernel_bases: the names of the kernels that get every test
kernel_bases() { awk '!/^#/ && NF && $1 == $2 && $3 != "sid" { print $1 }' "$TOP/scripts/kernels.list"; }

# kernel_field NAME base|suite|image|headers|source|built
kernel_field() {
	awk -v name="$1" -v want="$2" '
		BEGIN { split("name base suite image headers source built", column, " "); for (i in column) at[column[i]] = i }
		!/^#/ && $1 == name { print $(at[want]); found = 1 }
		END { exit !found }
	' "$TOP/scripts/kernels.list" ||
		die "no kernel is called '$1'; scripts/kernels.list has: $(kernel_names | paste -sd ' ')"
}

# built_here KERNEL: is this machine of the Debian suite that compiles its modules?
built_here() { [ "$(kernel_field "$1" built)" = "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" ]; }

# candidate PACKAGE: the version that apt would install
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" { print $2 }'; }

# depends PACKAGE[=VERSION]...: their dependencies, one "name (= version)" a line
depends() {
	apt-cache show --no-all-versions "$@" 2>/dev/null |
		sed -n '/^Depends: /{s///;s/, */\n/g;p}'
}

# of_the_kernel PARTS: those of the dependencies on standard input that belong to the
# kernel, as package=version
of_the_kernel() {
	sed 's/ *|.*//' | sed -nE "/^linux-($1)-/{s/ \(= ([^)]*)\)\$/=\1/;s/ \(.*//;p}"
}

# unpack_debs DIRECTORY: unpack its debs/ there, and remove them. Some packages of a kernel
# have /lib/modules, some /usr/lib/modules.
unpack_debs() {
	local deb
	mkdir -p "$1/usr/lib"
	ln -s usr/lib "$1/lib"
	for deb in "$1"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --keep-directory-symlink --warning=no-timestamp
	done
	rm -r "$1/debs"
}

# move_headers HEADERS TREE: the makefile of a kernel's headers names itself and the common
# one by their installed paths; let it name those below TREE. All other paths in it are
# relative.
move_headers() {
	sed -E -i "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$2/usr/src/#" "$1/Makefile"
}

# begin TREE: set $work to an empty directory beside TREE, which keep renames to TREE. For a
# command of `locked TREE.lock`, or of a lock for all trees there: if that command ends
# without keep, the directory goes. A run that was killed leaves it, and the next run, for
# whatever tree beside it, removes it: no process of the other one is alive if its lock is
# free.
begin() {
	local part
	for part in "${1%/*}"/*.part; do
		[ ! -d "$part" ] || flock -n "${part%.part}.lock" rm -rf --one-file-system "$part" || true
	done
	work=$1.part
	rm -rf --one-file-system "$work"
	# shellcheck disable=SC2064 # the caller's variable is gone then
	trap "rm -rf --one-file-system ${work@Q}" EXIT
	mkdir "$work"
}

# keep WORK TREE: let a directory that is complete be the tree of the cache
keep() {
	touch "$1/.ready"
	rm -rf "$2"
	mv "$1" "$2"
}

# is_current FILE THAN...: is it newer than the others?
is_current() {
	local file=$1 than
	shift
	for than; do
		[ "$file" -nt "$than" ] || return 1
	done
}

# jobs_that_fit GIB: how many jobs may run at a time, one for each processor and each GIB of
# memory that is free
jobs_that_fit() {
	awk -v gib="$1" -v cores="$(nproc)" '$1 == "MemAvailable:" {
		n = int($2 / (gib * 1024 * 1024))
		if (n > cores) n = cores
		print n < 1 ? 1 : n
	}' /proc/meminfo
}

# locked FILE COMMAND...: run a command with the lock of FILE held
locked() {
	local file=$1
	shift
	mkdir -p "$(dirname "$file")"
	( lock 9 "$file"; "$@" ) 9>"$file"
}

# lock DESCRIPTOR FILE: take the lock of the file, which is open there
lock() {
	flock -w 5 "$1" || {
		note "waiting for another process that has the lock $2"
		flock "$1"
	}
}

# build_dir PATH: the absolute path of a kernel's build directory
build_dir() {
	local kdir
	kdir=$(realpath -qe "$1") && [ -e "$kdir/include/config/auto.conf" ] &&
		[ -e "$kdir/Module.symvers" ] && echo "$kdir" ||
		die "$1 is not a kernel's build directory; install the headers of that kernel, or give KDIR="
}

# release_of KDIR: what uname -r prints on that kernel. Debian's
# include/config/kernel.release has the upstream version instead.
release_of() { sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$1/include/generated/utsrelease.h"; }

# logged LOG COMMAND...: the output of the command goes to LOG, except for notes
logged() {
	local log=$1
	shift
	IOMMUFD_NOTES=7 "$@" 7>&"$IOMMUFD_NOTES" >"$log" 2>&1
}

# quietly LOG COMMAND...: the same; a command that fails has its output shown
quietly() {
	local log=$1 what
	shift
	what=${*//"$TOP/"/}
	mkdir -p "$(dirname "$log")"
	note "$what, with the output in ${log#"$TOP/"}"
	logged "$log" "$@" && return
	cat "$log" >&2
	die "$what failed, see above"
}

# apt_get ARGUMENT...: apt-get without output, unless it fails. Waits if another process
# holds one of apt's locks. The option makes apt wait for dpkg's locks only; apt does not
# wait for the locks of the lists and of the archives.
apt_get() {
	local said deadline=$((SECONDS + ${APT_LOCK_SECONDS:-600})) told=
	until said=$(DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -qq -o DPkg::Lock::Timeout=600 \
			-o APT::Sandbox::User=root "$@" 2>&1 </dev/null); do
		if ! grep -q 'Could not get lock' <<<"$said" || [ "$SECONDS" -ge "$deadline" ]; then
			echo "$said" >&2
			return 1
		fi
		[ -n "$told" ] || note "apt-get $1: waiting for another process: ${said%%$'\n'*}"
		told=yes
		sleep 1
	done
}

# More command line for the debug kernel. no5lvl: after an interrupt in the middle of
# identify_cpu(), KASAN takes the addresses of a kernel with 5 levels for invalid ones.
# shellcheck disable=SC2034 # for the scripts that source this
DEBUG_ARGUMENTS="panic_on_warn=1 no5lvl"

# selftest COLLECTION TARGET: make a target of tools/testing/selftests/COLLECTION; the
# output is below build/selftests/
selftest() {
	local output=$TOP/build/selftests/$1 source_tools
	source_tools=$("$TOP/scripts/source-tools")
	locked "$output/.lock" \
		make -s --no-print-directory -C "$TOP/tools/testing/selftests/$1" OUTPUT="$output" \
		KSFT_DIR="$source_tools/tools/testing/selftests" COLLECTION="$output" "$2"
}
