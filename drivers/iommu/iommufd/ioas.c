// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of an IO address space (IOAS): they check their arguments and call
 * the IOVA space.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/magic.h>

#include "account.h"
#include "bar.h"
#include "context.h"
#include "ioas.h"
#include "ioctl.h"
#include "stats.h"
#include "trace.h"

#define MAP_FLAGS                                               \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | \
	 IOMMU_IOAS_MAP_READABLE)

/* Return: the IOAS for iommufd_put_ioas(), or ERR_PTR(-ENOENT). */
struct iommufd_ioas *iommufd_get_ioas(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_IOAS);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_ioas, obj);
}

/* The type1 emulation must not find an IOAS that is being destroyed. */
static void ioas_forget_choice(struct iommufd_ioas *ioas)
{
	struct iommufd_ctx *ictx = ioas->ictx;

	xa_lock(&ictx->objects);
	if (ictx->vfio_ioas == ioas)
		ictx->vfio_ioas = NULL;
	xa_unlock(&ictx->objects);
}

/* The IOAS has no HWPTs any more. */
static void ioas_fini(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);

	ioas_forget_choice(ioas);
	iova_space_destroy(&ioas->space);
	mutex_destroy(&ioas->auto_lock);
}

static const struct iommufd_object_ops ioas_ops = {
	.fini = ioas_fini,
};

/* Return: an empty, unpublished IOAS, or ERR_PTR(-ENOMEM). */
struct iommufd_ioas *iommufd_ioas_create(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	ioas = iommufd_object_alloc(ictx, ioas, IOMMUFD_OBJ_IOAS, &ioas_ops);
	if (IS_ERR(ioas))
		return ioas;
	ioas->ictx = ictx;
	iova_space_init(&ioas->space, &ictx->stats);
	mutex_init(&ioas->auto_lock);
	spin_lock_init(&ioas->auto_list_lock);
	INIT_LIST_HEAD(&ioas->auto_hwpts);
	return ioas;
}

/* Free an IOAS that was never published. */
void iommufd_ioas_abort(struct iommufd_ioas *ioas)
{
	struct iommufd_ctx *ictx = ioas->ictx;

	ioas_fini(&ioas->obj);
	iommufd_object_abort(ictx, &ioas->obj);
}

/* IOMMU_IOAS_ALLOC */
int iommufd_ioas_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_alloc *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;

	ioas = iommufd_ioas_create(ucmd->ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	cmd->out_ioas_id = ioas->obj.id;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc) {
		iommufd_ioas_abort(ioas);
		return rc;
	}
	iommufd_object_publish(ucmd->ictx, &ioas->obj);
	return 0;
}

/* IOMMU_IOAS_IOVA_RANGES */
int iommufd_ioas_iova_ranges_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_iova_ranges *cmd = ucmd->cmd;
	u32 room = cmd->num_iovas;
	struct iova_free_ranges free;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iova_space_free_ranges(&ioas->space, &free);
	iommufd_put_ioas(ioas);
	if (rc)
		return rc;

	cmd->num_iovas = free.nr;
	cmd->out_iova_alignment = free.alignment;
	if (copy_to_user(u64_to_user_ptr(cmd->allowed_iovas), free.ranges,
			 min(room, free.nr) * sizeof(*free.ranges)))
		rc = -EFAULT;
	kvfree(free.ranges);
	if (rc)
		return rc;

	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (!rc && cmd->num_iovas > room)
		rc = -EMSGSIZE;
	return rc;
}

static int ioas_read_allowed(struct rb_root_cached *allowed,
			     struct iommu_iova_range __user *ranges, u32 num)
{
	struct iommu_iova_range range;
	u32 i;
	int rc;

	for (i = 0; i < num; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_from_user(&range, &ranges[i], sizeof(range)))
			return -EFAULT;
		rc = iova_allowed_add(allowed, range.start, range.last);
		if (rc)
			return rc;
		cond_resched();
	}
	return 0;
}

