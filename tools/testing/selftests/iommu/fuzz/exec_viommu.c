// SPDX-License-Identifier: GPL-2.0
/* Virtual IOMMUs, virtual devices and hardware queues */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define DATA_MIN	8
#define REGION_BYTES	(2 * PAGE)

/* What the mock takes and answers */
struct viommu_data {
	uint32_t in, out;
	uint64_t offset, length;
};

/* Mostly all of it, or none */
static void make_data(const struct step *step, struct iommu_viommu_alloc *cmd,
		      struct viommu_data **data, struct errs *e)
{
	uint64_t pick = step->arg[3];

	cmd->data_len = pick % 3 ? sizeof(**data) : 0;
	if (pick % 16 == 3)
		cmd->data_len = step->arg[4] % 32;
	*data = arena_last_bytes(cmd->data_len);
	memset(*data, 0xee, cmd->data_len);
	if (cmd->data_len >= sizeof((*data)->in))
		(*data)->in = step->arg[4];
	cmd->data_uptr = (uintptr_t)*data;
	if (cmd->data_len &&
	    (cmd->data_len < DATA_MIN || cmd->data_len > sizeof(**data)))
		errs_add(e, EINVAL);
	if (pick % 16 == 5 && cmd->data_len) {
		cmd->data_uptr = (uintptr_t)arena_no_page();
		errs_add(e, EFAULT);
	}
}

static void check_region(struct world *w, struct viommu *viommu,
			 const struct viommu_data *data, uint32_t length)
{
	if (length >= DATA_MIN)
		DIFFER_UNLESS(w, data->in, data->out, "the echo");
	if (length < sizeof(*data))
		return;
	DIFFER_UNLESS(w, REGION_BYTES, data->length, "the region's length");
	if (!data->offset)
		differ(w, "the region's offset is 0");
	viommu->has_region = true;
	viommu->offset = data->offset;
	viommu->word = data->in;
}

void do_viommu_alloc(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd), .type = VIOMMU_TYPE,
	};
	struct call call = CALL(ctx, IOMMU_VIOMMU_ALLOC, cmd, 24);
	struct dev *dev = pick_dev(ctx, step->arg[0]);
	struct hwpt *hwpt = pick_parent(ctx, step->arg[1]);
	struct viommu_data *data;
	struct viommu *viommu;

	if (!free_viommu(ctx)) {
		skip(w);
		return;
	}
	cmd.dev_id = dev ? dev->idev : 0;
	cmd.hwpt_id = hwpt ? hwpt->id : 0;
	if (step->arg[2] % 2)
		cmd.dev_id = faulty_id(w, ctx, cmd.dev_id);
	else
		cmd.hwpt_id = faulty_id(w, ctx, cmd.hwpt_id);
	if (step->arg[2] % 32 == 2)
		cmd.type = step->arg[4] % 4;
	cmd.flags = faulty_bits(w, FAULT_FLAG, UINT32_MAX);
	cmd.__reserved = step->arg[2] >> 8;
	make_data(step, &cmd, &data, &call.errs);
	hwpt = model_find_hwpt(ctx, cmd.hwpt_id);
	if (cmd.flags || cmd.type != VIOMMU_TYPE)
		errs_add(&call.errs, EOPNOTSUPP);
	if (!model_find_idev(ctx, cmd.dev_id) || !hwpt || hwpt->parent)
		errs_add(&call.errs, ENOENT);
	else if (!(hwpt->flags & IOMMU_HWPT_ALLOC_NEST_PARENT))
		errs_add(&call.errs, EINVAL);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_viommu_id);
	viommu = model_new_viommu(ctx, cmd.out_viommu_id, hwpt);
	check_region(w, viommu, data, cmd.data_len);
}

/* Few numbers, so that some are taken */
static uint64_t make_virt_id(uint64_t pick)
{
	return pick % 16 ? pick % 4 : pick / 16 % 8;
}

