/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_MOCK_H
#define _IOMMUFD_MOCK_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/types.h>

#include "../iommufd/device.h"
#include "../iommufd/hwpt.h"
#include "../iommufd/ioas.h"
#include "../iommufd/iommu_ops.h"
#include "../iommufd/object.h"
#include "../iommufd/test_hook.h"
#include "test_abi.h"

/**
 * struct selftest_ucmd - a test command on its way
 * @ictx: context
 * @ubuffer: user address of the struct
 * @user_size: its size as the user knows it
 * @cmd: the struct as we know it
 */
struct selftest_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	struct iommu_test_cmd cmd;
};

/* main.c */
extern const struct iommufd_test_core *selftest_core;
int selftest_respond(struct selftest_ucmd *ucmd);
struct iommufd_ioas *selftest_get_ioas(struct iommufd_ctx *ictx, u32 id);
void selftest_put_ioas(struct iommufd_ioas *ioas);

/* device.c */
int selftest_mock_domain(struct selftest_ucmd *ucmd);
int selftest_mock_domain_flags(struct selftest_ucmd *ucmd);
int selftest_mock_domain_replace(struct selftest_ucmd *ucmd);

/* access.c */
int selftest_create_access(struct selftest_ucmd *ucmd);
int selftest_access_pages(struct selftest_ucmd *ucmd);
int selftest_destroy_access_pages(struct selftest_ucmd *ucmd);
int selftest_access_rw(struct selftest_ucmd *ucmd);
int selftest_access_replace_ioas(struct selftest_ucmd *ucmd);

/* check.c */
int selftest_check_map(struct selftest_ucmd *ucmd);
int selftest_check_refs(struct selftest_ucmd *ucmd);
int selftest_check_pages(unsigned long uptr, struct page **pages,
			 unsigned long npages);

/**
 * struct mock_device - a device behind the mock IOMMU
 * @dev: device
 * @index: number in its name
 * @huge: its IOMMU has huge IO pages too
 */
struct mock_device {
	struct device dev;
	int index;
	bool huge;
};

/* mock_iommu.c */
extern const struct iommufd_iommu_ops mock_iommu_ops;
struct mock_device *mock_device_create(bool huge);
void mock_device_destroy(struct mock_device *mdev);

/* mock_domain.c */
struct iommu_domain *mock_domain_alloc(bool huge);
bool is_mock_domain(const struct iommu_domain *domain);
bool mock_domain_maps(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys);

#endif
