/* SPDX-License-Identifier: GPL-2.0 */
/* Fixture: an edu device with a closed cdev, an iommufd and a virtual machine */
#ifndef SELFTEST_VFIO_KVM_SPACE_H
#define SELFTEST_VFIO_KVM_SPACE_H

#include "common.h"
#include "kvm.h"
#include "module.h"

#define REDIRECTOR	"vfio_cdev_kvm"

struct kvm_space {
	int fd;
	int kvm;
	struct kvm_vm vm;
	struct edu edu;
};

/*
 * The first VM and the end of the last one patch the scheduler's code, which QEMU
 * 7.2 mishandles while another CPU runs it: the kernel dies of an int3. So keep
 * a VM for as long as the program runs. Without KVM the tests say why.
 */
static void __attribute__((constructor)) kvm_keep_a_vm(void)
{
	static struct kvm_vm kept;
	int kvm = kvm_open();

	if (kvm >= 0)
		kvm_vm_create(kvm, &kept);
}

/*
 * EOPNOTSUPP is the answer of a kernel without KVM, or whose ftrace cannot
 * redirect calls.
 */
#define kvm_space_setup(_self)						\
	do {								\
		int __rc;						\
									\
		(_self)->fd = iommufd_open();				\
		ASSERT_GE((_self)->fd, 0);				\
		(_self)->vm.fd = -1;					\
		(_self)->vm.vfio = -1;					\
		(_self)->edu.cdev = -1;					\
		test_find(&pci_edu, PCI_ON_ROOT_BUS, 0,			\
			  &(_self)->edu.pci);				\
		__rc = module_load(REDIRECTOR);				\
		if (__rc == EOPNOTSUPP || __rc == ENOENT)		\
			SKIP(_exit(KSFT_SKIP), REDIRECTOR ": %s",	\
			     strerror(__rc));				\
		ASSERT_TRUE(!__rc || __rc == EEXIST)			\
			TH_LOG(REDIRECTOR ": %s", strerror(__rc));	\
		(_self)->kvm = kvm_open();				\
		if ((_self)->kvm < 0)					\
			SKIP(_exit(KSFT_SKIP), "%s", kvm_lacks());	\
		test_ok(kvm_vm_create((_self)->kvm, &(_self)->vm));	\
		(_self)->edu.cdev = vfio_cdev_open(&(_self)->edu.pci);	\
		ASSERT_GE((_self)->edu.cdev, 0);			\
	} while (0)

static inline void kvm_space_teardown(struct kvm_space *self)
{
	edu_close(&self->edu);
	kvm_vm_close(&self->vm);
	close(self->kvm);
	close(self->fd);
}

#define test_bind()							\
	test_ok(_test_vfio_bind(self->edu.cdev, self->fd, &self->edu.devid))
#define test_kvm_add(_vm, _file) test_ok(_test_kvm_add(_vm, _file))
#define test_kvm_del(_vm, _file) test_ok(_test_kvm_del(_vm, _file))
#define test_err_kvm_add(_errno, _vm, _file)				\
	test_err(_errno, _test_kvm_add(_vm, _file))
#define test_err_kvm_del(_errno, _vm, _file)				\
	test_err(_errno, _test_kvm_del(_vm, _file))

/* A VM whose files are closed ends, unless a device has a reference to it. */
#define test_ends(_vm)							\
	ASSERT_TRUE(kvm_vm_ended(_vm, LIMIT_MS * slowness()))
#define test_lives(_vm) ASSERT_FALSE(kvm_vm_ended(_vm, WAIT_MS))

#endif
