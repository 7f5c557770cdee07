/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PASID_H
#define _IOMMUFD_PASID_H

#include <linux/iommu.h>

#include "group.h"

struct iommufd_hwpt;

/**
 * iommufd_pasid_find_handle() - the attachment of a PASID
 * @idev: device
 * @pasid: PASID, not IOMMU_NO_PASID
 *
 * The caller must hold iommufd_group.lock of the device. The handle, and the
 * HWPT in it, stay for as long as that is held.
 *
 * Return: the handle, or NULL if the PASID is not attached.
 */
static inline struct iommufd_attach_handle *
iommufd_pasid_find_handle(struct iommufd_device *idev, ioasid_t pasid)
{
	lockdep_assert_held(&idev->igroup->lock);
	return xa_load(&idev->pasids, pasid);
}

int iommufd_pasid_attach(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hwpt *hwpt);
int iommufd_pasid_replace(struct iommufd_device *idev, ioasid_t pasid,
			  struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old);
struct iommufd_hwpt *iommufd_pasid_detach(struct iommufd_device *idev,
					  ioasid_t pasid);
void iommufd_pasid_detach_all(struct iommufd_device *idev);

#endif