/* IOMMU_IOAS_ALLOW_IOVAS */
int iommufd_ioas_allow_iovas_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_allow_iovas *cmd = ucmd->cmd;
	struct rb_root_cached allowed = RB_ROOT_CACHED;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	rc = ioas_read_allowed(&allowed, u64_to_user_ptr(cmd->allowed_iovas),
			       cmd->num_iovas);
	if (!rc)
		rc = iova_space_allow(&ioas->space, &allowed);
	iova_ranges_free(&allowed);
	iommufd_put_ioas(ioas);
	return rc;
}

/* IOMMU_READ and IOMMU_WRITE for the flags of a command, or errno. */
static int ioas_map_prot(u32 flags)
{
	int prot = 0;

	if (flags & IOMMU_IOAS_MAP_READABLE)
		prot |= IOMMU_READ;
	if (flags & IOMMU_IOAS_MAP_WRITEABLE)
		prot |= IOMMU_WRITE;
	return prot ? prot : -EINVAL;
}

/**
 * iommufd_check_map() - check a range of user addresses
 * @uva: user address
 * @length: bytes
 *
 * Return: 0, -EINVAL for length 0, -EOVERFLOW if the end of the range wraps.
 */
int iommufd_check_map(u64 uva, u64 length)
{
	u64 end;

	if (!length)
		return -EINVAL;
	return check_add_overflow(uva, length, &end) ? -EOVERFLOW : 0;
}

/*
 * The payer for the current process. The context keeps it in @cache for the
 * next MAP.
 */
static struct iommufd_payer *get_payer(struct iommufd_ctx *ictx,
				       struct iommufd_payer **cache,
				       bool can_change)
{
	struct iommufd_payer *payer, *old;

	spin_lock(&ictx->payer_lock);
	payer = *cache;
	/* A payer whose count is at its limit is replaced by a new one. */
	if (payer && iommufd_payer_is_current(payer) &&
	    iommufd_may_count(refcount_read(&payer->refs)))
		refcount_inc(&payer->refs);
	else
		payer = NULL;
	spin_unlock(&ictx->payer_lock);
	if (payer)
		return payer;

	payer = iommufd_payer_create(&ictx->stats, can_change);
	if (IS_ERR(payer))
		return payer;
	refcount_inc(&payer->refs);
	spin_lock(&ictx->payer_lock);
	old = *cache;
	*cache = payer;
	spin_unlock(&ictx->payer_lock);
	if (old)
		iommufd_payer_put(old);
	return payer;
}

/* The counter to charge for what the current process maps now */
static enum iommufd_account_mode
get_account_mode(struct iommufd_ctx *ictx, const struct iommufd_payer *payer)
{
	return iommufd_payer_is_unlimited(payer) ? IOMMUFD_ACCOUNT_NONE :
						   ictx->account_mode;
}

/*
 * Prepare to map memory of the current process, which is not looked at yet.
 * Return: an area without an IOVA, or ERR_PTR(-ENOMEM).
 */
static struct iova_area *create_user_area(struct iommufd_ctx *ictx,
					  unsigned long uva,
					  unsigned long length, int prot)
{
	struct iommufd_payer *payer;
	struct iova_area *area;

	payer = get_payer(ictx, &ictx->payer, false);
	if (IS_ERR(payer))
		return ERR_CAST(payer);
	area = iova_area_create(payer, get_account_mode(ictx, payer), uva,
				length, prot);
	if (!area) {
		iommufd_payer_put(payer);
		return ERR_PTR(-ENOMEM);
	}
	return area;
}

/*
 * As create_user_area(), if the memory is a BAR that other devices may use.
 * Return: the area, ERR_PTR(-EFAULT) if the memory is anything else, or an errno
 * of iova_area_create_bar().
 */
