// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: the states, and the file that carries the device's value.
 *
 * A reset brings the device back to RUNNING. The thread that resets holds locks
 * that a holder of dev->lock may wait for, so it only sets a bit when the lock
 * is taken. The holder looks at the bit after it has dropped the lock.
 */
#include <linux/anon_inodes.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "variant.h"

/**
 * struct variant_file - what the file of a migration refers to
 * @lock: protects the members below
 * @ended: the device has left the state; the file has no more data
 * @pos: bytes read or written so far
 * @saved: the data
 */
struct variant_file {
	struct mutex lock;
	bool ended;
	size_t pos;
	struct variant_saved saved;
};

static atomic_t data_files;

unsigned int variant_data_files(void)
{
	return atomic_read(&data_files);
}

static int variant_file_release(struct inode *inode, struct file *filep)
{
	struct variant_file *data = filep->private_data;

	mutex_destroy(&data->lock);
	kfree(data);
	atomic_dec(&data_files);
	return 0;
}

static ssize_t variant_file_rw(struct file *filep, char __user *buf,
			       size_t count, bool iswrite)
{
	struct variant_file *data = filep->private_data;
	void *at;
	ssize_t rc;

	mutex_lock(&data->lock);
	rc = -ENODEV;
	if (data->ended)
		goto out_unlock;
	rc = iswrite ? -ENOSPC : 0;
	if (data->pos == sizeof(data->saved))
		goto out_unlock;
	rc = min(count, sizeof(data->saved) - data->pos);
	at = (void *)&data->saved + data->pos;
	if (iswrite ? copy_from_user(at, buf, rc) : copy_to_user(buf, at, rc))
		rc = -EFAULT;
	else
		data->pos += rc;
out_unlock:
	mutex_unlock(&data->lock);
	return rc;
}

static ssize_t variant_file_read(struct file *filep, char __user *buf,
				 size_t count, loff_t *ppos)
{
	return variant_file_rw(filep, buf, count, false);
}

static ssize_t variant_file_write(struct file *filep, const char __user *buf,
				  size_t count, loff_t *ppos)
{
	return variant_file_rw(filep, (char __user *)buf, count, true);
}

static const struct file_operations variant_save_fops = {
	.owner = THIS_MODULE,
	.read = variant_file_read,
	.release = variant_file_release,
};

static const struct file_operations variant_resume_fops = {
	.owner = THIS_MODULE,
	.write = variant_file_write,
	.release = variant_file_release,
};

/* The caller gets one reference to the file, the device another. */
static struct file *variant_file_open(struct variant_device *dev, bool save)
{
	struct variant_file *data;
	struct file *filep;

	data = kzalloc(sizeof(*data), GFP_KERNEL);
	if (!data)
		return ERR_PTR(-ENOMEM);
	mutex_init(&data->lock);
	if (save)
		data->saved = (struct variant_saved){ VARIANT_MAGIC,
						      dev->value };
	filep = anon_inode_getfile("variant-migration",
				   save ? &variant_save_fops :
					  &variant_resume_fops,
				   data, save ? O_RDONLY : O_WRONLY);
	if (IS_ERR(filep)) {
		mutex_destroy(&data->lock);
		kfree(data);
		return filep;
	}
	atomic_inc(&data_files);
	stream_open(filep->f_inode, filep);
	dev->migration = get_file(filep);
	return filep;
}

/* After this the file has no more data. The caller holds dev->lock. */
void variant_migration_stop(struct variant_device *dev)
{
	struct variant_file *data;

	if (!dev->migration)
		return;
	data = dev->migration->private_data;
	mutex_lock(&data->lock);
	data->ended = true;
	mutex_unlock(&data->lock);
	fput(dev->migration);
	dev->migration = NULL;
}

/* Take over what was written to the file, if it is complete. */
static int variant_resume(struct variant_device *dev)
{
	struct variant_file *data = dev->migration->private_data;
	int rc = -EINVAL;

	mutex_lock(&data->lock);
	if (data->pos == sizeof(data->saved) &&
	    data->saved.magic == VARIANT_MAGIC) {
		dev->value = data->saved.value;
		rc = 0;
	}
	mutex_unlock(&data->lock);
	return rc;
}

