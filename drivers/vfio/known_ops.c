// SPDX-License-Identifier: GPL-2.0
/*
 * Are the operations of VFIO drivers those that this module was written for?
 *
 * The module calls them in the place of vfio.ko. A kernel with an operation that
 * the module does not know may count on its being called, or may have moved work
 * to it from another one. Each such kernel would need a change of this module.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/known_ops.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/utsname.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "known_ops.h"

/**
 * vfio_known_ops_check() - were all operations known when this was built?
 *
 * Return: 0, or EOPNOTSUPP when a struct of the kernel's headers had a member
 * that this module does not know.
 */
int vfio_known_ops_check(void)
{
	const char *unknown = vfio_find_unknown_ops();

	if (!unknown)
		return 0;
	pr_err("vfio-cdev: struct %s of Linux %s has members that this module does not know; it needs a change for this kernel\n",
	       unknown, init_utsname()->release);
	return -EOPNOTSUPP;
}

/**
 * vfio_known_ops_are_in_place() - does a driver's struct of operations have the
 * members where this module was built to find them?
 * @vdev: device of a driver on vfio-pci-core
 *
 * On a kernel without versions of symbols nothing else tells. The distribution's
 * vfio-pci has a function of vfio-pci-core in the last member; other drivers may
 * have their own.
 *
 * Return: false if they are elsewhere, true if they are there or @vdev cannot
 * tell.
 */
bool vfio_known_ops_are_in_place(const struct vfio_device *vdev)
{
	typeof(&vfio_pci_core_ioctl_feature) feature;
	bool in_place;

	if (strcmp(vdev->ops->name, "vfio-pci"))
		return true;
	feature = symbol_get(vfio_pci_core_ioctl_feature);
	if (!feature)
		return true;
	/* Where the struct is shorter than in the build, this is behind it. */
	in_place = READ_ONCE_NOCHECK(vdev->ops->device_feature) == feature;
	symbol_put(vfio_pci_core_ioctl_feature);
	return in_place;
}
