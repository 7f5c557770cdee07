// SPDX-License-Identifier: GPL-2.0
/* Steps on accesses. */
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define MAX_BYTES	(16UL << 20)
#define BUFFER_BYTES	(64 * PAGE)

void do_access_create(struct world *w, struct context *ctx,
		      const struct step *step)
{
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_CREATE_ACCESS,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct access *access = free_access(ctx);

	if (!access) {
		skip(w);
		return;
	}
	cmd.id = faulty_id(w, ctx, ioas ? ioas->id : 0);
	ioas = model_find_ioas(ctx, cmd.id);
	cmd.create_access.flags = (step->arg[1] % 4 != 0) |
				  faulty_bits(w, FAULT_FLAG, ~1U);
	if (cmd.create_access.flags & ~1U)
		errs_add(&call.errs, EOPNOTSUPP);
	model_predict_access(ioas, cmd.create_access.flags & 1, &call.errs);
	if (!call_issue(w, &call))
		return;
	*access = (struct access){
		.used = true, .fd = cmd.create_access.out_access_fd,
		.can_pin = cmd.create_access.flags,
	};
	/* The command does not return its id. */
	access->id = ctx->ids_exact ? model_next_id(ctx, 0) : UINT32_MAX;
	model_take_id(ctx, access->id);
	model_access_attach(access, ioas);
}

void do_access_close(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct access *access = pick_access(ctx, step->arg[0]);

	if (!access) {
		skip(w);
		return;
	}
	close(access->fd);
	model_access_detach(ctx, access);
	model_drop_id(ctx, access->id);
	memset(access, 0, sizeof(*access));
}

/* The descriptor of the access, or one that does not belong to this context */
static int access_fd(struct world *w, struct context *ctx,
		     struct access *access, struct errs *e)
{
	struct access *foreign;

	if (!has_fault(w, FAULT_ID_UNKNOWN) && !has_fault(w, FAULT_ID_TYPE))
		return access->fd;
	errs_add(e, EBADFD);
	foreign = w->nctxs > 1 && !w->threaded ?
		  pick_access(w->ctx[0] == ctx ? w->ctx[1] : w->ctx[0],
			      w->step->arg[5]) : NULL;
	if (has_fault(w, FAULT_ID_TYPE) && foreign)
		return foreign->fd;
	return w->step->arg[5] % 2 ? ctx->fd : -1;
}

/* The errnos that pin and copy have in common */
static void predict_range(struct access *access, uint64_t iova, uint64_t length,
			  bool write, struct errs *e)
{
	struct range range = { iova, iova + length - 1 };
	struct area *area;
	unsigned int n;

	if (!length) {
		errs_add(e, EINVAL);
		return;
	}
	if (range.last < iova) {
		errs_add(e, EOVERFLOW);
		return;
	}
	n = model_cover(access->ioas, range, &area);
	if (!n)
		errs_add(e, ENOENT);
	for (unsigned int i = 0; i < access->ioas->nareas; i++) {
		area = &access->ioas->areas[i];
		if (area->memory->device && area->start <= range.last &&
		    range.start <= area->last)
			errs_add(e, EINVAL);
	}
	/*
	 * The ABI does not say which comes first: the hole or the missing
	 * right.
	 */
	if (model_lacks(access->ioas, range, write ? MAP_WRITE : MAP_READ))
		errs_add(e, EPERM);
}

static struct pin *free_pin(struct access *access)
{
	for (unsigned int i = 0; i < MAX_PINS; i++)
		if (!access->pins[i].used)
			return &access->pins[i];
	return NULL;
}

/* The pieces of memory of a range without a hole */
static unsigned int make_pieces(struct access *access, struct range range,
				struct piece *pieces)
{
	struct area *area;
	unsigned int n = model_cover(access->ioas, range, &area);

	for (unsigned int i = 0; i < n && i < MAX_PIECES; i++)
		pieces[i] = model_piece(&area[i], range);
	return n;
}

/* The same for a range with holes; at most MAX_PIECES */
static unsigned int overlapping_pieces(struct ioas *ioas, struct range range,
				       struct piece *pieces)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ioas->nareas && n < MAX_PIECES; i++)
		if (ioas->areas[i].start <= range.last &&
		    range.start <= ioas->areas[i].last)
			pieces[n++] = model_piece(&ioas->areas[i], range);
	return n;
}

/* Are these the pages that are at @va now? */
static bool pieces_are(struct context *ctx, const struct piece *pieces,
		       unsigned int n, uint64_t va)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int p = pieces[i].first;
		     p < pieces[i].first + pieces[i].npages; p++, va += PAGE) {
			const struct memory *memory = pieces[i].memory;
			bool pinned = memory->domains[p] || memory->accesses[p];

			if (memory->va / PAGE + p != va / PAGE ||
			    (pinned && !model_is_current(ctx, memory, p)))
				return false;
		}
	return true;
}

