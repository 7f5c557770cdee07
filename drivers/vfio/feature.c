// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE: optional features of a device
 *
 * A driver answers most features itself, in its device_feature() op. Migration
 * and DMA logging are different: a driver has tables of functions for them,
 * which vfio.ko calls for users of the group, and this file for users of the
 * cdev.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "cdev.h"

/**
 * struct vfio_feature - one request
 * @flags: the number of the feature and VFIO_DEVICE_FEATURE_GET, SET and PROBE
 * @data: the user's data
 * @size: size of @data in bytes
 */
struct vfio_feature {
	u32 flags;
	void __user *data;
	size_t size;
};

/* As vfio_check_feature(): 1 to go on, otherwise the answer. */
static int vfio_feature_check(const struct vfio_feature *feature, u32 ops,
			      size_t minsz)
{
	return vfio_check_feature(feature->flags, feature->size, ops, minsz);
}

static int vfio_feature_migration(struct vfio_device *vdev,
				  const struct vfio_feature *feature)
{
	struct vfio_device_feature_migration migration = {
		.flags = vdev->migration_flags,
	};
	int rc;

	if (!vdev->mig_ops)
		return -ENOTTY;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_GET,
				sizeof(migration));
	if (rc != 1)
		return rc;
	if (copy_to_user(feature->data, &migration, sizeof(migration)))
		return -EFAULT;
	return 0;
}

/* Hand the file of a data transfer to the user. The file is used up. */
static int vfio_feature_return_file(struct file *filep,
				    struct vfio_device_feature_mig_state *state,
				    void __user *data)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0) {
		fput(filep);
		return fd;
	}
	state->data_fd = fd;
	if (copy_to_user(data, state, sizeof(*state))) {
		put_unused_fd(fd);
		fput(filep);
		return -EFAULT;
	}
	fd_install(fd, filep);
	return 0;
}

static int vfio_feature_get_state(struct vfio_device *vdev,
				  struct vfio_device_feature_mig_state *state)
{
	enum vfio_device_mig_state current_state;
	int rc;

	rc = vdev->mig_ops->migration_get_state(vdev, &current_state);
	if (!rc)
		state->device_state = current_state;
	return rc;
}

static int vfio_feature_mig_state(struct vfio_device *vdev,
				  const struct vfio_feature *feature)
{
	struct vfio_device_feature_mig_state state;
	struct file *filep = NULL;
	int rc;

	if (!vdev->mig_ops)
		return -ENOTTY;
	rc = vfio_feature_check(
		feature, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET,
		sizeof(state));
	if (rc != 1)
		return rc;
	if (copy_from_user(&state, feature->data, sizeof(state)))
		return -EFAULT;

	if (feature->flags & VFIO_DEVICE_FEATURE_GET) {
		rc = vfio_feature_get_state(vdev, &state);
		if (rc)
			return rc;
	} else {
		filep = vdev->mig_ops->migration_set_state(vdev,
							   state.device_state);
		if (!IS_ERR_OR_NULL(filep))
			return vfio_feature_return_file(filep, &state,
							feature->data);
	}
	/* An error is told together with data_fd. */
	state.data_fd = -1;
	if (copy_to_user(feature->data, &state, sizeof(state)))
		return -EFAULT;
	return PTR_ERR_OR_ZERO(filep);
}

static int vfio_feature_mig_data_size(struct vfio_device *vdev,
				      const struct vfio_feature *feature)
{
	struct vfio_device_feature_mig_data_size data_size = {};
	unsigned long length;
	int rc;

	if (!vdev->mig_ops)
		return -ENOTTY;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_GET,
				sizeof(data_size));
	if (rc != 1)
		return rc;
	rc = vfio_migration_get_data_size(vdev, &length);
	if (rc)
		return rc;
	data_size.stop_copy_length = length;
	if (copy_to_user(feature->data, &data_size, sizeof(data_size)))
		return -EFAULT;
	return 0;
}

