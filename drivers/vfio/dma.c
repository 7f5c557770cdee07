// SPDX-License-Identifier: GPL-2.0
/*
 * What an iommufd controls of a device: its DMA, or, when the driver emulates
 * the device, the access of the driver to the user's memory.
 *
 * Such a driver asks vfio.ko for memory: vfio_pin_pages(), vfio_unpin_pages()
 * and vfio_dma_rw(). vfio.ko looks in the container of the device's group. For
 * a device that is bound to an iommufd these calls are redirected to functions
 * of this file, which look in the IOAS. The redirection starts with the first
 * emulated device that vfio.ko has.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"
#include "redirect.h"

/*
 * Emulated devices that are bound: struct vfio_device * -> struct
 * iommufd_access *. An entry is there while the driver may ask for memory, from
 * open_device() to close_device().
 */
static DEFINE_XARRAY(vfio_dma_accesses);

static struct iommufd_access *vfio_dma_access(struct vfio_device *vdev)
{
	return xa_load(&vfio_dma_accesses, (unsigned long)vdev);
}

/* Undo vfio_dma_pin_each(). */
static void vfio_dma_unpin_each(struct iommufd_access *access,
				unsigned long iova, int npage)
{
	for (int i = 0; i < npage; i++)
		iommufd_access_unpin_pages(access, iova + i * PAGE_SIZE,
					   PAGE_SIZE);
}

/*
 * A driver may give pages back in other portions than it pinned them. Each pin
 * of an access must be undone as it was made, so each page is a pin.
 */
static int vfio_dma_pin_each(struct iommufd_access *access, unsigned long iova,
			     int npage, unsigned int flags, struct page **pages)
{
	int i, rc;

	for (i = 0; i < npage; i++) {
		rc = iommufd_access_pin_pages(access, iova + i * PAGE_SIZE,
					      PAGE_SIZE, &pages[i], flags);
		if (rc)
			goto out_unpin;
	}
	return 0;

out_unpin:
	vfio_dma_unpin_each(access, iova, i);
	return rc;
}

/* Does the range end below the end of the IO address space? */
static bool vfio_dma_range_is_valid(dma_addr_t iova, int npage)
{
	return npage > 0 && iova <= ULONG_MAX &&
	       (npage - 1) * PAGE_SIZE <= ULONG_MAX - iova;
}

/* The offset into the first page does not count, as in vfio.ko. */
static int vfio_dma_pin_pages(struct vfio_device *vdev, dma_addr_t iova,
			      int npage, int prot, struct page **pages)
{
	struct iommufd_access *access = vfio_dma_access(vdev);
	int rc;

	if (!access || !pages || !vfio_dma_range_is_valid(iova, npage) ||
	    !vdev->ops->dma_unmap)
		return -EINVAL;
	rc = vfio_dma_pin_each(access, ALIGN_DOWN(iova, PAGE_SIZE), npage,
			       prot & IOMMU_WRITE ? IOMMUFD_ACCESS_RW_WRITE : 0,
			       pages);
	return rc ?: npage;
}

static void vfio_dma_unpin_pages(struct vfio_device *vdev, dma_addr_t iova,
				 int npage)
{
	struct iommufd_access *access = vfio_dma_access(vdev);

	if (WARN_ON(!access || !vfio_dma_range_is_valid(iova, npage)))
		return;
	vfio_dma_unpin_each(access, ALIGN_DOWN(iova, PAGE_SIZE), npage);
}

static int vfio_dma_rw_memory(struct vfio_device *vdev, dma_addr_t iova,
			      void *data, size_t length, bool write)
{
	struct iommufd_access *access = vfio_dma_access(vdev);

	if (!access || !data || !length || iova > ULONG_MAX)
		return -EINVAL;
	return iommufd_access_rw(access, iova, data, length,
				 write ? IOMMUFD_ACCESS_RW_WRITE : 0);
}

static bool notrace vfio_dma_matches(unsigned long arg0, unsigned long arg1,
				     unsigned long caller)
{
	return vfio_dma_access((struct vfio_device *)arg0);
}

/*
 * The user of a device holds a file of this module, so the module stays while
 * the driver is in one of the functions.
 */
static struct vfio_redirect vfio_dma_functions[] = {
	{
		.from = vfio_pin_pages,
		.to = vfio_dma_pin_pages,
		.matches = vfio_dma_matches,
	},
	{
		.from = vfio_unpin_pages,
		.to = vfio_dma_unpin_pages,
		.matches = vfio_dma_matches,
	},
	{
		.from = vfio_dma_rw,
		.to = vfio_dma_rw_memory,
		.matches = vfio_dma_matches,
	},
};

