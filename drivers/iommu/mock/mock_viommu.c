// SPDX-License-Identifier: GPL-2.0
/*
 * vIOMMUs of the mock IOMMU. Instead of caches of addresses (ATS) a device has
 * four words, which an invalidation zeroes; instead of registers there are two
 * pages of memory.
 */
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock.h"

#define MOCK_HW_QUEUES 2
#define MOCK_REGION_ORDER 1

struct mock_hw_queue;

/**
 * struct mock_viommu - a vIOMMU
 * @core: what all vIOMMUs have
 * @lock: guards @queues
 * @queues: hardware queues by index
 * @page: the pages that a process may map, or NULL
 * @offset: offset of them for mmap()
 */
struct mock_viommu {
	struct iommufd_viommu core;
	struct mutex lock;
	struct mock_hw_queue *queues[MOCK_HW_QUEUES];
	struct page *page;
	unsigned long offset;
};

/**
 * struct mock_hw_queue - a hardware queue
 * @core: what all hardware queues have
 * @index: its place in mock_viommu.queues
 * @before: the queue before it, which it needs, or NULL
 */
struct mock_hw_queue {
	struct iommufd_hw_queue core;
	u32 index;
	struct mock_hw_queue *before;
};

static struct mock_viommu *to_mock_viommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct mock_viommu, core);
}

static struct mock_hw_queue *to_mock_hw_queue(struct iommufd_hw_queue *queue)
{
	return container_of(queue, struct mock_hw_queue, core);
}

static void mock_viommu_destroy(struct iommufd_viommu *viommu)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);

	WARN_ON(mock->queues[0] || mock->queues[1]);
	if (mock->page) {
		iommufd_viommu_destroy_mmap(viommu, mock->offset);
		__free_pages(mock->page, MOCK_REGION_ORDER);
	}
	mutex_destroy(&mock->lock);
}

static struct iommu_domain *
mock_viommu_alloc_nested(struct iommufd_viommu *viommu, u32 flags,
			 const struct iommu_user_data *user_data)
{
	return mock_nested_domain_create(viommu->hwpt->common.domain, viommu,
					 user_data);
}

static int mock_viommu_invalidate_entry(void *data, void __user *uptr)
{
	struct iommufd_viommu *viommu = data;
	struct iommu_viommu_invalidate_selftest entry;
	struct mock_device *mdev;
	struct device *dev;
	int rc = 0;

	if (copy_from_user(&entry, uptr, sizeof(entry)))
		return -EFAULT;
	if (entry.flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry.cache_id >= MOCK_DEV_CACHE_NUM)
		return -EINVAL;

	xa_lock(&viommu->vdevs);
	dev = iommufd_viommu_find_dev(viommu, entry.vdev_id);
	if (!dev) {
		rc = -EINVAL;
		goto out_unlock;
	}
	mdev = to_mock_device(dev);
	if (entry.flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(mdev->cache, 0, sizeof(mdev->cache));
	else
		mdev->cache[entry.cache_id] = 0;
out_unlock:
	xa_unlock(&viommu->vdevs);
	return rc;
}

static int mock_viommu_invalidate(struct iommufd_viommu *viommu,
				  struct iommu_user_data_array *array)
{
	return mock_invalidate(array,
			       sizeof(struct iommu_viommu_invalidate_selftest),
			       mock_viommu_invalidate_entry, viommu);
}

static void mock_vdevice_destroy(struct iommufd_vdevice *vdev)
{
	struct mock_device *mdev = to_mock_device(vdev->dev);

	WARN_ON(!mdev->has_vdevice);
	mdev->has_vdevice = false;
}

static int mock_vdevice_init(struct iommufd_vdevice *vdev)
{
	struct mock_device *mdev = to_mock_device(vdev->dev);

	WARN_ON(mdev->has_vdevice);
	mdev->has_vdevice = true;
	vdev->destroy = mock_vdevice_destroy;
	return 0;
}

static size_t mock_get_hw_queue_size(struct iommufd_viommu *viommu, u32 type)
{
	return type == IOMMU_HW_QUEUE_TYPE_SELFTEST ?
		       sizeof(struct mock_hw_queue) :
		       0;
}

static void mock_hw_queue_destroy(struct iommufd_hw_queue *core)
{
	struct mock_viommu *mock = to_mock_viommu(core->viommu);
	struct mock_hw_queue *queue = to_mock_hw_queue(core);

	mutex_lock(&mock->lock);
	mock->queues[queue->index] = NULL;
	if (queue->before)
		iommufd_hw_queue_undepend(core, &queue->before->core);
	mutex_unlock(&mock->lock);
}

/* A queue cannot start before the one with the next lower index. */
static int __mock_hw_queue_start(struct mock_viommu *mock,
				 struct mock_hw_queue *queue, u32 index)
{
	struct mock_hw_queue *before;

	lockdep_assert_held(&mock->lock);
	if (mock->queues[index])
		return -EEXIST;
	if (index) {
		before = mock->queues[index - 1];
		if (!before ||
		    iommufd_hw_queue_depend(&queue->core, &before->core))
			return -EIO;
		queue->before = before;
	}
	queue->index = index;
	mock->queues[index] = queue;
	return 0;
}

static int mock_hw_queue_init(struct iommufd_hw_queue *core, u32 index,
			      phys_addr_t base_addr_pa)
{
	struct mock_viommu *mock = to_mock_viommu(core->viommu);
	struct iommu_domain *parent = core->viommu->hwpt->common.domain;
	int rc;

	if (index >= MOCK_HW_QUEUES)
		return -EINVAL;
	if (WARN_ON(!mock_domain_maps(parent, core->base_addr, base_addr_pa)))
		return -EIO;
	mutex_lock(&mock->lock);
	rc = __mock_hw_queue_start(mock, to_mock_hw_queue(core), index);
	mutex_unlock(&mock->lock);
	if (!rc)
		core->destroy = mock_hw_queue_destroy;
	return rc;
}

static const struct iommufd_viommu_ops mock_viommu_ops = {
	.destroy = mock_viommu_destroy,
	.alloc_domain_nested = mock_viommu_alloc_nested,
	.cache_invalidate = mock_viommu_invalidate,
	.vdevice_size = sizeof(struct iommufd_vdevice),
	.vdevice_init = mock_vdevice_init,
	.get_hw_queue_size = mock_get_hw_queue_size,
	.hw_queue_init_phys = mock_hw_queue_init,
};

/* iommufd_iommu_ops.get_viommu_size */
size_t mock_get_viommu_size(struct device *dev, u32 type)
{
	return type == IOMMU_VIOMMU_TYPE_SELFTEST ? sizeof(struct mock_viommu) :
						    0;
}

/* Give out the pages that a process may map. */
static int mock_viommu_add_region(struct mock_viommu *mock, u32 word)
{
	int rc;

	mock->page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
				 MOCK_REGION_ORDER);
	if (!mock->page)
		return -ENOMEM;
	*(u32 *)page_address(mock->page) = word;
	rc = iommufd_viommu_alloc_mmap(&mock->core, page_to_phys(mock->page),
				       PAGE_SIZE << MOCK_REGION_ORDER,
				       &mock->offset);
	if (rc)
		__free_pages(mock->page, MOCK_REGION_ORDER);
	return rc;
}

