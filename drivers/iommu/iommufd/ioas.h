/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOAS_H
#define _IOMMUFD_IOAS_H

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "iova_space.h"
#include "object.h"
#include "stats.h"

/**
 * struct iommufd_ioas - an IO address space
 * @obj: object
 * @ictx: context
 * @space: its mappings
 * @auto_lock: held while attaching looks for an automatic HWPT or makes one, so
 *             that two devices do not make two where one suits both
 * @auto_list_lock: guards @auto_hwpts
 * @auto_hwpts: automatic HWPTs, which attaching to the IOAS made
 * @nr_incoherent: HWPTs that do not enforce coherency, from before they are
 *                 filled until after they are drained
 * @nr_hwpts: HWPTs that have the mappings
 * @nr_devices: devices that are attached to such a HWPT, or to a nested one on
 *              top of it
 * @nr_accesses: accesses that use it
 */
struct iommufd_ioas {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iova_space space;
	struct mutex auto_lock;
	spinlock_t auto_list_lock;
	struct list_head auto_hwpts;
	atomic_t nr_incoherent;
	atomic_t nr_hwpts;
	atomic_t nr_devices;
	atomic_t nr_accesses;
};

struct iommufd_ioas *iommufd_get_ioas(struct iommufd_ctx *ictx, u32 id);
static inline void iommufd_put_ioas(struct iommufd_ioas *ioas)
{
	iommufd_object_put(ioas->ictx, &ioas->obj);
}

/**
 * iommufd_check_range() - check a range of IOVA
 * @iova: first IOVA
 * @length: bytes
 * @last: set to the last IOVA
 *
 * Return: 0, -EINVAL for length 0, -EOVERFLOW if the range wraps.
 */
static inline int iommufd_check_range(u64 iova, u64 length, u64 *last)
{
	if (!length)
		return -EINVAL;
	return check_add_overflow(iova, length - 1, last) ? -EOVERFLOW : 0;
}

struct iommufd_ioas *iommufd_ioas_create(struct iommufd_ctx *ictx);
void iommufd_ioas_abort(struct iommufd_ioas *ioas);
int iommufd_check_map(u64 uva, u64 length);
int iommufd_ioas_map_memory(struct iommufd_ioas *ioas, unsigned long uva,
			    unsigned long length, int prot, unsigned int how,
			    unsigned long *iova, struct iova_area **new);

/* As iova_space_commit(); a call that is watched learns of the areas. */
static __always_inline void iommufd_ioas_map_commit(struct iommufd_ioas *ioas,
						    struct iova_area *areas,
						    unsigned long iova,
						    struct iommufd_call *call)
{
	if (call && unlikely(call->start)) {
		call->iova = iova;
		call->runs = iova_areas_count_runs(areas);
	}
	iova_space_commit(&ioas->space, areas);
}

void iommufd_ioas_map_end(struct iommufd_ioas *ioas, struct iommufd_call *call,
			  u64 iova, u64 length, int rc);
void iommufd_ioas_unmap_begin(struct iommufd_ioas *ioas,
			      struct iommufd_call *call, u64 length);
void iommufd_ioas_unmap_end(struct iommufd_ioas *ioas,
			    struct iommufd_call *call, u64 iova, u64 length,
			    unsigned long unmapped, int rc);

#endif
