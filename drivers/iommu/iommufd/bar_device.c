// SPDX-License-Identifier: GPL-2.0
/*
 * A device whose BARs are memory: what the module that gives the device to user
 * space tells about it, before and after it takes the BARs away.
 */
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "bar_device.h"

/**
 * iommufd_bar_device_create() - a device whose BARs processes may map
 * @data: argument of iommufd_bar_provider.is_reachable()
 *
 * Return: the device with a reference for iommufd_bar_device_put(), or NULL if
 * there is no memory. BARs have references too.
 */
struct iommufd_bar_device *iommufd_bar_device_create(void *data)
{
	struct iommufd_bar_device *device;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return NULL;
	refcount_set(&device->users, 1);
	device->data = data;
	mutex_init(&device->lock);
	INIT_LIST_HEAD(&device->bars);
	return device;
}
EXPORT_SYMBOL_GPL(iommufd_bar_device_create);

/**
 * iommufd_bar_device_get() - take another reference
 * @device: device
 *
 * Context: any.
 * Return: @device.
 */
struct iommufd_bar_device *
iommufd_bar_device_get(struct iommufd_bar_device *device)
{
	refcount_inc(&device->users);
	return device;
}
EXPORT_SYMBOL_GPL(iommufd_bar_device_get);

/**
 * iommufd_bar_device_put() - give a reference back
 * @device: device, or NULL
 */
void iommufd_bar_device_put(struct iommufd_bar_device *device)
{
	if (device && refcount_dec_and_test(&device->users))
		kfree(device);
}
EXPORT_SYMBOL_GPL(iommufd_bar_device_put);

/* The BAR puts the reference that it gets here. */
void bar_device_add(struct iommufd_bar_device *device, struct list_head *entry)
{
	iommufd_bar_device_get(device);
	mutex_lock(&device->lock);
	list_add(entry, &device->bars);
	mutex_unlock(&device->lock);
}

/* After this only the notifier and the worker know the BAR. */
void bar_device_remove(struct iommufd_bar_device *device,
		       struct list_head *entry)
{
	mutex_lock(&device->lock);
	list_del(entry);
	mutex_unlock(&device->lock);
}

/* Return: false if no worker may look for a BAR of the device now. */
bool bar_device_look_begin(struct iommufd_bar_device *device)
{
	bool may;

	mutex_lock(&device->lock);
	may = !device->stops;
	device->looking += may;
	mutex_unlock(&device->lock);
	return may;
}

void bar_device_look_end(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	/* Pairs with READ_ONCE() in iommufd_bar_stop(). */
	WRITE_ONCE(device->looking, device->looking - 1);
	mutex_unlock(&device->lock);
	/* Pairs with the barrier of a waiter, between queueing and looking. */
	smp_mb();
	wake_up_var(&device->looking);
}

/**
 * iommufd_bar_stop() - let no worker look for the BARs of a device
 * @device: device
 *
 * For a caller that only tries to take the locks that a fault takes. No worker
 * holds them when this returns, until iommufd_bar_start().
 *
 * Context: waits for workers, which wait for the driver, but not for a process.
 */
void iommufd_bar_stop(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	device->stops++;
	mutex_unlock(&device->lock);
	wait_var_event(&device->looking, !READ_ONCE(device->looking));
}
EXPORT_SYMBOL_GPL(iommufd_bar_stop);

/**
 * iommufd_bar_start() - undo one iommufd_bar_stop()
 * @device: device
 *
 * The caller also calls iommufd_bar_retry() if the BARs may be there.
 */
void iommufd_bar_start(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	device->stops--;
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_start);
