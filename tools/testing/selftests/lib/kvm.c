// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kvm.h"
#include "module.h"
#include "proc.h"

#define KVM_FILE_GROUP	1	/* KVM_DEV_VFIO_FILE */

int kvm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0 && (module_probe("kvm-amd") || module_probe("kvm-intel")))
		fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return fd;
}

static bool cpu_has(const char *flag)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	bool found = false;
	char word[64];

	while (f && !found && fscanf(f, "%63s", word) == 1)
		found = !strcmp(word, flag);
	if (f)
		fclose(f);
	return found;
}

const char *kvm_lacks(void)
{
	struct utsname name;

	if (!uname(&name) && strstr(name.version, "PREEMPT_RT") &&
	    !cpu_has("constant_tsc"))
		return "the KVM of a real-time kernel needs a CPU with constant_tsc";
	return "no /dev/kvm";
}

int kvm_vm_create(int kvm, struct kvm_vm *vm)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
	int rc;

	vm->vfio = -1;
	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return errno;
	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device)) {
		rc = errno;
		kvm_vm_close(vm);
		return rc;
	}
	vm->vfio = device.fd;
	snprintf(vm->debugfs, sizeof(vm->debugfs),
		 "/sys/kernel/debug/kvm/%d-%d", (int)gettid(), vm->fd);
	return 0;
}

void kvm_vm_close(struct kvm_vm *vm)
{
	if (vm->vfio >= 0)
		close(vm->vfio);
	if (vm->fd >= 0)
		close(vm->fd);
	vm->vfio = -1;
	vm->fd = -1;
}

bool kvm_vm_ended(const struct kvm_vm *vm, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	bool exists;

	while ((exists = !access(vm->debugfs, F_OK)) && now_ms() < end)
		sleep_ms(1);
	return !exists;
}

static int kvm_set(const struct kvm_vm *vm, uint64_t which, int32_t file)
{
	struct kvm_device_attr attr = {
		.group = KVM_FILE_GROUP,
		.attr = which,
		.addr = (uintptr_t)&file,
	};

	return ioctl(vm->vfio, KVM_SET_DEVICE_ATTR, &attr) ? errno : 0;
}

int _test_kvm_add(const struct kvm_vm *vm, int file)
{
	return kvm_set(vm, KVM_FILE_ADD, file);
}

int _test_kvm_del(const struct kvm_vm *vm, int file)
{
	return kvm_set(vm, KVM_FILE_DEL, file);
}

int _test_kvm_has(const struct kvm_vm *vm, unsigned long which)
{
	struct kvm_device_attr attr = { .group = KVM_FILE_GROUP, .attr = which };

	return ioctl(vm->vfio, KVM_HAS_DEVICE_ATTR, &attr) ? errno : 0;
}
