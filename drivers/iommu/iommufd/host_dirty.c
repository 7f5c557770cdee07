// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty IO pages in the page tables of the kernel's IOMMU drivers.
 *
 * The drivers tell of dirty IO pages in two ways. The bitmap for iommufd is
 * compiled out of a kernel without CONFIG_IOMMUFD_DRIVER. The range of the IOTLB
 * that must be flushed is not, and gives the first and the last dirty IO page,
 * also if nothing is made clean.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "dirty_bisect.h"
#include "host_dirty.h"
#include "iommu_ops.h"

/* AMD's driver looks at the IO pages of one call with interrupts off. */
#define HOST_BLOCK SZ_32M

/**
 * struct host_walker - a dirty_walker over a domain of the kernel
 * @walker: the walker
 * @domain: domain
 * @sink: takes dirty IO pages
 * @gather: takes what was made clean
 */
struct host_walker {
	struct dirty_walker walker;
	struct iommu_domain *domain;
	struct iommufd_dirty_sink *sink;
	struct iommu_iotlb_gather *gather;
};

static int host_gather(struct dirty_walker *walker, unsigned long iova,
		       unsigned long length, bool clear,
		       struct dirty_span *span)
{
	struct host_walker *host =
		container_of(walker, struct host_walker, walker);
	struct iommu_iotlb_gather gather;
	int rc;

	cond_resched();
	rc = compat_read_dirty(host->domain, iova, length, clear, &gather);
	if (rc)
		return rc;
	span->start = gather.start;
	span->last = gather.end;
	if (clear && gather.start <= gather.end)
		iommu_iotlb_gather_add_range(host->gather, gather.start,
					     gather.end - gather.start + 1);
	return 0;
}

static void host_add(struct dirty_walker *walker, unsigned long start,
		     unsigned long last)
{
	struct host_walker *host =
		container_of(walker, struct host_walker, walker);

	host->sink->add(host->sink, start, last);
}

static void host_walker_init(struct host_walker *host,
			     struct iommu_domain *domain)
{
	*host = (struct host_walker){
		.walker.granule = 1UL << __ffs(domain->pgsize_bitmap),
		.walker.block = HOST_BLOCK,
		.walker.gather = host_gather,
		.walker.add = host_add,
		.domain = domain,
	};
}

/* iommufd_iommu_ops.read_dirty */
int iommufd_host_read_dirty(struct iommu_domain *domain, unsigned long start,
			    unsigned long last, struct iommufd_dirty_sink *sink)
{
	struct host_walker host;

	host_walker_init(&host, domain);
	host.sink = sink;
	return dirty_bisect_read(&host.walker, start, last);
}

/* iommufd_iommu_ops.clear_dirty */
int iommufd_host_clear_dirty(struct iommu_domain *domain,
			     const struct iommufd_dirty_clear *clear)
{
	struct host_walker host;

	host_walker_init(&host, domain);
	host.gather = clear->gather;
	return dirty_bisect_clear(&host.walker, clear->start, clear->last,
				  clear->from);
}

/**
 * iommufd_host_can_track_dirty() - can domains of a device track what is dirty?
 * @dev: device
 *
 * The generic page table of newer kernels can set everything up without
 * CONFIG_IOMMUFD_DRIVER, but refuses to be read. So read an empty domain.
 *
 * Return: false also if there is no memory to find it out.
 */
bool iommufd_host_can_track_dirty(struct device *dev)
{
	struct iommu_iotlb_gather gather;
	struct iommu_domain *domain;
	bool coherent = false;
	bool can;

	if (!compat_device_can_track_dirty(dev))
		return false;
	domain = compat_user_domain_alloc(dev, NULL,
					  IOMMU_HWPT_ALLOC_DIRTY_TRACKING, NULL,
					  &coherent);
	if (IS_ERR(domain))
		return false;
	can = !compat_read_dirty(domain, domain->geometry.aperture_start,
				 PAGE_SIZE, false, &gather);
	iommu_domain_free(domain);
	return can;
}