/* Does the mock find other pages at uptr, or none? */
static void predict_compare(struct world *w, struct context *ctx,
			    const struct piece *pieces, unsigned int n,
			    uint64_t va, struct errs *e)
{
	if (!va || e->n)
		return;
	if (pieces_are(ctx, pieces, n, va))
		return;
	errs_add(e, EBADE);
	errs_add(e, EFAULT);
}

/*
 * From the arguments of the step: range, flags, and the address to compare with
 */
static void make_pin(struct world *w, struct access *access,
		     struct range *range, struct iommu_test_cmd *cmd)
{
	const uint64_t *arg = w->step->arg;
	uint64_t va;

	if (arg[2] % 16 < 12)
		range->start &= ~(PAGE - 1);
	if (range->last - range->start >= ARENA_BYTES)
		range->last = range->start + ARENA_BYTES - 1;
	cmd->access_pages.flags = (arg[5] >> 8 & 1) |
				  faulty_bits(w, FAULT_FLAG, ~0x10001U);
	cmd->access_pages.iova = range->start;
	cmd->access_pages.length = range->last - range->start + 1;
	if (arg[5] >> 16 == 1 && arg[2] % 4 == 0)
		cmd->access_pages.length = MAX_BYTES + 1;
	va = model_copy_va(access->ioas, range->start);
	if (arg[5] >> 9 & 1)
		va = 0;
	if ((arg[5] >> 10 & 15) == 1)
		va ^= PAGE;
	cmd->access_pages.uptr = va & ~(PAGE - 1);
}

/* Fills in @pieces and returns their number. */
static unsigned int predict_access_pin(struct world *w, struct context *ctx,
				       struct access *access,
				       const struct iommu_test_cmd *cmd,
				       struct piece *pieces, struct errs *e)
{
	uint64_t iova = cmd->access_pages.iova;
	struct range range = { iova, iova + cmd->access_pages.length - 1 };
	unsigned int n;

	if (cmd->access_pages.flags & ~0x10001U || !access->can_pin)
		errs_add(e, EOPNOTSUPP);
	if (cmd->access_pages.length > MAX_BYTES)
		errs_add(e, ENOMEM);
	if (iova % PAGE)
		errs_add(e, EINVAL);
	predict_range(access, iova, cmd->access_pages.length,
		      cmd->access_pages.flags & 1, e);
	if (e->n) {
		/* The kernel may try to pin what comes before the hole. */
		n = overlapping_pieces(access->ioas, range, pieces);
		model_predict_pin(ctx, pieces, n, e);
		return n;
	}
	n = make_pieces(access, range, pieces);
	if (n > MAX_PIECES)
		return n;
	model_predict_pin(ctx, pieces, n, e);
	predict_compare(w, ctx, pieces, n, cmd->access_pages.uptr, e);
	return n;
}

static void note_pin(struct context *ctx, struct access *access, uint32_t id,
		     struct range range, const struct piece *pieces,
		     unsigned int n)
{
	struct pin *pin = free_pin(access);

	*pin = (struct pin){
		.used = true, .id = id, .iovas = range, .npieces = n,
	};
	memcpy(pin->pieces, pieces, n * sizeof(*pieces));
	for (unsigned int i = 0; i < n; i++)
		model_pin(ctx, &pieces[i], true);
}

