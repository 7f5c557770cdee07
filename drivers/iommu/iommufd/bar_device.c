// SPDX-License-Identifier: GPL-2.0
/*
 * A device whose BARs are memory: what the module that gives the device to user
 * space tells about it, before and after it takes the BARs away.
 */
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "bar_device.h"
#include "umem_bar.h"

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

/* The BAR has a reference from here to bar_device_remove(). */
void bar_device_add(struct iommufd_bar_device *device, struct umem_bar *bar)
{
	iommufd_bar_device_get(device);
	mutex_lock(&device->lock);
	list_add(&bar->entry, &device->bars);
	mutex_unlock(&device->lock);
}

/* After this only the notifier and the worker know the BAR. */
void bar_device_remove(struct iommufd_bar_device *device, struct umem_bar *bar)
{
	mutex_lock(&device->lock);
	list_del(&bar->entry);
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
	wake_up_var(&device->looking);
}

/* Under the lock. The number of BARs is up to user space. */
static void bar_device_for_each(struct iommufd_bar_device *device,
				void (*call)(struct umem_bar *bar))
{
	struct umem_bar *bar;

	lockdep_assert_held(&device->lock);

	list_for_each_entry(bar, &device->bars, entry) {
		call(bar);
		cond_resched();
	}
}

/**
 * iommufd_bar_retry() - look for the BARs of a device that are out of reach
 * @device: device
 *
 * The worker looks for them from time to time. A module that knows that user
 * space may have got them back calls this, so that they are mapped soon.
 *
 * Context: may sleep; does not wait for the worker.
 */
void iommufd_bar_retry(struct iommufd_bar_device *device)
{
	if (!atomic_read(&device->gone))
		return;
	mutex_lock(&device->lock);
	bar_device_for_each(device, umem_bar_retry);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_retry);

/**
 * iommufd_bar_hold() - have no process exit that has a BAR
 * @device: device
 *
 * For a driver that leaves exiting processes out when it takes BARs away. Until
 * iommufd_bar_unhold() each BAR that is in a page table belongs to a process
 * whose address space does not go. The BARs of processes that are exiting have
 * gone when this returns.
 *
 * Context: may sleep; the caller holds no lock that a caller of an MMU notifier
 * may hold.
 */
void iommufd_bar_hold(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	/* Before the walk: what finds a BAR after it holds that BAR itself. */
	WRITE_ONCE(device->holds, device->holds + 1);
	if (device->holds == 1)
		bar_device_for_each(device, umem_bar_hold);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_hold);

/**
 * iommufd_bar_unhold() - undo one iommufd_bar_hold()
 * @device: device
 */
void iommufd_bar_unhold(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	WRITE_ONCE(device->holds, device->holds - 1);
	if (!device->holds)
		bar_device_for_each(device, umem_bar_unhold);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_unhold);

/**
 * iommufd_bar_stop() - let no worker look for the BARs of a device
 * @device: device
 *
 * For a caller that only tries to take the locks that a fault takes. No worker
 * holds them when this returns, until iommufd_bar_start().
 *
 * Context: waits for workers, which take mmap locks, and locks of the driver.
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
 * iommufd_bar_start() - undo one iommufd_bar_stop(), and look for the BARs
 * @device: device
 */
void iommufd_bar_start(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	device->stops--;
	mutex_unlock(&device->lock);
	iommufd_bar_retry(device);
}
EXPORT_SYMBOL_GPL(iommufd_bar_start);
