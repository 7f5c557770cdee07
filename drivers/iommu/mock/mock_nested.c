// SPDX-License-Identifier: GPL-2.0
/*
 * Nested domains of the mock IOMMU. They translate nothing; of the IOTLB that
 * hardware would have for the table of user space there are four words, which
 * an invalidation zeroes.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock.h"

struct mock_nested_domain {
	struct iommu_domain domain;
	struct iommu_domain *parent;
	struct iommufd_viommu *viommu;
	u32 iotlb[MOCK_IOTLB_NUM];
};

static struct mock_nested_domain *to_mock_nested(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_nested_domain, domain);
}

/* The kernel cannot attach a device of the machine to a mock domain. */
static int mock_nested_attach_dev(IOMMU_ATTACH_DEV_PARAMS(domain, dev, old))
{
	return -EINVAL;
}

static void mock_nested_free(struct iommu_domain *domain)
{
	mock_check_unused(domain);
	kfree(to_mock_nested(domain));
}

static const struct iommu_domain_ops mock_nested_ops = {
	.attach_dev = mock_nested_attach_dev,
	.free = mock_nested_free,
};

bool is_mock_nested_domain(const struct iommu_domain *domain)
{
	return domain->ops == &mock_nested_ops;
}

/* The domain that translates for @domain, if that is not the same */
struct iommu_domain *mock_nested_parent(struct iommu_domain *domain)
{
	return is_mock_nested_domain(domain) ? to_mock_nested(domain)->parent :
					       domain;
}

/* The vIOMMU that the domain was made on, or NULL */
struct iommufd_viommu *mock_nested_viommu(struct iommu_domain *domain)
{
	return is_mock_nested_domain(domain) ? to_mock_nested(domain)->viommu :
					       NULL;
}

/**
 * mock_nested_domain_create() - allocate a domain on top of another
 * @parent: mock domain with a page table
 * @viommu: vIOMMU on top of @parent, or NULL
 * @user_data: a struct iommu_hwpt_selftest
 *
 * Return: the domain, which iommu_domain_free() frees, or ERR_PTR() of -EINVAL
 * for a parent of another driver, -ENOMEM, or as mock_copy_user_data().
 */
struct iommu_domain *
mock_nested_domain_create(struct iommu_domain *parent,
			  struct iommufd_viommu *viommu,
			  const struct iommu_user_data *user_data)
{
	struct mock_nested_domain *nested;
	struct iommu_hwpt_selftest data;
	unsigned int i;
	int rc;

	if (!is_mock_domain(parent))
		return ERR_PTR(-EINVAL);
	rc = mock_copy_user_data(&data, sizeof(data), sizeof(data.iotlb),
				 user_data, IOMMU_HWPT_DATA_SELFTEST);
	if (rc)
		return ERR_PTR(rc);
	nested = kzalloc(sizeof(*nested), GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &mock_nested_ops;
	nested->parent = parent;
	nested->viommu = viommu;
	for (i = 0; i < MOCK_IOTLB_NUM; i++)
		nested->iotlb[i] = data.iotlb;
	return &nested->domain;
}

/**
 * mock_invalidate() - handle an array of invalidations
 * @array: array; its entry_num becomes the number of entries done
 * @entry_size: bytes that an entry must have
 * @entry: handles one entry
 * @data: argument of @entry
 *
 * Return: 0, -EINVAL for another type or size, what @entry returned.
 */
int mock_invalidate(struct iommu_user_data_array *array, size_t entry_size,
		    int (*entry)(void *data, void __user *uptr), void *data)
{
	u32 done = 0;
	int rc = 0;

	/* The types of nested HWPTs and vIOMMUs have the same number. */
	if (array->type != IOMMU_HWPT_INVALIDATE_DATA_SELFTEST ||
	    (array->entry_num && array->entry_len != entry_size))
		rc = -EINVAL;
	while (!rc && done < array->entry_num) {
		rc = entry(data, array->uptr + done * entry_size);
		if (!rc)
			done++;
		cond_resched();
	}
	array->entry_num = done;
	return rc;
}

static int mock_nested_invalidate_entry(void *data, void __user *uptr)
{
	struct mock_nested_domain *nested = data;
	struct iommu_hwpt_invalidate_selftest entry;

	if (copy_from_user(&entry, uptr, sizeof(entry)))
		return -EFAULT;
	if (entry.flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry.iotlb_id >= MOCK_IOTLB_NUM)
		return -EINVAL;
	if (entry.flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[entry.iotlb_id] = 0;
	return 0;
}

/* iommufd_iommu_ops.cache_invalidate */
int mock_nested_invalidate(struct iommu_domain *domain,
			   struct iommu_user_data_array *array)
{
	return mock_invalidate(array,
			       sizeof(struct iommu_hwpt_invalidate_selftest),
			       mock_nested_invalidate_entry,
			       to_mock_nested(domain));
}

/* IOMMU_TEST_OP_MD_CHECK_IOTLB */
int mock_check_iotlb_cmd(struct mock_ucmd *ucmd)
{
	u32 id = ucmd->cmd.check_iotlb.id;
	struct iommufd_object *obj;
	struct iommu_domain *domain;
	int rc = 0;

	obj = test_core->object_get(ucmd->ictx, ucmd->cmd.id,
				    IOMMUFD_OBJ_HWPT_NESTED);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	domain = to_iommufd_hwpt(obj)->domain;
	if (!is_mock_nested_domain(domain) || id >= MOCK_IOTLB_NUM ||
	    to_mock_nested(domain)->iotlb[id] != ucmd->cmd.check_iotlb.iotlb)
		rc = -EINVAL;
	test_core->object_put(ucmd->ictx, obj);
	return rc;
}