static struct iova_area *create_bar_area(struct iommufd_ctx *ictx,
					 unsigned long uva,
					 unsigned long length, int prot)
{
	struct iommufd_bar_range range = {
		.mm = current->mm,
		.start = uva & PAGE_MASK,
		.npages = ((uva + length - 1) >> PAGE_SHIFT) -
			  (uva >> PAGE_SHIFT) + 1,
		.prot = prot,
	};
	struct iommufd_payer *payer;
	struct iova_area *area;

	if (!iommufd_bar_recognise(&range, ictx))
		return ERR_PTR(-EFAULT);
	/* Nothing is charged, so nothing is in the way of a change. */
	payer = get_payer(ictx, &ictx->file_payer, true);
	if (IS_ERR(payer)) {
		area = ERR_CAST(payer);
		goto out_put;
	}
	area = iova_area_create_bar(payer, &range, uva, length);
	if (IS_ERR(area))
		iommufd_payer_put(payer);
out_put:
	iommufd_bar_device_put(range.device);
	return area;
}

/* As iova_space_map(); frees the area on failure. */
static int map_area(struct iommufd_ioas *ioas, struct iova_area *area,
		    unsigned int how, unsigned long *iova)
{
	int rc;

	if (IS_ERR(area))
		return PTR_ERR(area);
	rc = iova_space_map(&ioas->space, area, how, iova);
	if (rc)
		iova_areas_free(area);
	return rc;
}

/**
 * iommufd_ioas_map_memory() - map memory of the current process
 * @ioas: IOAS
 * @uva: user address; iommufd_check_map() has checked the range
 * @length: bytes
 * @prot: IOMMU_READ and IOMMU_WRITE
 * @how: as for iova_space_map()
 * @iova: as for iova_space_map()
 * @new: receives the area
 *
 * The caller ends this with iova_space_commit(), or with iova_space_abort() and
 * iova_areas_free().
 *
 * Pages that can be pinned are the common case, and finding out takes time. So
 * the memory is a BAR if pinning it failed. If nothing is pinned yet, looking
 * at it is all that this does.
 *
 * Return: 0, -ENOMEM, or an errno of iova_space_map().
 */
int iommufd_ioas_map_memory(struct iommufd_ioas *ioas, unsigned long uva,
			    unsigned long length, int prot, unsigned int how,
			    unsigned long *iova, struct iova_area **new)
{
	struct iommufd_ctx *ictx = ioas->ictx;
	bool look = !iova_space_has_pgtables(&ioas->space);
	int rc = -EFAULT;

	if (!look) {
		*new = create_user_area(ictx, uva, length, prot);
		rc = map_area(ioas, *new, how, iova);
		/* The page tables may have gone before anything was pinned. */
		look = !rc && !iova_area_has_pgtables(*new);
		if (look) {
			iova_space_abort(&ioas->space, *new);
			iova_areas_free(*new);
		} else if (rc != -EFAULT) {
			return rc;
		}
	}
	*new = create_bar_area(ictx, uva, length, prot);
	if (look && *new == ERR_PTR(-EFAULT))
		*new = create_user_area(ictx, uva, length, prot);
	return map_area(ioas, *new, how, iova);
}

/* A MAP of a range ends. If it failed, @iova is what user space asked for. */
void iommufd_ioas_map_end(struct iommufd_ioas *ioas, struct iommufd_call *call,
			  u64 iova, u64 length, int rc)
{
	iommufd_call_end(call);
	if (unlikely(call->start))
		trace_map(ioas->ictx->stats.serial, ioas->obj.id,
			  rc ? iova : call->iova, length, call->runs, rc,
			  iommufd_call_ns(call));
}

/* An UNMAP of a range begins. */
void iommufd_ioas_unmap_begin(struct iommufd_ioas *ioas,
			      struct iommufd_call *call, u64 length)
{
	iommufd_call_begin(call, &ioas->ictx->stats, IOMMUFD_CALL_UNMAP,
			   min_t(u64, length, READ_ONCE(ioas->space.mapped)),
			   trace_unmap_enabled());
}