static struct vfio_redirects vfio_dma_redirects = {
	.functions = vfio_dma_functions,
	.num = ARRAY_SIZE(vfio_dma_functions),
};

/* Under vfio_dma_lock */
static bool vfio_dma_redirected;
/* Set when they could not be started, which is tried only once */
static bool vfio_dma_refused;
static DEFINE_MUTEX(vfio_dma_lock);

static int vfio_dma_start(void)
{
	int rc = 0;

	if (!vfio_dma_redirected)
		rc = vfio_redirects_start(&vfio_dma_redirects);
	vfio_dma_redirected = !rc;
	return rc;
}

/* Can emulated devices be served? The reason why not is told once. */
static bool vfio_dma_serves_emulated(void)
{
	int rc;

	mutex_lock(&vfio_dma_lock);
	rc = vfio_dma_refused ? -EOPNOTSUPP : vfio_dma_start();
	if (rc && !vfio_dma_refused)
		pr_info("vfio-cdev: emulated devices get no cdev: calls of vfio.ko cannot be redirected, error %d\n",
			rc);
	vfio_dma_refused = rc;
	mutex_unlock(&vfio_dma_lock);
	return !rc;
}

void vfio_dma_exit(void)
{
	mutex_lock(&vfio_dma_lock);
	if (vfio_dma_redirected)
		vfio_redirects_stop(&vfio_dma_redirects);
	vfio_dma_redirected = false;
	mutex_unlock(&vfio_dma_lock);
}

static bool vfio_dma_is_physical(struct vfio_device *vdev)
{
	return device_iommu_capable(vdev->dev, IOMMU_CAP_CACHE_COHERENCY);
}

/*
 * Does the driver emulate the device? vfio.ko registers a real device without
 * IOMMU as well, if it has the no-IOMMU mode. Nothing controls the DMA of that
 * one, and vfio.ko does not tell the two apart. Only on the bus of mediated
 * devices there is no hardware.
 */
static bool vfio_dma_is_emulated(struct vfio_device *vdev)
{
	const struct bus_type *bus = vdev->dev->bus;

	if (vfio_dma_is_physical(vdev) || dev_is_pci(vdev->dev))
		return false;
	return !IS_ENABLED(CONFIG_VFIO_NOIOMMU) ||
	       (bus && !strcmp(bus->name, "mdev"));
}

/**
 * vfio_dma_is_noiommu() - is the device used although nothing translates its DMA?
 * @vdev: device
 *
 * Return: true for a device of vfio-noiommu. Those of the no-IOMMU mode of vfio.ko
 * have another driver, and their users have the group.
 */
bool vfio_dma_is_noiommu(struct vfio_device *vdev)
{
	return dev_is_pci(vdev->dev) && !vfio_dma_is_physical(vdev) &&
	       !strcmp(vdev->ops->name, VFIO_NOIOMMU_DRIVER);
}

/**
 * vfio_dma_can_bind() - can an iommufd control what the device reaches?
 * @vdev: device
 *
 * Return: true for a device behind an IOMMU, for one of vfio-noiommu, and for an
 * emulated one if calls of its driver can be redirected.
 */
bool vfio_dma_can_bind(struct vfio_device *vdev)
{
	if (vfio_dma_is_emulated(vdev))
		return vfio_dma_serves_emulated();
	return vfio_dma_is_physical(vdev) || vfio_dma_is_noiommu(vdev);
}

static void vfio_dma_access_unmap(void *data, unsigned long iova,
				  unsigned long length)
{
	struct vfio_cdev *dev = data;
	struct vfio_device *vdev = dev->vdev;

	if (vdev->ops->dma_unmap)
		vdev->ops->dma_unmap(vdev, iova, length);
}

static const struct iommufd_access_ops vfio_dma_pin_ops = {
	.needs_pin_pages = 1,
	.unmap = vfio_dma_access_unmap,
};

/* A driver without dma_unmap() can only copy. */
static const struct iommufd_access_ops vfio_dma_copy_ops = {
	.unmap = vfio_dma_access_unmap,
};