/* The driver looks at this when it answers VFIO_MIG_GET_PRECOPY_INFO. */
static int vfio_feature_precopy_info_v2(struct vfio_device *vdev,
					const struct vfio_feature *feature)
{
	int rc;

	if (!(vdev->migration_flags & VFIO_MIGRATION_PRE_COPY))
		return -EINVAL;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_SET, 0);
	if (rc != 1)
		return rc;
	vfio_set_precopy_info_v2(vdev, true);
	return 0;
}

/* The ranges of one request have room in a page of the user's. */
#define VFIO_FEATURE_MAX_RANGES \
	(PAGE_SIZE / sizeof(struct vfio_device_feature_dma_logging_range))

/* Check one range and insert it in the tree of those before it. */
static int vfio_feature_add_range(
	struct rb_root_cached *root, struct interval_tree_node *node,
	const struct vfio_device_feature_dma_logging_range *range,
	u64 page_size)
{
	u64 end;

	if (!IS_ALIGNED(range->iova, page_size) ||
	    !IS_ALIGNED(range->length, page_size))
		return -EINVAL;
	if (check_add_overflow(range->iova, range->length, &end) ||
	    end > ULONG_MAX)
		return -EOVERFLOW;
	/* vfio.ko lets a driver see a range of no length as well. */
	node->start = range->iova;
	node->last = end - 1;
	if (interval_tree_iter_first(root, node->start, node->last))
		return -EINVAL;
	interval_tree_insert(node, root);
	return 0;
}

static int vfio_feature_copy_ranges(
	struct rb_root_cached *root, struct interval_tree_node *nodes,
	const struct vfio_device_feature_dma_logging_control *control)
{
	const struct vfio_device_feature_dma_logging_range __user *ranges =
		u64_to_user_ptr(control->ranges);
	struct vfio_device_feature_dma_logging_range range;
	u32 i;
	int rc;

	for (i = 0; i < control->num_ranges; i++) {
		if (copy_from_user(&range, &ranges[i], sizeof(range)))
			return -EFAULT;
		rc = vfio_feature_add_range(root, &nodes[i], &range,
					    control->page_size);
		if (rc)
			return rc;
	}
	return 0;
}

static int vfio_feature_log_start(struct vfio_device *vdev,
				  const struct vfio_feature *feature)
{
	struct vfio_device_feature_dma_logging_control control;
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct interval_tree_node *nodes;
	int rc;

	if (!vdev->log_ops)
		return -ENOTTY;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_SET,
				sizeof(control));
	if (rc != 1)
		return rc;
	if (copy_from_user(&control, feature->data, sizeof(control)))
		return -EFAULT;
	if (!control.num_ranges)
		return -EINVAL;
	if (control.num_ranges > VFIO_FEATURE_MAX_RANGES)
		return -E2BIG;

	nodes = kmalloc_array(control.num_ranges, sizeof(*nodes),
			      GFP_KERNEL_ACCOUNT);
	if (!nodes)
		return -ENOMEM;
	rc = vfio_feature_copy_ranges(&root, nodes, &control);
	if (rc)
		goto out_free;
	/* The driver may combine ranges, and answers the page size it uses. */
	rc = vdev->log_ops->log_start(vdev, &root, control.num_ranges,
				      &control.page_size);
	if (!rc && copy_to_user(feature->data, &control, sizeof(control))) {
		vdev->log_ops->log_stop(vdev);
		rc = -EFAULT;
	}
out_free:
	kfree(nodes);
	return rc;
}

static int vfio_feature_log_stop(struct vfio_device *vdev,
				 const struct vfio_feature *feature)
{
	int rc;

	if (!vdev->log_ops)
		return -ENOTTY;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_SET, 0);
	if (rc != 1)
		return rc;
	return vdev->log_ops->log_stop(vdev);
}