void iommufd_ioas_unmap_end(struct iommufd_ioas *ioas,
			    struct iommufd_call *call, u64 iova, u64 length,
			    unsigned long unmapped, int rc)
{
	iommufd_call_end(call);
	if (unlikely(call->start))
		trace_unmap(ioas->ictx->stats.serial, ioas->obj.id, iova,
			    length, unmapped, rc, iommufd_call_ns(call));
}

/*
 * Write the IOVA of new areas to @user_iova, a member of the command in user
 * space, and finish mapping them; or undo that and free them.
 */
static __always_inline int respond_and_commit(struct iommufd_ioas *ioas,
					      struct iova_area *areas,
					      unsigned long iova,
					      __u64 __user *user_iova,
					      struct iommufd_call *call)
{
	if (put_user(iova, user_iova)) {
		iova_space_abort(&ioas->space, areas);
		iova_areas_free(areas);
		return -EFAULT;
	}
	iommufd_ioas_map_commit(ioas, areas, iova, call);
	return 0;
}

static unsigned int map_how(u32 flags)
{
	return flags & IOMMU_IOAS_MAP_FIXED_IOVA ? IOVA_MAP_FIXED : 0;
}

/*
 * Map areas and write their IOVA to @user_iova. Takes over the areas, also on
 * failure.
 */
static int ioas_map_and_respond(struct iommufd_ioas *ioas,
				struct iova_area *areas, u32 flags,
				unsigned long iova, __u64 __user *user_iova,
				struct iommufd_call *call)
{
	int rc = map_area(ioas, areas, map_how(flags), &iova);

	return rc ?: respond_and_commit(ioas, areas, iova, user_iova, call);
}

/* As create_user_area(), for memory in a file or a dma-buf */
static struct iova_area *create_file_area(struct iommufd_ctx *ictx, int fd,
					  unsigned long start,
					  unsigned long length, int prot)
{
	struct iommufd_payer *payer;
	struct iova_area *area;
	struct file *file;
	bool is_dmabuf;

	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	/* Another process can take over the charges for files, not buffers. */
	is_dmabuf = file_inode(file)->i_sb->s_magic == DMA_BUF_MAGIC;
	payer = is_dmabuf ? get_payer(ictx, &ictx->payer, false) :
			    get_payer(ictx, &ictx->file_payer, true);
	if (IS_ERR(payer)) {
		area = ERR_CAST(payer);
		goto out_put_file;
	}
	if (is_dmabuf)
		area = iova_area_create_dmabuf(payer, fd, start, length, prot);
	else
		area = iova_area_create_file(payer,
					     get_account_mode(ictx, payer),
					     file, start, length, prot);
	if (IS_ERR(area))
		iommufd_payer_put(payer);
out_put_file:
	fput(file);
	return area;
}

static __always_inline int ioas_map_user(struct iommufd_ucmd *ucmd,
					 struct iommufd_ioas *ioas, int prot,
					 struct iommufd_call *call)
{
	struct iommu_ioas_map __user *user = ucmd->ubuffer;
	struct iommu_ioas_map *cmd = ucmd->cmd;
	unsigned long iova = cmd->iova;
	struct iova_area *area;
	u64 last;
	int rc;

	rc = iommufd_check_map(cmd->user_va, cmd->length);
	if (!rc && (cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA))
		rc = iommufd_check_range(cmd->iova, cmd->length, &last);
	if (rc)
		return rc;

	rc = iommufd_ioas_map_memory(ioas, cmd->user_va, cmd->length, prot,
				     map_how(cmd->flags), &iova, &area);
	return rc ?: respond_and_commit(ioas, area, iova, &user->iova, call);
}

static noinline int ioas_map_user_watched(struct iommufd_ucmd *ucmd,
					  struct iommufd_ioas *ioas, int prot)
{
	struct iommu_ioas_map *cmd = ucmd->cmd;
	struct iommufd_call call;
	int rc;

