// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch for the tests: it patches a function of vfio.ko that vfio-cdev-kvm
 * redirects. As long as it is loaded, vfio.ko hears of no virtual machine.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

struct file;
struct kvm;

static void livepatch_file_set_kvm(struct file *filep, struct kvm *kvm)
{
}

static struct klp_func livepatch_funcs[] = {
	{
		.old_name = "vfio_file_set_kvm",
		.new_func = livepatch_file_set_kvm,
	},
	{ }
};

static struct klp_object livepatch_objects[] = {
	{
		.name = "vfio",
		.funcs = livepatch_funcs,
	},
	{ }
};

static struct klp_patch livepatch = {
	.mod = THIS_MODULE,
	.objs = livepatch_objects,
};

static int __init livepatch_test_init(void)
{
	return klp_enable_patch(&livepatch);
}
module_init(livepatch_test_init);

/* Reached only after the patch was disabled through sysfs. */
static void __exit livepatch_test_exit(void)
{
}
module_exit(livepatch_test_exit);

MODULE_DESCRIPTION("Livepatch of a function that vfio-cdev-kvm redirects");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
