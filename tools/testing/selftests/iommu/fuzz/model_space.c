// SPDX-License-Identifier: GPL-2.0
/* Mappings of an IOAS, in ascending order, and the place of new ones. */
#include <string.h>

#include "ioctls.h"
#include "mock.h"
#include "model.h"

uint64_t model_alignment(const struct ioas *ioas)
{
	if (!ioas->huge || ioas->npinners || ioas->nhuge)
		return PAGE;
	return ioas->nhwpts ? MOCK_PAGE : 1;
}

static bool overlap(struct range a, struct range b)
{
	return a.start <= b.last && b.start <= a.last;
}

static struct range area_range(const struct area *area)
{
	return (struct range){ area->start, area->last };
}

bool model_hits_reserved(const struct ioas *ioas, struct range range)
{
	for (unsigned int i = 0; i < ioas->nreserved; i++)
		if (overlap(ioas->reserved[i], range))
			return true;
	return false;
}

bool model_hits_area(const struct ioas *ioas, struct range range)
{
	for (unsigned int i = 0; i < ioas->nareas; i++)
		if (overlap(area_range(&ioas->areas[i]), range))
			return true;
	return false;
}

bool model_hits_allowed(const struct ioas *ioas, struct range range)
{
	for (unsigned int i = 0; i < ioas->nallowed; i++)
		if (overlap(ioas->allowed[i], range))
			return true;
	return false;
}

static bool area_aligned(const struct area *area, uint64_t alignment)
{
	uint64_t va = area->memory->va + area->offset;

	return !((area->start | (area->last - area->start + 1) | va) &
		 (alignment - 1));
}

/* Mappings and allowed ranges avoid the holes, and mappings are aligned. */
bool model_suits(const struct ioas *ioas, const struct range *hole,
		 unsigned int nholes, uint64_t alignment)
{
	for (unsigned int i = 0; i < nholes; i++)
		if (model_hits_area(ioas, hole[i]) ||
		    model_hits_allowed(ioas, hole[i]))
			return false;
	for (unsigned int i = 0; i < ioas->nareas; i++)
		if (!area_aligned(&ioas->areas[i], alignment))
			return false;
	return true;
}

/* The reserved range with the lowest start that ends at @iova or later. */
static const struct range *next_reserved(const struct ioas *ioas, uint64_t iova)
{
	const struct range *next = NULL;

	for (unsigned int i = 0; i < ioas->nreserved; i++) {
		const struct range *r = &ioas->reserved[i];

		if (r->last >= iova && (!next || r->start < next->start))
			next = r;
	}
	return next;
}

/* The complement of what is reserved; returns how many ranges it has. */
unsigned int model_free_ranges(const struct ioas *ioas, struct range *ranges)
{
	const struct range *next;
	unsigned int n = 0;
	uint64_t iova = 0;

	while ((next = next_reserved(ioas, iova))) {
		if (next->start > iova)
			ranges[n++] = (struct range){ iova, next->start - 1 };
		iova = next->last + 1;
		if (!iova)
			return n;
	}
	ranges[n++] = (struct range){ iova, U64_MAX };
	return n;
}

/*
 * The lowest number from @iova on with this remainder; false if there is none.
 */
static bool next_fit(uint64_t *iova, uint64_t step, uint64_t offset)
{
	uint64_t up = (offset - *iova) & (step - 1);

	return !__builtin_add_overflow(*iova, up, iova);
}

/*
 * The end of a mapping or reservation that overlaps @range; false if none does.
 */
static bool in_the_way(const struct ioas *ioas, struct range range,
		       uint64_t *last)
{
	for (unsigned int i = 0; i < ioas->nreserved; i++)
		if (overlap(ioas->reserved[i], range)) {
			*last = ioas->reserved[i].last;
			return true;
		}
	for (unsigned int i = 0; i < ioas->nareas; i++)
		if (overlap(area_range(&ioas->areas[i]), range)) {
			*last = ioas->areas[i].last;
			return true;
		}
	return false;
}

static bool is_allowed(const struct ioas *ioas, struct range range)
{
	if (!ioas->nallowed)
		return true;
	for (unsigned int i = 0; i < ioas->nallowed; i++)
		if (ioas->allowed[i].start <= range.start &&
		    range.last <= ioas->allowed[i].last)
			return true;
	return false;
}