void do_vdevice_alloc(struct world *w, struct context *ctx,
		      const struct step *step)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd), .virt_id = make_virt_id(step->arg[3]),
	};
	struct call call = CALL(ctx, IOMMU_VDEVICE_ALLOC, cmd, 24);
	struct viommu *viommu = pick_viommu(ctx, step->arg[0]);
	struct dev *dev = pick_dev(ctx, step->arg[1]);

	/* Ids without an object must not use up those that the model knows. */
	if (!free_vdevice(ctx) || ctx->ntombs > MAX_IDS / 2) {
		skip(w);
		return;
	}
	cmd.viommu_id = viommu ? viommu->id : 0;
	cmd.dev_id = dev ? dev->idev : 0;
	if (step->arg[2] % 2)
		cmd.dev_id = faulty_id(w, ctx, cmd.dev_id);
	else
		cmd.viommu_id = faulty_id(w, ctx, cmd.viommu_id);
	viommu = model_find_viommu(ctx, cmd.viommu_id);
	dev = model_find_idev(ctx, cmd.dev_id);
	if (!viommu || !dev)
		errs_add(&call.errs, ENOENT);
	if ((dev && model_vdevice_of(ctx, dev)) ||
	    (viommu && model_virtual(ctx, viommu, cmd.virt_id)))
		errs_add(&call.errs, EEXIST);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_vdevice_id);
	model_new_vdevice(ctx, cmd.out_vdevice_id, viommu, dev, cmd.virt_id);
}

/* Memory that is or is not there, and the rights on it */
static void predict_memory(struct ioas *ioas, struct range range,
			   struct errs *e)
{
	struct area *area;

	if (!model_cover(ioas, range, &area))
		errs_add(e, ENOENT);
	if (model_lacks(ioas, range, MAP_READ))
		errs_add(e, EPERM);
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		area = &ioas->areas[i];
		if (area->memory->device && area->start <= range.last &&
		    range.start <= area->last) {
			errs_add(e, EINVAL);
			errs_add(e, EFAULT);
		}
	}
}

/* The model does not know which pages are neighbours. */
static bool is_one_page(struct ioas *ioas, struct range range)
{
	uint64_t va = model_copy_va(ioas, range.start);

	return range.last - range.start < PAGE &&
	       va / PAGE == (va + (range.last - range.start)) / PAGE;
}

static void predict_hwq(struct context *ctx, struct viommu *viommu,
			const struct iommu_hw_queue_alloc *cmd, struct errs *e)
{
	struct range range = {
		cmd->nesting_parent_iova,
		cmd->nesting_parent_iova + cmd->length - 1,
	};

	if (cmd->flags || cmd->type != VIOMMU_TYPE)
		errs_add(e, EOPNOTSUPP);
	if (!cmd->length)
		errs_add(e, EINVAL);
	else if (range.last < range.start)
		errs_add(e, EOVERFLOW);
	if (!viommu) {
		errs_add(e, ENOENT);
		return;
	}
	if (cmd->length && range.last >= range.start)
		predict_memory(viommu->parent->ioas, range, e);
	if (cmd->index > 1)
		errs_add(e, EINVAL);
	else if (model_hwq_at(ctx, viommu, cmd->index))
		errs_add(e, EEXIST);
	else if (cmd->index && !model_hwq_at(ctx, viommu, 0))
		errs_add(e, EIO);
	if (!is_one_page(viommu->parent->ioas, range)) {
		e->or_success |= !e->n;
		errs_add(e, EFAULT);
	}
}

