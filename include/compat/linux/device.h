/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/device.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_DEVICE_H
#define _COMPAT_LINUX_DEVICE_H

#include <linux/container_of.h>
#include_next <linux/device.h>
#include <generated/features.h>

/*
 * The device that a device_type's devnode() gets is const since 6.3. Only a word
 * in front of the argument can make the prototype of a callback differ.
 */
#ifdef HAVE_DEVICE_TYPE_DEVNODE_CONST
#define devnode_const const
#else
#define devnode_const
#endif

#ifndef HAVE_CLASS_INTERFACE_ONE_ARGUMENT
/*
 * Until 6.3 the callbacks of a class_interface get the interface as well. The
 * struct of drivers/ has one of the kernel's in it, whose callbacks drop that.
 */
struct compat_class_interface {
	struct class_interface native;
	struct class *class;
	int (*add_dev)(struct device *dev);
	void (*remove_dev)(struct device *dev);
};

static inline int compat_class_add_dev(struct device *dev,
				       struct class_interface *native)
{
	return container_of(native, struct compat_class_interface, native)
		->add_dev(dev);
}

static inline void compat_class_remove_dev(struct device *dev,
					   struct class_interface *native)
{
	container_of(native, struct compat_class_interface, native)
		->remove_dev(dev);
}

static inline int
compat_class_interface_register(struct compat_class_interface *interface)
{
	interface->native.class = interface->class;
	interface->native.add_dev = compat_class_add_dev;
	interface->native.remove_dev = compat_class_remove_dev;
	return class_interface_register(&interface->native);
}

static inline void
compat_class_interface_unregister(struct compat_class_interface *interface)
{
	class_interface_unregister(&interface->native);
}

#define class_interface compat_class_interface
#define class_interface_register compat_class_interface_register
#define class_interface_unregister compat_class_interface_unregister
#endif

#endif