/* The lowest start of an allowed range above @iova; false if there is none. */
static bool next_allowed(const struct ioas *ioas, uint64_t iova, uint64_t *next)
{
	bool found = false;

	for (unsigned int i = 0; i < ioas->nallowed; i++) {
		uint64_t start = ioas->allowed[i].start;

		if (start > iova && (!found || start < *next)) {
			*next = start;
			found = true;
		}
	}
	return found;
}

/* The kernel chooses no place in the first or the last page. */
#define FIRST_PLACE	PAGE
#define LAST_PLACE	(U64_MAX - PAGE)
#define MAX_STEP	(2UL << 20)

/* For huge IO pages: the alignment that the length needs and the address has */
static uint64_t place_step(uint64_t va, uint64_t length)
{
	uint64_t step = 1;

	while (step < length)
		step <<= 1;
	if (va && (va & -va) < step)
		step = va & -va;
	if (step > MAX_STEP)
		step = MAX_STEP;
	return step > PAGE ? step : PAGE;
}

bool model_place(const struct ioas *ioas, uint64_t va, uint64_t length,
		 uint64_t *iova)
{
	uint64_t step = place_step(va, length), at = FIRST_PLACE, last;

	for (;;) {
		struct range range;

		if (!next_fit(&at, step, va & (PAGE - 1)))
			return false;
		range.start = at;
		if (__builtin_add_overflow(at, length - 1, &range.last) ||
		    range.last > LAST_PLACE)
			return false;
		if (in_the_way(ioas, range, &last)) {
			if (last == U64_MAX)
				return false;
			at = last + 1;
		} else if (is_allowed(ioas, range)) {
			*iova = at;
			return true;
		} else if (!next_allowed(ioas, at, &at)) {
			return false;
		}
	}
}

static void predict_place(const struct ioas *ioas, const struct map_call *call,
			  struct errs *e)
{
	struct range range = { call->iova, call->iova + call->length - 1 };
	uint64_t iova;

	if (!(call->flags & IOMMU_IOAS_MAP_FIXED_IOVA)) {
		if (call->length >= U64_MAX / 2)
			errs_add(e, EOVERFLOW);
		else if (!model_place(ioas, call->va, call->length, &iova))
			errs_add(e, ENOSPC);
		return;
	}
	if (model_hits_reserved(ioas, range))
		errs_add(e, EINVAL);
	if (model_hits_area(ioas, range))
		errs_add(e, EEXIST);
}

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | \
		   IOMMU_IOAS_MAP_READABLE)

static bool wraps(uint64_t start, uint64_t length)
{
	return length && start + length - 1 < start;
}

/* Errors of the call itself, whatever is mapped; true if there is one. */
static bool predict_call(const struct ioas *ioas, const struct map_call *call,
			 struct errs *e)
{
	unsigned int before = e->n;

	if (call->flags & ~MAP_FLAGS)
		errs_add(e, EOPNOTSUPP);
	if (!(call->flags & MAP_RW))
		errs_add(e, EINVAL);
	if ((call->iova == U64_MAX && !call->type1) || call->length == U64_MAX)
		errs_add(e, EOVERFLOW);
	if ((call->flags & IOMMU_IOAS_MAP_FIXED_IOVA) &&
	    wraps(call->iova, call->length))
		errs_add(e, EOVERFLOW);
	if (!call->length)
		errs_add(e, EINVAL);
	if (!ioas)
		errs_add(e, ENOENT);
	return e->n > before;
}

static void predict_alignment(const struct ioas *ioas,
			      const struct map_call *call, struct errs *e)
{
	uint64_t mask = model_alignment(ioas) - 1;
	uint64_t bits = call->length | (call->va & (PAGE - 1));

	if (call->flags & IOMMU_IOAS_MAP_FIXED_IOVA)
		bits |= call->iova;
	if (bits & mask)
		errs_add(e, EINVAL);
}