void do_access_pin(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct access *access = pick_access(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_ACCESS_PAGES,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct piece pieces[MAX_PIECES];
	struct range range;
	unsigned int n;

	if (!access || !free_pin(access) ||
	    !pick_range(w, access->ioas, &range)) {
		skip(w);
		return;
	}
	make_pin(w, access, &range, &cmd);
	cmd.id = access_fd(w, ctx, access, &call.errs);
	n = predict_access_pin(w, ctx, access, &cmd, pieces, &call.errs);
	if (n > MAX_PIECES)
		skip(w);
	else if (call_issue(w, &call))
		note_pin(ctx, access, cmd.access_pages.out_access_pages_id,
			 range, pieces, n);
}

void do_access_unpin(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct access *access = pick_access(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct pin *pin = NULL;

	if (!access) {
		skip(w);
		return;
	}
	cmd.id = access_fd(w, ctx, access, &call.errs);
	for (unsigned int i = 0; i < MAX_PINS && !pin; i++)
		if (access->pins[(step->arg[1] + i) % MAX_PINS].used)
			pin = &access->pins[(step->arg[1] + i) % MAX_PINS];
	cmd.destroy_access_pages.access_pages_id = pin ? pin->id : 1000000;
	if (step->arg[2] % 8 == 0)
		cmd.destroy_access_pages.access_pages_id = 1000001;
	if (!pin || step->arg[2] % 8 == 0)
		errs_add(&call.errs, ENOENT);
	if (call_issue(w, &call))
		model_end_pin(ctx, pin);
}

/* EFAULT if a page of the range cannot be copied */
static void predict_memory(struct world *w, struct access *access,
			   struct range range, bool write, struct errs *e)
{
	for (uint64_t iova = range.start; ; ) {
		uint64_t va = model_copy_va(access->ioas, iova);
		struct arena_page *page = arena_at(w->arena, va);
		struct piece piece;
		struct area *area;

		if (!model_cover(access->ioas, (struct range){ iova, iova },
				 &area))
			return;
		piece = model_piece(area, (struct range){ iova, iova });
		if (piece.npages && (piece.memory->domains[piece.first] ||
				     piece.memory->accesses[piece.first]))
			goto next;
		if (!page || !page->readable || area->memory->orphan ||
		    (write && !page->writable)) {
			errs_add(e, EFAULT);
			return;
		}
		/* The kernel may ask for a writable page in this case, too. */
		if (area->memory->writable && !page->writable) {
			errs_add(e, EFAULT);
			e->or_success = true;
		}
next:
		if (range.last - iova < PAGE - va % PAGE)
			return;
		iova += PAGE - va % PAGE;
		if (area->last < iova - 1)
			iova = area->last + 1;
	}
}

/*
 * Does @buffer have the bytes of the mapped memory, where the model knows them?
 */
static bool compare(struct world *w, struct context *ctx, struct ioas *ioas,
		    struct range range, const uint8_t *buffer)
{
	for (uint64_t iova = range.start; ; iova++) {
		struct range one = { iova, iova };
		struct area *area;
		struct piece piece;
		uint64_t va;

		if (model_cover(ioas, one, &area) != 1)
			return true;
		piece = model_piece(area, one);
		va = model_copy_va(ioas, iova);
		if (piece.npages && arena_at(w->arena, va) &&
		    arena_at(w->arena, va)->readable &&
		    (!(piece.memory->domains[piece.first] ||
		       piece.memory->accesses[piece.first]) ||
		     model_is_current(ctx, piece.memory, piece.first)) &&
		    *(volatile uint8_t *)va != buffer[iova - range.start])
			return false;
		if (iova == range.last)
			return true;
	}
}

void do_access_rw(struct world *w, struct context *ctx, const struct step *step)
{
	static __thread uint8_t buffer[BUFFER_BYTES];
	struct access *access = pick_access(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_ACCESS_RW,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	bool write = step->arg[5] >> 8 & 1;
	struct range range;

	if (!access || !pick_range(w, access->ioas, &range)) {
		skip(w);
		return;
	}
	if (range.last - range.start >= 2 * PAGE)
		range.last = range.start + step->arg[5] % (2 * PAGE);
	cmd.id = access_fd(w, ctx, access, &call.errs);
	cmd.access_rw.flags = write | (step->arg[5] >> 9 & 1 ? 4 : 0) |
			      faulty_bits(w, FAULT_FLAG, ~0x10005U);
	cmd.access_rw.iova = range.start;
	cmd.access_rw.length = range.last - range.start + 1;
	cmd.access_rw.uptr = (uintptr_t)buffer;
	memset(buffer, step->arg[5] >> 12, range.last - range.start + 1);
	if (cmd.access_rw.flags & ~0x10005U)
		errs_add(&call.errs, EOPNOTSUPP);
	if ((step->arg[5] >> 10 & 63) == 1) {
		cmd.access_rw.uptr = (uintptr_t)arena_no_page();
		errs_add(&call.errs, EFAULT);
	}
	predict_range(access, range.start, cmd.access_rw.length, write,
		      &call.errs);
	predict_memory(w, access, range, write, &call.errs);
	if (call_issue(w, &call) &&
	    !compare(w, ctx, access->ioas, range, buffer))
		differ(w, "%s: the bytes differ from the memory",
		       write ? "write" : "read");
}

/*
 * The ABI does not say whether replace by the same IOAS keeps pins: end them.
 */
static void unpin_all(struct world *w, struct context *ctx,
		      struct access *access)
{
	for (unsigned int i = 0; i < MAX_PINS; i++) {
		struct errs none = { };
		int rc;

		if (!access->pins[i].used)
			continue;
		rc = _test_access_unpin(ctx->fd, access->fd,
					access->pins[i].id);
		if (call_expect(w, &none, rc))
			model_end_pin(ctx, &access->pins[i]);
	}
}

void do_access_replace(struct world *w, struct context *ctx,
		       const struct step *step)
{
	struct access *access = pick_access(ctx, step->arg[0]);
	struct ioas *ioas = pick_ioas(ctx, step->arg[1]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_ACCESS_REPLACE_IOAS,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);

	if (!access) {
		skip(w);
		return;
	}
	cmd.id = access->fd;
	cmd.access_replace_ioas.ioas_id = faulty_id(w, ctx, ioas ? ioas->id : 0);
	ioas = model_find_ioas(ctx, cmd.access_replace_ioas.ioas_id);
	if (ioas == access->ioas)
		unpin_all(w, ctx, access);
	model_predict_access(ioas, access->can_pin, &call.errs);
	if (!call_issue(w, &call))
		return;
	model_access_detach(ctx, access);
	model_access_attach(access, ioas);
}