	iommufd_call_begin(&call, &ucmd->ictx->stats, IOMMUFD_CALL_MAP,
			   cmd->length, trace_map_enabled());
	rc = ioas_map_user(ucmd, ioas, prot, &call);
	iommufd_ioas_map_end(ioas, &call, cmd->iova, cmd->length, rc);
	return rc;
}

/* The rights that a command asks for which maps memory anew, or errno */
static int ioas_check_map_cmd(u32 flags, u64 iova, u64 length)
{
	if (flags & ~MAP_FLAGS)
		return -EOPNOTSUPP;
	if (iova >= ULONG_MAX || length >= ULONG_MAX)
		return -EOVERFLOW;
	return ioas_map_prot(flags);
}

/* IOMMU_IOAS_MAP */
int iommufd_ioas_map_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	int prot, rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	prot = ioas_check_map_cmd(cmd->flags, cmd->iova, cmd->length);
	if (prot < 0)
		return prot;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (iommufd_call_is_watched(cmd->length, trace_map_enabled()))
		rc = ioas_map_user_watched(ucmd, ioas, prot);
	else
		rc = ioas_map_user(ucmd, ioas, prot, NULL);
	if (unlikely(rc))
		iommufd_count(failures, 1);
	iommufd_put_ioas(ioas);
	return rc;
}

static int ioas_map_file(struct iommufd_ucmd *ucmd, struct iommufd_ioas *ioas,
			 int prot, struct iommufd_call *call)
{
	struct iommu_ioas_map_file __user *user = ucmd->ubuffer;
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	struct iova_area *area;
	u64 last;
	int rc;

	rc = iommufd_check_map(cmd->start, cmd->length);
	if (rc)
		return rc;
	area = create_file_area(ucmd->ictx, cmd->fd, cmd->start, cmd->length,
				prot);
	if (IS_ERR(area))
		return PTR_ERR(area);
	if (cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA)
		rc = iommufd_check_range(cmd->iova, cmd->length, &last);
	if (rc) {
		iova_areas_free(area);
		return rc;
	}
	return ioas_map_and_respond(ioas, area, cmd->flags, cmd->iova,
				    &user->iova, call);
}

/* IOMMU_IOAS_MAP_FILE */
int iommufd_ioas_map_file_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	struct iommufd_call call __uninitialized;
	struct iommufd_ioas *ioas;
	int prot, rc;

	prot = ioas_check_map_cmd(cmd->flags, cmd->iova, cmd->length);
	if (prot < 0)
		return prot;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	iommufd_call_begin(&call, &ucmd->ictx->stats, IOMMUFD_CALL_MAP,
			   cmd->length, trace_map_enabled());
	rc = ioas_map_file(ucmd, ioas, prot, &call);
	iommufd_ioas_map_end(ioas, &call, cmd->iova, cmd->length, rc);
	if (unlikely(rc))
		iommufd_count(failures, 1);
	iommufd_put_ioas(ioas);
	return rc;
}

/* Make areas for a COPY from the mappings of its source. */
static int ioas_share_areas(struct iommufd_ucmd *ucmd, int prot,
			    struct iova_area **areas)
{
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	u64 last;
	int rc;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->src_ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iommufd_check_range(cmd->src_iova, cmd->length, &last);
	if (!rc)
		rc = iova_space_share(&ioas->space, cmd->src_iova, last, prot,
				      areas);
	iommufd_put_ioas(ioas);
	return rc;
}

/* Takes over the areas, also on failure. */
static int ioas_map_copy(struct iommufd_ucmd *ucmd, struct iommufd_ioas *ioas,
			 struct iova_area *areas, struct iommufd_call *call)
{
	struct iommu_ioas_copy __user *user = ucmd->ubuffer;
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	u64 last;
	int rc;

	rc = iova_areas_check_rights(areas);
	if (!rc && (cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA))
		rc = iommufd_check_range(cmd->dst_iova, cmd->length, &last);
	if (rc) {
		iova_areas_free(areas);
		return rc;
	}
	return ioas_map_and_respond(ioas, areas, cmd->flags, cmd->dst_iova,
				    &user->dst_iova, call);
}