void model_predict_map(struct context *ctx, struct ioas *ioas,
		       const struct map_call *call, struct errs *e)
{
	struct memory *memory;
	struct piece piece = { };
	struct area area = { };

	if (call->va + call->length < call->va)
		errs_add(e, EOVERFLOW);
	if (predict_call(ioas, call, e)) {
		/* The kernel may find wrong alignment first. */
		if (ioas && call->length)
			predict_alignment(ioas, call, e);
		return;
	}
	predict_alignment(ioas, call, e);
	predict_place(ioas, call, e);
	if (!ioas->nhwpts)
		return;
	memory = model_memory_new(ctx, call->va, call->length,
				  call->flags & IOMMU_IOAS_MAP_WRITEABLE);
	memory->areas = 1;
	area.memory = memory;
	area.last = call->length - 1;
	piece = model_piece(&area, (struct range){ 0, U64_MAX });
	model_predict_pin(ctx, &piece, 1, e);
	model_predict_bar(ctx, memory, e);
	model_memory_put(memory);
}

static void insert(struct ioas *ioas, struct area area)
{
	unsigned int i = ioas->nareas++;

	for (; i && ioas->areas[i - 1].start > area.start; i--)
		ioas->areas[i] = ioas->areas[i - 1];
	ioas->areas[i] = area;
	area.memory->areas++;
}

static void insert_pinned(struct context *ctx, struct ioas *ioas,
			  struct area area)
{
	struct piece piece = model_piece(&area, area_range(&area));

	insert(ioas, area);
	if (ioas->nhwpts)
		model_pin(ctx, &piece, false);
}

/* @call->iova is the IOVA from the kernel. */
void model_map(struct context *ctx, struct ioas *ioas,
	       const struct map_call *call)
{
	struct area area = {
		.start = call->iova,
		.last = call->iova + call->length - 1,
		.flags = call->flags,
		.memory = model_memory_new(ctx, call->va, call->length,
					   call->flags & IOMMU_IOAS_MAP_WRITEABLE),
	};

	area.memory->orphan = call->by_child;
	area.memory->file = call->by_file;
	area.memory->unreadable = area.memory->device &&
				  !(call->flags & MAP_READ);
	insert_pinned(ctx, ioas, area);
}

unsigned int model_cover(struct ioas *ioas, struct range range,
			 struct area **first)
{
	unsigned int i = 0, n = 0;
	uint64_t next = range.start;

	while (i < ioas->nareas && ioas->areas[i].last < range.start)
		i++;
	*first = &ioas->areas[i];
	for (; i < ioas->nareas; i++) {
		struct area *area = &ioas->areas[i];

		if (area->start > next)
			return 0;
		n++;
		if (area->last >= range.last)
			return n;
		next = area->last + 1;
	}
	return 0;
}

/* The flags ask for a right that memory in the range does not give. */
bool model_denies(const struct ioas *ioas, struct range range, uint32_t flags)
{
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		const struct memory *memory = ioas->areas[i].memory;

		if (!overlap(area_range(&ioas->areas[i]), range))
			continue;
		if (((flags & MAP_WRITE) && !memory->writable) ||
		    ((flags & MAP_READ) && memory->unreadable))
			return true;
	}
	return false;
}

/* A mapping in the range lacks the right. */
bool model_lacks(const struct ioas *ioas, struct range range, uint32_t flag)
{
	for (unsigned int i = 0; i < ioas->nareas; i++)
		if (overlap(area_range(&ioas->areas[i]), range) &&
		    !(ioas->areas[i].flags & flag))
			return true;
	return false;
}

uint64_t model_copy_va(struct ioas *src, uint64_t iova)
{
	struct range range = { iova, iova };
	struct area *area;

	if (!model_cover(src, range, &area))
		return 0;
	return area->memory->va + area->offset + iova - area->start;
}

bool model_copy_is_known(const struct context *ctx, const struct ioas *src,
			 struct range range)
{
	for (unsigned int i = 0; i < src->nareas; i++) {
		const struct memory *memory = src->areas[i].memory;

		if (overlap(area_range(&src->areas[i]), range) &&
		    memory->device && memory->tried && !memory->known &&
		    ctx->arena->bar_is_off)
			return false;
	}
	return true;
}

/* The part of an area in @range, as if the range began at @to */
static struct area part_of(const struct area *area, struct range range,
			   uint64_t to)
{
	uint64_t start = range.start > area->start ? range.start : area->start;
	uint64_t last = range.last < area->last ? range.last : area->last;
	struct area part = *area;

	part.offset += start - area->start;
	part.start = to + start - range.start;
	part.last = to + last - range.start;
	return part;
}

