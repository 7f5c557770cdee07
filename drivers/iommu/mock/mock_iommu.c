// SPDX-License-Identifier: GPL-2.0
/*
 * The mock IOMMU, which the core calls in place of the IOMMU of the machine,
 * and its devices. Each device has a group of its own.
 */
#include <linux/idr.h>
#include <linux/iommufd.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mock.h"

#define MOCK_RESERVED_START 0x60000000UL
#define MOCK_RESERVED_LENGTH SZ_1M

static DEFINE_IDA(mock_device_ida);

static bool fail_attach;
module_param(fail_attach, bool, 0600);
MODULE_PARM_DESC(
	fail_attach,
	"Fail to attach devices and PASIDs, and to replace their domain, with ENOMEM");

bool mock_attach_must_fail(void)
{
	return fail_attach;
}

static bool reserve;
module_param(reserve, bool, 0600);
MODULE_PARM_DESC(reserve,
		 "Devices that are attached reserve the IOVA 0x60000000 to 0x600fffff");

static void mock_device_release(struct device *dev)
{
	struct mock_device *mdev = to_mock_device(dev);

	WARN_ONCE(!xa_empty(&mdev->attached),
		  "mock: an attached device goes\n");
	xa_destroy(&mdev->attached);
	ida_free(&mock_device_ida, mdev->index);
	mutex_destroy(&mdev->fault_lock);
	kfree(mdev);
}

/**
 * mock_device_create() - create a device of the mock IOMMU
 * @flags: MOCK_DEVICE_ flags
 *
 * The device is on no bus, so no IOMMU of the machine claims it.
 *
 * Return: the device, which the caller must free with mock_device_destroy(), or
 * ERR_PTR().
 */
struct mock_device *mock_device_create(u32 flags)
{
	struct mock_device *mdev;
	unsigned int i;
	int rc;

	mdev = kzalloc(sizeof(*mdev), GFP_KERNEL_ACCOUNT);
	if (!mdev)
		return ERR_PTR(-ENOMEM);
	mdev->flags = flags;
	mutex_init(&mdev->fault_lock);
	xa_init_flags(&mdev->attached, XA_FLAGS_ACCOUNT);
	for (i = 0; i < MOCK_DEV_CACHE_NUM; i++)
		mdev->cache[i] = IOMMU_TEST_DEV_CACHE_DEFAULT;
	mdev->index = ida_alloc(&mock_device_ida, GFP_KERNEL);
	if (mdev->index < 0) {
		rc = mdev->index;
		kfree(mdev);
		return ERR_PTR(rc);
	}

	mdev->dev.release = mock_device_release;
	device_initialize(&mdev->dev);
	rc = dev_set_name(&mdev->dev, "iommufd_mock%d", mdev->index);
	if (!rc)
		rc = device_add(&mdev->dev);
	if (rc) {
		put_device(&mdev->dev);
		return ERR_PTR(rc);
	}
	return mdev;
}

void mock_device_destroy(struct mock_device *mdev)
{
	device_unregister(&mdev->dev);
}

static int mock_claim(struct device *dev, void *owner)
{
	return 0;
}

static void mock_release(struct device *dev)
{
}

/* iommufd_iommu_ops.frees_table; the core has to cope with both. */
bool mock_frees_table(struct device *dev)
{
	return !(to_mock_device(dev)->flags & MOCK_DEVICE_HUGE_IOVA);
}

static struct iommu_domain *
mock_domain_alloc(struct device *dev, struct iommu_domain *current_domain,
		  u32 flags, const struct iommu_user_data *user_data,
		  bool *coherent)
{
	*coherent = false;
	return mock_domain_create(to_mock_device(dev), flags, user_data);
}

static bool mock_can_nest(struct device *dev)
{
	return true;
}

static struct iommu_domain *
mock_domain_alloc_nested(struct device *dev, struct iommu_domain *parent,
			 u32 flags, const struct iommu_user_data *user_data)
{
	return mock_nested_domain_create(parent, NULL, user_data);
}

/* A guest knows a device by its vdevice before it has a table for it. */
static int mock_find_virt_id(struct device *dev, struct iommu_domain *domain,
			     unsigned long *virt_id)
{
	struct iommufd_viommu *viommu = mock_nested_viommu(domain);

	return viommu ? iommufd_viommu_get_vdev_id(viommu, dev, virt_id) : 0;
}

