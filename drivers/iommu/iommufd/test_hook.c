// SPDX-License-Identifier: GPL-2.0
/*
 * Where iommufd_selftest.ko plugs in. Without it IOMMU_TEST_CMD is ENOTTY.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "account.h"
#include "context.h"
#include "device.h"
#include "fault.h"
#include "ioas.h"
#include "iommu_ops.h"
#include "object.h"
#include "test_hook.h"
#include "umem_batch.h"
#include "umem_dmabuf.h"
#include "veventq.h"

/* Guards test_ops and the change of iommufd_ctx.test from NULL. */
static DEFINE_MUTEX(test_lock);
static const struct iommufd_test_ops *test_ops;

static struct iommufd_object *
test_object_alloc(struct iommufd_ctx *ictx, size_t size, unsigned int type,
		  const struct iommufd_object_ops *ops)
{
	return __iommufd_object_alloc(ictx, size, type, ops);
}

static struct iommufd_object *test_object_get(struct iommufd_ctx *ictx, u32 id,
					      unsigned int type)
{
	return iommufd_object_get(ictx, id, type);
}

static const struct iommufd_test_core test_core = {
	.object_alloc = test_object_alloc,
	.object_publish = iommufd_object_publish,
	.object_abort = iommufd_object_abort,
	.object_get = test_object_get,
	.object_put = iommufd_object_put,
	.device_create = iommufd_device_create,
	.fault_group_alloc = iommufd_fault_group_alloc,
	.fault_deliver = iommufd_fault_deliver,
	.reserve = iova_space_reserve,
	.nth_area = iova_space_nth_area,
	.set_scratch = umem_batch_set_scratch,
	.noiommu_ops = &iommufd_noiommu_ops,
	.set_max_users = iommufd_set_max_users,
	.set_first_vevent = iommufd_veventq_set_first,
};

/**
 * iommufd_test_register() - provide IOMMU_TEST_CMD
 * @ops: the implementation
 *
 * Return: functions of the core for it.
 */
const struct iommufd_test_core *
iommufd_test_register(const struct iommufd_test_ops *ops)
{
	mutex_lock(&test_lock);
	test_ops = ops;
	umem_dmabuf_set_test_exporter(ops->dmabuf_map);
	mutex_unlock(&test_lock);
	return &test_core;
}
EXPORT_SYMBOL_GPL(iommufd_test_register);

/**
 * iommufd_test_unregister() - undo iommufd_test_register()
 *
 * No context uses the module any more: a context that does keeps it loaded.
 */
void iommufd_test_unregister(void)
{
	mutex_lock(&test_lock);
	test_ops = NULL;
	umem_dmabuf_set_test_exporter(NULL);
	mutex_unlock(&test_lock);
}
EXPORT_SYMBOL_GPL(iommufd_test_unregister);

/**
 * iommufd_test_ioctl() - IOMMU_TEST_CMD
 * @ictx: context
 * @ubuffer: argument of the ioctl
 *
 * Return: an answer of the module, -ENOTTY if it is not loaded.
 */
long iommufd_test_ioctl(struct iommufd_ctx *ictx, void __user *ubuffer)
{
	const struct iommufd_test_ops *ops = READ_ONCE(ictx->test);

	if (!ops) {
		mutex_lock(&test_lock);
		if (!ictx->test && test_ops &&
		    try_module_get(test_ops->owner))
			WRITE_ONCE(ictx->test, test_ops);
		ops = ictx->test;
		mutex_unlock(&test_lock);
	}
	return ops ? ops->ioctl(ictx, ubuffer) : -ENOTTY;
}

/* The context has no objects any more. */
void iommufd_test_put(struct iommufd_ctx *ictx)
{
	if (ictx->test)
		module_put(ictx->test->owner);
}