void model_predict_copy(struct context *ctx, struct ioas *dst,
			struct ioas *src, const struct map_call *call,
			struct errs *e)
{
	struct range range = { call->va, call->va + call->length - 1 };
	struct map_call place = *call;
	struct piece pieces[MAX_AREAS];
	struct area *area;
	unsigned int n;

	if (call->va == U64_MAX || wraps(call->va, call->length))
		errs_add(e, EOVERFLOW);
	if (!src)
		errs_add(e, ENOENT);
	else if (call->length && !model_cover(src, range, &area))
		errs_add(e, ENOENT);
	if (src && call->length && model_denies(src, range, call->flags))
		errs_add(e, EPERM);
	if (predict_call(dst, call, e) || !src)
		return;
	n = model_cover(src, range, &area);
	if (!n) {
		errs_add(e, ENOENT);
		return;
	}
	place.va = model_copy_va(src, range.start);
	predict_alignment(dst, &place, e);
	for (unsigned int i = 0; i < n; i++) {
		/* The kernel chooses an aligned IOVA. */
		struct area part = part_of(&area[i], range,
					   call->flags & MAP_FIXED_IOVA ?
					   call->iova : place.va & (PAGE - 1));

		if (n > 1 && !area_aligned(&part, model_alignment(dst)))
			errs_add(e, EINVAL);
		pieces[i] = model_piece(&area[i], range);
	}
	predict_place(dst, &place, e);
	if (!dst->nhwpts)
		return;
	model_predict_pin(ctx, pieces, n, e);
	for (unsigned int i = 0; i < n; i++)
		model_predict_bar(ctx, pieces[i].memory, e);
}

void model_copy(struct context *ctx, struct ioas *dst, struct ioas *src,
		const struct map_call *call)
{
	struct range range = { call->va, call->va + call->length - 1 };
	struct area *area, parts[MAX_AREAS];
	unsigned int n = model_cover(src, range, &area);

	for (unsigned int i = 0; i < n; i++) {
		parts[i] = part_of(&area[i], range, call->iova);
		parts[i].flags = call->flags;
	}
	for (unsigned int i = 0; i < n; i++)
		insert_pinned(ctx, dst, parts[i]);
}

static void remove_area(struct context *ctx, struct ioas *ioas, unsigned int i)
{
	struct area area = ioas->areas[i];
	struct piece piece = model_piece(&area, area_range(&area));

	model_end_pins(ctx, ioas, area_range(&area));
	model_clean_area(ctx, ioas, area_range(&area));
	if (ioas->nhwpts)
		model_unpin(ctx, &piece, false);
	memmove(&ioas->areas[i], &ioas->areas[i + 1],
		(--ioas->nareas - i) * sizeof(area));
	model_memory_put(area.memory);
}

int model_unmap(struct context *ctx, struct ioas *ioas, struct range range,
		uint64_t *bytes)
{
	unsigned int i = 0, n = 0;

	*bytes = 0;
	while (i < ioas->nareas) {
		struct area *area = &ioas->areas[i];

		if (!overlap(area_range(area), range)) {
			i++;
			continue;
		}
		if (area->start < range.start || area->last > range.last)
			return ENOENT;
		*bytes += area->last - area->start + 1;
		remove_area(ctx, ioas, i);
		n++;
	}
	return n ? 0 : ENOENT;
}

void model_unmap_all(struct context *ctx, struct ioas *ioas, uint64_t *bytes)
{
	model_unmap(ctx, ioas, (struct range){ 0, U64_MAX }, bytes);
}

bool model_denies_cut(const struct ioas *ioas, uint64_t iova)
{
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		const struct area *area = &ioas->areas[i];

		if (area->start < iova && area->last >= iova)
			return iova % PAGE ||
			       (area->memory->device && ioas->nhwpts);
	}
	return false;
}

/* Split the area across @iova; false if that is not possible. */
bool model_cut(struct ioas *ioas, uint64_t iova)
{
	if (model_denies_cut(ioas, iova))
		return false;
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct area left = ioas->areas[i], right = left;

		if (left.start >= iova || left.last < iova)
			continue;
		right.offset += iova - left.start;
		right.start = iova;
		ioas->areas[i].last = iova - 1;
		insert(ioas, right);
		return true;
	}
	return true;
}