static int vfio_dma_bind_access(struct vfio_cdev *dev, struct iommufd_ctx *ictx,
				u32 *devid)
{
	struct vfio_device *vdev = dev->vdev;
	struct iommufd_access *access;
	int rc;

	access = iommufd_access_create(
		ictx,
		vdev->ops->dma_unmap ? &vfio_dma_pin_ops : &vfio_dma_copy_ops,
		dev, devid);
	if (IS_ERR(access))
		return PTR_ERR(access);
	rc = xa_err(xa_store(&vfio_dma_accesses, (unsigned long)vdev, access,
			     GFP_KERNEL_ACCOUNT));
	if (rc) {
		iommufd_access_destroy(access);
		return rc;
	}
	dev->access = access;
	return 0;
}

static int vfio_dma_bind_device(struct vfio_cdev *dev, struct iommufd_ctx *ictx,
				u32 *devid)
{
	struct iommufd_device *idev;

	if (dev->noiommu)
		idev = iommufd_device_bind_no_iommu(ictx, dev->vdev->dev,
						    devid);
	else
		idev = iommufd_device_bind(ictx, dev->vdev->dev, devid);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	dev->idev = idev;
	WRITE_ONCE(dev->ictx, ictx);
	return 0;
}

/**
 * vfio_dma_bind() - let an iommufd control a device
 * @dev: device; the caller holds dev->lock
 * @ictx: the iommufd
 * @devid: out: id of the device there
 *
 * Return: 0, or an error of iommufd_device_bind() or iommufd_access_create().
 */
int vfio_dma_bind(struct vfio_cdev *dev, struct iommufd_ctx *ictx, u32 *devid)
{
	int rc;

	lockdep_assert_held(&dev->lock);

	if (vfio_dma_is_emulated(dev->vdev))
		rc = vfio_dma_bind_access(dev, ictx, devid);
	else
		rc = vfio_dma_bind_device(dev, ictx, devid);
	if (!rc)
		dev->devid = *devid;
	return rc;
}

/* The device is stopped: the driver has returned from close_device(). */
void vfio_dma_unbind(struct vfio_cdev *dev)
{
	lockdep_assert_held(&dev->lock);

	vfio_pasid_detach_all(dev);
	vfio_dma_detach(dev);
	if (dev->access) {
		xa_erase(&vfio_dma_accesses, (unsigned long)dev->vdev);
		iommufd_access_destroy(dev->access);
		dev->access = NULL;
	} else {
		WRITE_ONCE(dev->ictx, NULL);
		iommufd_device_unbind(dev->idev);
		dev->idev = NULL;
	}
}

static int vfio_dma_attach_access(struct vfio_cdev *dev, u32 ioas_id)
{
	if (dev->attached)
		return iommufd_access_replace(dev->access, ioas_id);
	return iommufd_access_attach(dev->access, ioas_id);
}

/**
 * vfio_dma_attach() - attach the device, or move an attached one
 * @dev: bound device; the caller holds dev->lock
 * @pt_id: in: IOAS or HWPT; out: the HWPT that is used. An emulated device uses
 *         an IOAS, and the id stays.
 *
 * Return: 0, or an error of iommufd_device_attach(), iommufd_device_replace()
 * or their counterparts for an access.
 */
int vfio_dma_attach(struct vfio_cdev *dev, u32 *pt_id)
{
	int rc;

	lockdep_assert_held(&dev->lock);

	if (dev->access)
		rc = vfio_dma_attach_access(dev, *pt_id);
	else if (dev->attached)
		rc = iommufd_device_replace(dev->idev, IOMMU_NO_PASID, pt_id);
	else
		rc = iommufd_device_attach(dev->idev, IOMMU_NO_PASID, pt_id);
	if (rc)
		return rc;
	dev->attached = true;
	if (dev->access)
		WRITE_ONCE(dev->ioas_id, *pt_id);
	return 0;
}

/* Detach the device if it is attached. */
void vfio_dma_detach(struct vfio_cdev *dev)
{
	lockdep_assert_held(&dev->lock);

	if (!dev->attached)
		return;
	if (dev->access)
		iommufd_access_detach(dev->access);
	else
		iommufd_device_detach(dev->idev, IOMMU_NO_PASID);
	dev->attached = false;
	WRITE_ONCE(dev->ioas_id, 0);
}

/**
 * vfio_dma_pt_id() - what a device is attached to
 * @dev: device whose bound file the caller uses, so that it stays bound
 *
 * Return: the id of the HWPT, or of the IOAS of an emulated device; 0 if it is
 * not attached. May be old if another thread attaches or detaches.
 */
u32 vfio_dma_pt_id(struct vfio_cdev *dev)
{
	return dev->access ? READ_ONCE(dev->ioas_id) :
			     iommufd_device_hwpt_id(dev->idev);
}
