# SPDX-License-Identifier: GPL-2.0
# For people; kbuild reads Kbuild instead. `make help` says what there is.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNELS := $(shell scripts/kernel list)

# Variables given to this make that are kbuild's, W=1 for example
KBUILD_ARGS = $(filter-out KDIR=% KERNEL=% DESTDIR=% KERNELRELEASE=%,$(MAKEOVERRIDES))

all:
	scripts/build $(or $(KERNEL),$(KDIR)) $(KBUILD_ARGS)

install: all
	DESTDIR="$(DESTDIR)" scripts/install $(KDIR)

uninstall:
	DESTDIR="$(DESTDIR)" scripts/install --remove $(KDIR)

demo:
	@scripts/demo $(or $(KERNEL),6.1)

check:
	@scripts/check unit static $(KERNELS:%=vm-%) bench

# For .ci/run: building the debug kernel would take longer than all the rest
check-ci:
	@scripts/check unit static $(KERNELS:%=vm-%) bench debug-if-cached

check-unit check-static check-bench check-debug check-races $(KERNELS:%=check-vm-%): check-%:
	@scripts/check $*

check-fuzz:
	@scripts/check $(patsubst %,fuzz-%,$(or $(KERNEL),$(KERNELS) debug))

check-mutants:
	@scripts/check-mutants $(KERNEL:%=--kernel %) $(MUTANTS)

check-vm:
	@scripts/check $(patsubst %,vm-%,$(or $(KERNEL),$(KERNELS)))

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

clean:
	rm -rf build

help:
	@echo 'make                   build the modules for the running kernel (KDIR= or KERNEL= chooses another)'
	@echo 'make install           install them, with their udev rule and modules-load.d file (DESTDIR=)'
	@echo 'make uninstall         take all of that away'
	@echo 'make demo              move data by DMA through /dev/iommu in a VM (KERNEL=6.1)'
	@echo 'make check             all tests on all kernels; the next four are its parts'
	@echo 'make check-unit        pure files, in user space under sanitizers'
	@echo 'make check-static      compilers, sparse, headers, checkpatch, kernel-doc, documents, scripts'
	@echo 'make check-vm          kselftests in VMs (KERNEL= for one), or check-vm-NAME'
	@echo 'make check-bench       has an operation become dearer than it was recorded to be?'
	@echo 'make check-debug       the same VM tests on a kernel with KASAN, lockdep, kmemleak, built once'
	@echo 'make check-races       every two operations against each other, on that kernel'
	@echo 'make check-fuzz        10^6 random ioctls on every kernel, 10^5 on that one (KERNEL= for one)'
	@echo 'make check-mutants     does a test notice each of the faults in scripts/mutants? (MUTANTS= for some)'
	@echo 'make check-ci          make check, and check-debug if its kernel has been built before'
	@echo 'make bench             instructions of every operation, next to type1 (KERNEL= for one)'
	@echo 'make bench-wall        wall time on two CPUs (KERNEL= for one)'
	@echo 'make bench-doc         both, and their tables into Documentation/performance.md'
	@echo 'make bench-record      record what check-bench compares with'
	@echo 'make clean             remove build/ (downloads stay in $$IOMMUFD_CACHE or ~/.cache/iommufd)'
	@echo 'KERNEL is one of: $(KERNELS); KDIR is $(KDIR)'

.PHONY: all install uninstall demo check check-ci check-unit check-static \
	check-bench check-vm check-debug check-races check-fuzz check-mutants \
	$(KERNELS:%=check-vm-%) bench bench-wall bench-record bench-doc clean help