static int ioas_copy(struct iommufd_ucmd *ucmd, int prot,
		     struct iommufd_call *call)
{
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	struct iova_area *areas;
	int rc;

	rc = ioas_share_areas(ucmd, prot, &areas);
	if (rc)
		return rc;
	ioas = iommufd_get_ioas(ucmd->ictx, cmd->dst_ioas_id);
	if (IS_ERR(ioas)) {
		iova_areas_free(areas);
		return PTR_ERR(ioas);
	}
	rc = ioas_map_copy(ucmd, ioas, areas, call);
	iommufd_put_ioas(ioas);
	return rc;
}

/* IOMMU_IOAS_COPY */
int iommufd_ioas_copy_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommufd_stats *stats = &ucmd->ictx->stats;
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_call call __uninitialized;
	int prot, rc;

	if (cmd->flags & ~MAP_FLAGS)
		return -EOPNOTSUPP;
	if (cmd->length >= ULONG_MAX || cmd->src_iova >= ULONG_MAX ||
	    cmd->dst_iova >= ULONG_MAX)
		return -EOVERFLOW;
	prot = ioas_map_prot(cmd->flags);
	if (prot < 0)
		return prot;

	iommufd_call_begin(&call, stats, IOMMUFD_CALL_COPY, cmd->length,
			   trace_copy_enabled());
	rc = ioas_copy(ucmd, prot, &call);
	iommufd_call_end(&call);
	if (unlikely(rc))
		iommufd_count(failures, 1);
	if (unlikely(call.start))
		trace_copy(stats->serial, cmd->src_ioas_id, cmd->dst_ioas_id,
			   rc ? cmd->dst_iova : call.iova, cmd->src_iova,
			   cmd->length, rc, iommufd_call_ns(&call));
	return rc;
}

static int ioas_unmap_range(struct iommufd_ioas *ioas, u64 iova, u64 length,
			    unsigned long *unmapped)
{
	u64 last;
	int rc;

	if (iova >= ULONG_MAX || length >= ULONG_MAX)
		return -EOVERFLOW;
	rc = iommufd_check_range(iova, length, &last);
	if (rc)
		return rc;
	return iova_space_unmap(&ioas->space, iova, last, unmapped);
}

static __always_inline int ioas_unmap(struct iommufd_ioas *ioas,
				      const struct iommu_ioas_unmap *cmd,
				      unsigned long *unmapped)
{
	if (!cmd->iova && cmd->length == U64_MAX)
		return iova_space_unmap_all(&ioas->space, unmapped);
	return ioas_unmap_range(ioas, cmd->iova, cmd->length, unmapped);
}

static noinline int ioas_unmap_watched(struct iommufd_ioas *ioas,
				       const struct iommu_ioas_unmap *cmd,
				       unsigned long *unmapped)
{
	struct iommufd_call call;
	int rc;

	/* A range that is refused sets nothing. */
	*unmapped = 0;
	iommufd_ioas_unmap_begin(ioas, &call, cmd->length);
	rc = ioas_unmap(ioas, cmd, unmapped);
	iommufd_ioas_unmap_end(ioas, &call, cmd->iova, cmd->length, *unmapped,
			       rc);
	return rc;
}

/* IOMMU_IOAS_UNMAP */
int iommufd_ioas_unmap_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_unmap __user *user = ucmd->ubuffer;
	struct iommu_ioas_unmap *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	unsigned long unmapped;
	int rc;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (iommufd_call_is_watched(cmd->length, trace_unmap_enabled()))
		rc = ioas_unmap_watched(ioas, cmd, &unmapped);
	else
		rc = ioas_unmap(ioas, cmd, &unmapped);
	iommufd_put_ioas(ioas);
	if (rc)
		return rc;
	return put_user(unmapped, &user->length) ? -EFAULT : 0;
}