static int mock_viommu_take_data(struct mock_viommu *mock,
				 const struct iommu_user_data *user_data)
{
	struct iommu_viommu_selftest data;
	int rc;

	rc = mock_copy_user_data(&data, sizeof(data),
				 offsetofend(struct iommu_viommu_selftest,
					     out_data),
				 user_data, IOMMU_VIOMMU_TYPE_SELFTEST);
	if (rc)
		return rc;
	rc = mock_viommu_add_region(mock, data.in_data);
	if (rc)
		return rc;

	data.out_data = data.in_data;
	data.out_mmap_offset = mock->offset;
	data.out_mmap_length = PAGE_SIZE << MOCK_REGION_ORDER;
	if (copy_to_user(user_data->uptr, &data, user_data->len)) {
		iommufd_viommu_destroy_mmap(&mock->core, mock->offset);
		__free_pages(mock->page, MOCK_REGION_ORDER);
		return -EFAULT;
	}
	return 0;
}

/* iommufd_iommu_ops.viommu_init */
int mock_viommu_init(struct iommufd_viommu *viommu, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);
	int rc = 0;

	if (!is_mock_domain(parent))
		return -EINVAL;
	if (user_data)
		rc = mock_viommu_take_data(mock, user_data);
	if (rc)
		return rc;
	mutex_init(&mock->lock);
	viommu->ops = &mock_viommu_ops;
	return 0;
}

/* The caller must put the device with test_core->object_put(). */
static struct iommufd_device *mock_get_device(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_device *idev;
	struct iommufd_object *obj;

	obj = test_core->object_get(ictx, id, IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	idev = container_of(obj, struct iommufd_device, obj);
	if (idev->igroup->ops != &mock_iommu_ops) {
		test_core->object_put(ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return idev;
}

/* IOMMU_TEST_OP_DEV_CHECK_CACHE */
int mock_check_cache_cmd(struct mock_ucmd *ucmd)
{
	u32 id = ucmd->cmd.check_dev_cache.id;
	struct iommufd_device *idev;
	int rc = 0;

	idev = mock_get_device(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	if (id >= MOCK_DEV_CACHE_NUM ||
	    READ_ONCE(to_mock_device(idev->dev)->cache[id]) !=
		    ucmd->cmd.check_dev_cache.cache)
		rc = -EINVAL;
	test_core->object_put(ucmd->ictx, &idev->obj);
	return rc;
}

/* Report an event of a device that is attached to a nested HWPT of a vIOMMU. */
static int mock_report_vevent(struct iommufd_device *idev)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_viommu *viommu = NULL;
	struct iommu_viommu_event_selftest event;
	int rc = -ENOENT;

	/* The HWPT, and with it the vIOMMU, stays attached meanwhile. */
	mutex_lock(&igroup->lock);
	event.virt_id = to_mock_device(idev->dev)->virt_id;
	if (igroup->hwpt)
		viommu = mock_nested_viommu(igroup->hwpt->domain);
	if (viommu && event.virt_id)
		rc = iommufd_viommu_report_event(viommu,
						 IOMMU_VEVENTQ_TYPE_SELFTEST,
						 &event, sizeof(event));
	mutex_unlock(&igroup->lock);
	return rc;
}

/* IOMMU_TEST_OP_TRIGGER_VEVENT */
int mock_trigger_vevent_cmd(struct mock_ucmd *ucmd)
{
	struct iommufd_device *idev;
	int rc;

	idev = mock_get_device(ucmd->ictx, ucmd->cmd.trigger_vevent.dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = mock_report_vevent(idev);
	test_core->object_put(ucmd->ictx, &idev->obj);
	return rc;
}