void do_hwq_alloc(struct world *w, struct context *ctx,
		  const struct step *step)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd), .type = VIOMMU_TYPE,
		.index = step->arg[5] % 32 ? step->arg[5] / 32 % 2 :
					     step->arg[5] / 32 % 4,
	};
	struct call call = CALL(ctx, IOMMU_HW_QUEUE_ALLOC, cmd, 40);
	struct viommu *viommu = pick_viommu(ctx, step->arg[0]);
	struct range range;

	if (!free_hwq(ctx) || !viommu ||
	    !pick_range(w, viommu->parent->ioas, &range)) {
		skip(w);
		return;
	}
	if (range.last - range.start >= PAGE && step->arg[5] % 4)
		range.last = range.start + PAGE - 1;
	cmd.viommu_id = faulty_id(w, ctx, viommu->id);
	viommu = model_find_viommu(ctx, cmd.viommu_id);
	cmd.flags = faulty_bits(w, FAULT_FLAG, UINT32_MAX);
	if (step->arg[5] / 128 % 32 == 0)
		cmd.type = step->arg[5] / 4096 % 3;
	cmd.nesting_parent_iova = range.start;
	cmd.length = range.last - range.start + 1;
	if (step->arg[5] / 128 % 32 == 1)
		cmd.length = step->arg[5] / 4096 % 2 ? U64_MAX : 0;
	range.last = range.start + cmd.length - 1;
	predict_hwq(ctx, viommu, &cmd, &call.errs);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_hw_queue_id);
	model_new_hwq(ctx, cmd.out_hw_queue_id, viommu, cmd.index, range);
}

/* Another argument of mmap() than the right one, and its errno */
static int spoil_mmap(uint64_t pick, size_t *length, int *prot, int *flags,
		      uint64_t *offset)
{
	switch (pick % 12) {
	case 0:
		*prot |= PROT_EXEC;
		return EPERM;
	case 1:
		*flags = MAP_PRIVATE;
		return EINVAL;
	case 2:
		*length = PAGE * (pick / 12 % 2 ? 1 : 3);
		return ENXIO;
	case 3:
		*offset = pick / 12 % 2 ? 0 : *offset + PAGE;
		return ENXIO;
	default:
		return 0;
	}
}

static void unmap_region(struct viommu *viommu)
{
	munmap(viommu->mapped, REGION_BYTES);
	viommu->mapped = NULL;
	viommu->nusers--;
}

void do_viommu_mmap(struct world *w, struct context *ctx,
		    const struct step *step)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED;
	struct viommu *viommu = pick_viommu(ctx, step->arg[0]);
	size_t length = REGION_BYTES;
	struct errs errs = { };
	uint64_t offset;
	void *at;
	int rc;

	if (!viommu || !viommu->has_region) {
		skip(w);
		return;
	}
	if (viommu->mapped) {
		unmap_region(viommu);
		return;
	}
	offset = viommu->offset;
	rc = spoil_mmap(step->arg[1], &length, &prot, &flags, &offset);
	if (rc)
		errs_add(&errs, rc);
	at = mmap(NULL, length, prot, flags, ctx->fd, offset);
	if (at == MAP_FAILED) {
		call_expect(w, &errs, errno);
		return;
	}
	viommu->mapped = at;
	viommu->nusers++;
	if (!call_expect(w, &errs, 0))
		return;
	DIFFER_UNLESS(w, viommu->word, *(volatile uint32_t *)at,
		      "the word in the region");
}

void close_regions(struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_VIOMMU; i++)
		if (ctx->viommu[i].mapped)
			unmap_region(&ctx->viommu[i]);
}

void do_check_cache(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct dev *dev = pick_dev(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_DEV_CHECK_CACHE,
		.id = faulty_id(w, ctx, dev ? dev->idev : 0),
		.check_dev_cache.id = step->arg[1] % 32 ? step->arg[2] % 4 :
							  step->arg[2],
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);

	dev = model_find_idev(ctx, cmd.id);
	if (!dev)
		errs_add(&call.errs, ENOENT);
	if (cmd.check_dev_cache.id >= CACHE_WORDS)
		errs_add(&call.errs, EINVAL);
	else if (dev)
		cmd.check_dev_cache.cache = dev->cache[cmd.check_dev_cache.id];
	if (step->arg[1] % 32 == 1) {
		cmd.check_dev_cache.cache ^= 1;
		errs_add(&call.errs, EINVAL);
	}
	call_issue(w, &call);
}