static int mock_set_domain(struct device *dev, struct iommu_domain *domain,
			   struct iommu_attach_handle *handle, bool replace)
{
	unsigned long virt_id = 0;
	int rc;

	if (!is_mock_domain(domain) && !is_mock_nested_domain(domain))
		return -EINVAL;
	rc = mock_find_virt_id(dev, domain, &virt_id);
	if (rc)
		return rc;
	if (fail_attach)
		return -ENOMEM;
	rc = mock_set_attached(to_mock_device(dev), IOMMU_NO_PASID, handle,
			       replace);
	if (!rc)
		to_mock_device(dev)->virt_id = virt_id;
	return rc;
}

static int mock_attach(struct device *dev, struct iommu_domain *domain,
		       struct iommu_attach_handle *handle)
{
	return mock_set_domain(dev, domain, handle, false);
}

static void mock_detach(struct device *dev, struct iommu_domain *domain)
{
	mock_clear_attached(to_mock_device(dev), IOMMU_NO_PASID, domain);
	to_mock_device(dev)->virt_id = 0;
}

static int mock_replace(struct device *dev, struct iommu_domain *domain,
			struct iommu_attach_handle *handle)
{
	return mock_set_domain(dev, domain, handle, true);
}

static void mock_get_resv_regions(struct device *dev, struct list_head *regions)
{
	struct iommu_resv_region *region;

	if (!reserve)
		return;
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region)
		return;
	region->start = MOCK_RESERVED_START;
	region->length = MOCK_RESERVED_LENGTH;
	region->type = IOMMU_RESV_RESERVED;
	list_add_tail(&region->list, regions);
}

static int mock_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	struct iommu_test_hw_info *data;

	if (info->type != IOMMU_HW_INFO_TYPE_DEFAULT &&
	    info->type != IOMMU_HW_INFO_TYPE_SELFTEST)
		return -EOPNOTSUPP;
	data = kzalloc(sizeof(*data), GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	data->test_reg = IOMMU_HW_INFO_SELFTEST_REG;
	info->type = IOMMU_HW_INFO_TYPE_SELFTEST;
	info->length = sizeof(*data);
	info->data = data;
	return 0;
}

static bool mock_can_enforce(struct device *dev)
{
	return false;
}

static bool mock_can_track_dirty(struct device *dev)
{
	return !(to_mock_device(dev)->flags & MOCK_DEVICE_NO_DIRTY);
}

static void mock_get_caps(struct device *dev, struct iommufd_iommu_caps *caps)
{
	caps->flags = IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
	caps->max_pasid_log2 = ilog2(mock_max_pasids(dev));
	if (mock_can_track_dirty(dev))
		caps->flags |= IOMMU_HW_CAP_DIRTY_TRACKING;
}

const struct iommufd_iommu_ops mock_iommu_ops = {
	.claim = mock_claim,
	.release = mock_release,
	.domain_alloc = mock_domain_alloc,
	.frees_table = mock_frees_table,
	.can_nest = mock_can_nest,
	.domain_alloc_nested = mock_domain_alloc_nested,
	.cache_invalidate = mock_nested_invalidate,
	.attach = mock_attach,
	.detach = mock_detach,
	.replace = mock_replace,
	.max_pasids = mock_max_pasids,
	.attach_pasid = mock_attach_pasid,
	.replace_pasid = mock_replace_pasid,
	.detach_pasid = mock_detach_pasid,
	.get_resv_regions = mock_get_resv_regions,
	.can_enforce = mock_can_enforce,
	.hw_info = mock_hw_info,
	.get_caps = mock_get_caps,
	.can_track_dirty = mock_can_track_dirty,
	.can_fault = mock_can_fault,
	.fault_domain = mock_fault_domain,
	.fault_enable = mock_fault_enable,
	.fault_disable = mock_fault_disable,
	.set_dirty_tracking = mock_set_dirty_tracking,
	.read_dirty = mock_read_dirty,
	.clear_dirty = mock_clear_dirty,
	.get_viommu_size = mock_get_viommu_size,
	.viommu_init = mock_viommu_init,
};
