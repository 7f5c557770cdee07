// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-cdev-kvm: let a file of a VFIO cdev be added to a virtual machine
 *
 * KVM asks vfio.ko about a file through three functions. This module redirects
 * them, for files of cdevs; kvm.c has the answers. For a group that has an
 * iommufd as container it redirects one of the three.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/vfio.h>

#include "cdev.h"
#include "redirect.h"

static notrace bool vfio_kvm_is_cdev(unsigned long arg0, unsigned long arg1,
				     unsigned long caller)
{
	struct file *filep = (struct file *)arg0;

	return filep->f_op == &vfio_cdev_fops;
}

/*
 * Once KVM has accepted a file, it counts on all three functions: one that is
 * not told that the virtual machine goes leaves file->kvm dangling. So the file
 * keeps this module loaded, from here to its release.
 */
static notrace bool vfio_kvm_hold(struct vfio_cdev_file *file)
{
	if (READ_ONCE(file->kvm_module))
		return true;
	if (!try_module_get(THIS_MODULE))
		return false;
	/* Another VM may ask at the same time. */
	if (cmpxchg(&file->kvm_module, NULL, THIS_MODULE))
		module_put(THIS_MODULE);
	return true;
}

static notrace bool vfio_kvm_adds_cdev(unsigned long arg0, unsigned long arg1,
				       unsigned long caller)
{
	struct file *filep = (struct file *)arg0;

	return filep->f_op == &vfio_cdev_fops &&
	       vfio_file_is_valid_asked_by_kvm(caller) &&
	       vfio_kvm_hold(filep->private_data);
}

/* vfio.ko may say yes for a group that has no container that it knows. */
static notrace bool vfio_kvm_asks_coherency(unsigned long arg0,
					    unsigned long arg1,
					    unsigned long caller)
{
	struct file *filep = (struct file *)arg0;

	return (filep->f_op == &vfio_cdev_fops ||
		xa_get_mark(&vfio_cdev_group_files, arg0,
			    VFIO_CDEV_HAS_IOMMUFD)) &&
	       try_module_get(THIS_MODULE);
}

static bool vfio_kvm_group_enforced_coherent(struct file *group)
{
	unsigned long index = 0;
	struct vfio_cdev *dev;
	bool coherent = true;

	while (coherent && (dev = vfio_cdev_next_in_group(group, &index))) {
		coherent = dev->enforces_coherency;
		vfio_cdev_leave(dev);
	}
	return coherent;
}

/* No file of a group keeps this module or vfio-cdev, so the call does. */
static bool vfio_kvm_enforced_coherent(struct file *filep)
{
	bool coherent = filep->f_op == &vfio_cdev_fops ?
				vfio_cdev_file_enforced_coherent(filep) :
				vfio_kvm_group_enforced_coherent(filep);

	/* Taken by vfio_kvm_asks_coherency() */
	module_put(THIS_MODULE);
	return coherent;
}

static struct vfio_redirect vfio_kvm_functions[] = {
	{
		.from = vfio_file_set_kvm,
		.to = vfio_cdev_file_set_kvm,
		.matches = vfio_kvm_is_cdev,
	},
	{
		.from = vfio_file_enforced_coherent,
		.to = vfio_kvm_enforced_coherent,
		.matches = vfio_kvm_asks_coherency,
	},
	{
		.from = vfio_file_is_valid,
		.to = vfio_cdev_file_is_valid,
		.matches = vfio_kvm_adds_cdev,
	},
};

static struct vfio_redirects vfio_kvm_redirects = {
	.functions = vfio_kvm_functions,
	.num = ARRAY_SIZE(vfio_kvm_functions),
};

static void vfio_kvm_say_why(int rc)
{
	if (rc == -EOPNOTSUPP)
		pr_warn("KVM is not served: this kernel has no KVM, or ftrace cannot redirect calls\n");
	else if (rc == -EBUSY)
		pr_warn("KVM is not served: %ps, %ps or %ps is patched already, as by a livepatch, or kernel.ftrace_enabled is 0\n",
			vfio_file_set_kvm, vfio_file_enforced_coherent,
			vfio_file_is_valid);
	else
		pr_warn("KVM is not served: error %d\n", rc);
}

static int __init vfio_cdev_kvm_init(void)
{
	int rc = -EOPNOTSUPP;

	if (IS_ENABLED(CONFIG_KVM))
		rc = vfio_redirects_start(&vfio_kvm_redirects);
	if (rc)
		vfio_kvm_say_why(rc);
	return rc;
}
module_init(vfio_cdev_kvm_init);

/*
 * No file of a cdev is in a virtual machine now, since it would keep this
 * module. ftrace ends its calls of the functions above before it returns. A call
 * that they have sent to vfio-cdev returns from there to its caller, and the
 * caller's reference to the file keeps vfio-cdev. A call for a group has kept
 * this module, which keeps vfio-cdev.
 */
static void __exit vfio_cdev_kvm_exit(void)
{
	vfio_redirects_stop(&vfio_kvm_redirects);
}
module_exit(vfio_cdev_kvm_exit);

MODULE_DESCRIPTION("KVM support for VFIO character devices on iommufd");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_LICENSE("GPL");