static bool is_arc(struct variant_device *dev, enum vfio_device_mig_state next,
		   enum vfio_device_mig_state from,
		   enum vfio_device_mig_state to)
{
	return dev->state == from && next == to;
}

/* One arc that vfio_mig_get_next_state() has chosen */
static struct file *variant_step(struct variant_device *dev,
				 enum vfio_device_mig_state next)
{
	int rc;

	if (is_arc(dev, next, VFIO_DEVICE_STATE_STOP,
		   VFIO_DEVICE_STATE_STOP_COPY))
		return variant_file_open(dev, true);
	if (is_arc(dev, next, VFIO_DEVICE_STATE_STOP,
		   VFIO_DEVICE_STATE_RESUMING))
		return variant_file_open(dev, false);
	if (is_arc(dev, next, VFIO_DEVICE_STATE_RESUMING,
		   VFIO_DEVICE_STATE_STOP)) {
		rc = variant_resume(dev);
		variant_migration_stop(dev);
		if (rc)
			dev->state = VFIO_DEVICE_STATE_ERROR;
		return ERR_PTR(rc);
	}
	variant_migration_stop(dev);
	return NULL;
}

static struct file *variant_set_state(struct vfio_device *vdev,
				      enum vfio_device_mig_state new_state)
{
	struct variant_device *dev = to_variant(vdev);
	struct file *filep = NULL;
	enum vfio_device_mig_state next;
	int rc;

	variant_lock(dev);
	/* vfio warns about a driver that looks for a way out of ERROR. */
	if (dev->state == VFIO_DEVICE_STATE_ERROR &&
	    new_state != VFIO_DEVICE_STATE_ERROR)
		filep = ERR_PTR(-EINVAL);
	while (!filep && dev->state != new_state) {
		rc = vfio_mig_get_next_state(vdev, dev->state, new_state,
					     &next);
		if (rc) {
			filep = ERR_PTR(rc);
			break;
		}
		/* Only the last arc of a way opens a file. */
		filep = variant_step(dev, next);
		if (!IS_ERR(filep))
			dev->state = next;
	}
	variant_unlock(dev);
	return filep;
}

static int variant_get_state(struct vfio_device *vdev,
			     enum vfio_device_mig_state *state)
{
	struct variant_device *dev = to_variant(vdev);

	variant_lock(dev);
	*state = dev->state;
	variant_unlock(dev);
	return 0;
}

static int __maybe_unused variant_data_size(struct vfio_device *vdev,
					    unsigned long *length)
{
	*length = sizeof(struct variant_saved);
	return 0;
}

static const struct vfio_migration_ops variant_migration_ops = {
	.migration_set_state = variant_set_state,
	.migration_get_state = variant_get_state,
	VFIO_MIGRATION_GET_DATA_SIZE(variant_data_size)
};

void variant_migration_init(struct variant_device *dev)
{
	dev->core.vdev.mig_ops = &variant_migration_ops;
	dev->core.vdev.migration_flags = VFIO_MIGRATION_STOP_COPY |
					 VFIO_MIGRATION_P2P;
}

static void variant_apply_reset(struct variant_device *dev)
{
	if (!test_and_clear_bit(0, &dev->was_reset))
		return;
	variant_migration_stop(dev);
	dev->state = VFIO_DEVICE_STATE_RUNNING;
}

void variant_lock(struct variant_device *dev)
{
	mutex_lock(&dev->lock);
}

void variant_unlock(struct variant_device *dev)
{
	do {
		variant_apply_reset(dev);
		mutex_unlock(&dev->lock);
		/* Pairs with the barrier of variant_reset_done(). */
		smp_mb();
	} while (test_bit(0, &dev->was_reset) && mutex_trylock(&dev->lock));
}

void variant_reset_done(struct variant_device *dev)
{
	set_bit(0, &dev->was_reset);
	/* The holder of the lock sees the bit, or this thread gets the lock. */
	smp_mb__after_atomic();
	if (mutex_trylock(&dev->lock))
		variant_unlock(dev);
}
