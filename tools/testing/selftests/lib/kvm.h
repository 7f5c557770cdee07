/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual machines without a guest, and the files that are added to them */
#ifndef SELFTEST_LIB_KVM_H
#define SELFTEST_LIB_KVM_H

#include <stdbool.h>

struct kvm_vm {
	int fd;			/* -1 if closed */
	int vfio;		/* the KVM device of type VFIO, -1 if closed */
	char debugfs[64];	/* exists for as long as the VM does */
};

/* Open /dev/kvm; loads the module of the processor. Returns -1 and errno. */
int kvm_open(void);
/* Why kvm_open() failed */
const char *kvm_lacks(void);

/* Create a VM and its VFIO device. Returns 0 or the errno. */
int kvm_vm_create(int kvm, struct kvm_vm *vm);
void kvm_vm_close(struct kvm_vm *vm);
/* Wait up to @ms for the end of the VM; false if it still exists. */
bool kvm_vm_ended(const struct kvm_vm *vm, unsigned int ms);

/* KVM_DEV_VFIO_FILE_ADD and _DEL */
int _test_kvm_add(const struct kvm_vm *vm, int file);
int _test_kvm_del(const struct kvm_vm *vm, int file);
/* Is there an attribute @attr? */
int _test_kvm_has(const struct kvm_vm *vm, unsigned long attr);

#define KVM_FILE_ADD	1UL
#define KVM_FILE_DEL	2UL

#endif