/* iova_bitmap_for_each() callback */
static int vfio_feature_log_read(struct iova_bitmap *bitmap, unsigned long iova,
				 size_t length, void *data)
{
	struct vfio_device *vdev = data;

	return vdev->log_ops->log_read_and_clear(vdev, iova, length, bitmap);
}

static int vfio_feature_log_report(struct vfio_device *vdev,
				   const struct vfio_feature *feature)
{
	struct vfio_device_feature_dma_logging_report report;
	struct iova_bitmap *bitmap;
	u64 end;
	int rc;

	if (!vdev->log_ops)
		return -ENOTTY;
	rc = vfio_feature_check(feature, VFIO_DEVICE_FEATURE_GET,
				sizeof(report));
	if (rc != 1)
		return rc;
	if (copy_from_user(&report, feature->data, sizeof(report)))
		return -EFAULT;
	if (report.page_size < SZ_4K || !is_power_of_2(report.page_size))
		return -EINVAL;
	if (check_add_overflow(report.iova, report.length, &end) ||
	    end > ULONG_MAX)
		return -EOVERFLOW;

	bitmap = iova_bitmap_alloc(report.iova, report.length, report.page_size,
				   u64_to_user_ptr(report.bitmap));
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	rc = iova_bitmap_for_each(bitmap, vdev, vfio_feature_log_read);
	iova_bitmap_free(bitmap);
	return rc;
}

static int vfio_feature_dispatch(struct vfio_device *vdev,
				 const struct vfio_feature *feature)
{
	switch (feature->flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_MIGRATION:
		return vfio_feature_migration(vdev, feature);
	case VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE:
		return vfio_feature_mig_state(vdev, feature);
	case VFIO_DEVICE_FEATURE_MIG_DATA_SIZE:
		if (!vfio_migration_has_data_size())
			break;
		return vfio_feature_mig_data_size(vdev, feature);
	case VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2:
		if (!vfio_has_precopy_info_v2())
			break;
		return vfio_feature_precopy_info_v2(vdev, feature);
	case VFIO_DEVICE_FEATURE_DMA_LOGGING_START:
		return vfio_feature_log_start(vdev, feature);
	case VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP:
		return vfio_feature_log_stop(vdev, feature);
	case VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT:
		return vfio_feature_log_report(vdev, feature);
	}
	if (!vdev->ops->device_feature)
		return -ENOTTY;
	return vdev->ops->device_feature(vdev, feature->flags, feature->data,
					 feature->size);
}

/**
 * vfio_cdev_feature_ioctl() - VFIO_DEVICE_FEATURE
 * @vdev: bound device
 * @arg: argument of the ioctl
 *
 * Return: 0 or a positive number of the driver; EINVAL for a bad argument,
 * EFAULT, ENOTTY for a feature that the device does not have, E2BIG for too
 * many ranges, EOVERFLOW for a range across the end of the IO address space,
 * EOPNOTSUPP for a report where the kernel cannot make one, ENOMEM, or an error
 * of the driver.
 */
long vfio_cdev_feature_ioctl(struct vfio_device *vdev,
			     struct vfio_device_feature __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_feature, flags);
	const u32 ops = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	struct vfio_device_feature header;
	struct vfio_feature feature;

	if (copy_from_user(&header, arg, minsz))
		return -EFAULT;
	if (header.argsz < minsz)
		return -EINVAL;
	if (header.flags &
	    ~(VFIO_DEVICE_FEATURE_MASK | VFIO_DEVICE_FEATURE_PROBE | ops))
		return -EINVAL;
	/* GET and SET together are valid only with PROBE. */
	if (!(header.flags & VFIO_DEVICE_FEATURE_PROBE) &&
	    (header.flags & ops) == ops)
		return -EINVAL;
	feature.flags = header.flags;
	feature.data = arg->data;
	feature.size = header.argsz - minsz;
	return vfio_feature_dispatch(vdev, &feature);
}
