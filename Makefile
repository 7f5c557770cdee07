# SPDX-License-Identifier: GPL-2.0
# For people; kbuild reads Kbuild instead. `make help` lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNELS := $(shell scripts/kernel list)
# One of each series, which gets every test
BASES := $(shell scripts/kernel bases)
# The others of these series that Debian's users run. 7.2 is only built: it is that of sid.
FLAVOURS := $(filter-out $(BASES) 7.2,$(KERNELS))

# Variables of this command line that are for kbuild, for example W=1
KBUILD_ARGS = $(filter-out KDIR=% KERNEL=% DESTDIR=% KERNELRELEASE=%,$(MAKEOVERRIDES))

all:
	scripts/build $(or $(KERNEL),$(abspath $(KDIR))) $(KBUILD_ARGS)

# They are for a kernel of this machine, not for one that only the tests boot.
ifneq ($(and $(KERNEL),$(filter install uninstall,$(MAKECMDGOALS))),)
$(error make install and make uninstall take KDIR=, not KERNEL=)
endif

install: all
	DESTDIR="$(DESTDIR)" scripts/install "$(KDIR)"

# Of all kernels, unless KDIR names one
uninstall:
	DESTDIR="$(DESTDIR)" scripts/install --remove $(if $(filter-out file,$(origin KDIR)),"$(KDIR)")

# The command of tools/iommufd; OUTPUT=, DESTDIR= and prefix= are its own
tool:
	@scripts/host-packages tool-build
	@$(MAKE) --no-print-directory -C tools/iommufd OUTPUT="$(CURDIR)/build/tool"

deb:
	@scripts/deb

release:
	@scripts/release

demo:
	@scripts/demo $(or $(KERNEL),6.1)

check:
	@scripts/check --jobs fit unit tool static $(BASES:%=vm-%) $(FLAVOURS:%=short-%) clients-short bench

# Every kselftest on every kernel, and all that runs on one of each series
check-all:
	@scripts/check --jobs fit unit tool static $(BASES:%=vm-%) $(FLAVOURS:%=vm-%) $(BASES:%=tool-%) build-7.2 bench
	@scripts/check builds clients machines debug

# For .ci/run, which does not build the debug kernel: that would take longer than all else
check-ci:
	@scripts/check --jobs fit unit tool static $(BASES:%=vm-%) $(FLAVOURS:%=short-%-in-time) \
		clients-short bench debug-if-cached

check-unit check-tool check-static check-bench check-builds check-debug check-races $(KERNELS:%=check-vm-%): check-%:
	@scripts/check $*

check-clients:
	@scripts/check $(or $(KERNEL:%=clients-%),clients)

check-machines:
	@scripts/check $(or $(KERNEL:%=machines-%),machines)

check-howto:
	@scripts/check $(patsubst %,howto-%,$(or $(KERNEL),6.12))

check-install:
	@scripts/check-install $(SYSTEM)

check-fuzz:
	@scripts/check $(patsubst %,fuzz-%,$(or $(KERNEL),$(BASES) debug))

check-mutants:
	@scripts/check-mutants $(KERNEL:%=--kernel %) $(MUTANTS)

check-vm:
	@scripts/check --jobs fit $(patsubst %,vm-%,$(or $(KERNEL),$(BASES)))

bench:
	@scripts/bench $(KERNEL:%=--kernel %)

bench-wall:
	@scripts/bench --wall $(KERNEL:%=--kernel %)

bench-record:
	@scripts/bench --record

bench-doc:
	@scripts/bench $(KERNEL:%=--kernel %)
	@scripts/bench --wall $(KERNEL:%=--kernel %)
	@scripts/bench --write-doc

results-doc:
	@scripts/results-table --write-doc

clean:
	rm -rf build

help:
	@echo 'make                   build the modules for the running kernel (KDIR= or KERNEL= for another)'
	@echo 'make install           install them, with their udev rule and modules-load.d file (DESTDIR=)'
	@echo 'make uninstall         remove what make install installed, for every kernel (KDIR= for one)'
	@echo 'make tool              build the command of tools/iommufd into build/tool'
	@echo 'make deb               make Debian packages in build/deb (of the modules for DKMS, tools, headers)'
	@echo 'make release           make the tarball of a release and its packages in build/release'
	@echo 'make demo              move data by DMA through /dev/iommu in a VM (KERNEL=6.1)'
	@echo 'make check             run all tests on $(BASES), a part of them on the other kernels'
	@echo 'make check-unit        test pure files, in user space under sanitizers'
	@echo 'make check-tool        test that command on the files of a machine'
	@echo 'make check-static      compilers, sparse, layers, checkpatch, kernel-doc, documents, scripts'
	@echo 'make check-vm          run the kselftests in VMs (KERNEL= or check-vm-NAME for any kernel)'
	@echo 'make check-bench       compare the cost of operations with the recorded cost'
	@echo 'make check-clients     run QEMU and DPDK of Debian as clients; make check has a part of it (KERNEL= for one)'
	@echo 'make check-machines    run the demo and tests behind each IOMMU and each of its modes (KERNEL= for one)'
	@echo 'make check-builds      compile for the arm64 kernels of Debian; nothing is run'
	@echo 'make check-install     install the packages on Debian 12 and 13, boot them, purge (SYSTEM= for one)'
	@echo 'make check-howto       run the commands of the how-tos in VMs (KERNEL=6.12)'
	@echo 'make check-all         every kselftest on every kernel, clients, machines, the debug kernel'
	@echo 'make check-debug       run the VM tests on a kernel with KASAN, lockdep, kmemleak, built once'
	@echo 'make check-races       run every two operations against each other, on that kernel'
	@echo 'make check-fuzz        10^6 random ioctls on every kernel, 10^5 on that one (KERNEL= for one)'
	@echo 'make check-mutants     check that tests notice the faults of scripts/mutants (MUTANTS= for some)'
	@echo 'make check-ci          make check, and check-debug if its kernel has been built before'
	@echo 'make bench             count instructions of every operation, next to type1 (KERNEL= for one)'
	@echo 'make bench-wall        measure wall time on two CPUs (KERNEL= for one)'
	@echo 'make bench-doc         both, and write their tables into Documentation/performance.md'
	@echo 'make results-doc       write the results of the last checks into the table of README.md'
	@echo 'make bench-record      record the cost for check-bench'
	@echo 'make clean             remove build/ (downloads stay in $$IOMMUFD_CACHE or ~/.cache/iommufd)'
	@echo 'KERNEL is one of: $(KERNELS); KDIR is $(KDIR)'

.PHONY: all install uninstall tool deb release demo check check-all check-ci check-unit check-tool check-static \
	check-bench check-builds check-vm check-clients check-machines check-debug check-races check-fuzz \
	check-install check-howto check-mutants $(KERNELS:%=check-vm-%) bench bench-wall bench-record bench-doc results-doc clean help
