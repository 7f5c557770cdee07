// SPDX-License-Identifier: GPL-2.0
/*
 * Pins. A page of a memory is pinned and charged once, to the process that
 * mapped it, as long as a domain or an access uses it.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Are all pages of the memory in the BAR? */
static bool is_device(struct arena *arena, const struct memory *memory)
{
	uint64_t first = memory->va / PAGE * PAGE;

	for (unsigned int i = 0; i < memory->npages; i++) {
		struct arena_page *page = arena_at(arena, first + i * PAGE);

		if (!page || !page->device)
			return false;
	}
	return memory->npages;
}

struct memory *model_memory_new(struct context *ctx, uint64_t va,
				uint64_t length, bool writable)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		abort();
	memory->va = va;
	memory->length = length;
	memory->writable = writable;
	memory->unlimited = ctx->account->unlimited;
	memory->npages = (va % PAGE + length + PAGE - 1) / PAGE;
	memory->nowhere = memory->npages > ARENA_PAGES ||
			  length > ARENA_BYTES ||
			  va < (uintptr_t)ctx->arena->start ||
			  va - (uintptr_t)ctx->arena->start >= ARENA_BYTES;
	memory->device = !memory->nowhere && is_device(ctx->arena, memory);
	return memory;
}

void model_memory_put(struct memory *memory)
{
	if (!--memory->areas)
		free(memory);
}

/* The pages behind the part of an area that lies in a range. */
struct piece model_piece(const struct area *area, struct range range)
{
	uint64_t start = range.start > area->start ? range.start : area->start;
	uint64_t last = range.last < area->last ? range.last : area->last;
	uint64_t base = area->memory->va % PAGE + area->offset;
	struct piece piece = { .memory = area->memory };

	if (area->memory->nowhere || area->memory->device)
		return piece;
	piece.first = (base + start - area->start) / PAGE;
	piece.npages = (base + last - area->start) / PAGE - piece.first + 1;
	return piece;
}

static struct arena_page *page_of(struct context *ctx,
				  const struct memory *memory, unsigned int i)
{
	return arena_at(ctx->arena, memory->va / PAGE * PAGE + i * PAGE);
}

static bool is_pinned(const struct memory *memory, unsigned int i)
{
	return memory->domains[i] || memory->accesses[i];
}

static bool can_pin(struct context *ctx, const struct memory *memory,
		    unsigned int i)
{
	struct arena_page *page = page_of(ctx, memory, i);

	return !memory->orphan && page &&
	       (memory->writable ? page->writable : page->readable);
}

/* Two pieces of one call may have the same page. */
static bool seen_before(const struct piece *pieces, unsigned int n,
			unsigned int page)
{
	for (unsigned int i = 0; i < n; i++)
		if (pieces[i].memory == pieces[n].memory &&
		    page - pieces[i].first < pieces[i].npages)
			return true;
	return false;
}

void model_predict_pin(struct context *ctx, const struct piece *pieces,
		       unsigned int n, struct errs *e)
{
	struct account *account = ctx->account;
	uint64_t charge = 0, used;

	for (unsigned int i = 0; i < n; i++) {
		const struct memory *memory = pieces[i].memory;

		if (memory->nowhere)
			errs_add(e, EFAULT);
		/* The kernel may check the limit first. */
		if (memory->nowhere && !memory->unlimited)
			errs_add(e, ENOMEM);
		for (unsigned int p = pieces[i].first;
		     p < pieces[i].first + pieces[i].npages; p++) {
			if (is_pinned(memory, p) || seen_before(pieces, i, p))
				continue;
			if (!can_pin(ctx, memory, p))
				errs_add(e, EFAULT);
			/* The charges of an exited process are not known. */
			if (memory->orphan && !memory->unlimited)
				errs_add(e, ENOMEM);
			else if (!memory->unlimited)
				charge++;
		}
	}
	used = ctx->mode ? account->locked : account->user;
	if (charge && used + charge > account->limit)
		errs_add(e, ENOMEM);
}

/*
 * The memory of a process that has exited is nowhere. The kernel may have seen
 * the end of the process before, or see it now.
 */
static void predict_orphan_bar(const struct memory *memory, struct errs *e)
{
	if (!memory->device || !memory->orphan || memory->known)
		return;
	e->or_success |= !e->n;
	errs_add(e, EFAULT);
}

void model_predict_bar(struct context *ctx, struct memory *memory,
		       struct errs *e)
{
	predict_orphan_bar(memory, e);
	if (memory->device && !memory->orphan && !memory->known &&
	    ctx->arena->bar_is_off)
		errs_add(e, EFAULT);
	memory->tried = true;
}

/* With CAP_IPC_LOCK a page counts as pinned and is not charged. */
static void charge(struct context *ctx, const struct memory *memory, int pages)
{
	if (!memory->orphan)
		ctx->account->pinned += pages;
	if (memory->unlimited || (memory->orphan && ctx->mode))
		return;
	if (ctx->mode)
		ctx->account->locked += pages;
	else
		ctx->account->user += pages;
}

void model_pin(struct context *ctx, const struct piece *piece, bool access)
{
	struct memory *memory = piece->memory;

	memory->known |= !access;
	for (unsigned int p = piece->first; p < piece->first + piece->npages;
	     p++) {
		if (!is_pinned(memory, p)) {
			struct arena_page *page = page_of(ctx, memory, p);

			/*
			 * A child had its own copies of all but shared pages.
			 */
			memory->gen[p] = memory->orphan && !page->shared ?
					 0 : page->gen;
			charge(ctx, memory, 1);
		}
		(access ? memory->accesses : memory->domains)[p]++;
	}
}

void model_unpin(struct context *ctx, const struct piece *piece, bool access)
{
	struct memory *memory = piece->memory;

	for (unsigned int p = piece->first; p < piece->first + piece->npages;
	     p++) {
		(access ? memory->accesses : memory->domains)[p]--;
		if (!is_pinned(memory, p))
			charge(ctx, memory, -1);
	}
}

static struct piece whole(const struct area *area)
{
	return model_piece(area, (struct range){ 0, U64_MAX });
}

void model_pin_areas(struct context *ctx, struct ioas *ioas)
{
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct piece piece = whole(&ioas->areas[i]);

		model_pin(ctx, &piece, false);
	}
}

void model_unpin_areas(struct context *ctx, struct ioas *ioas)
{
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct piece piece = whole(&ioas->areas[i]);

		model_unpin(ctx, &piece, false);
	}
}

void model_predict_pin_areas(struct context *ctx, struct ioas *ioas,
			     struct errs *e)
{
	struct piece pieces[MAX_AREAS];

	for (unsigned int i = 0; i < ioas->nareas; i++)
		pieces[i] = whole(&ioas->areas[i]);
	model_predict_pin(ctx, pieces, ioas->nareas, e);
	/* A BAR need not be there. */
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		predict_orphan_bar(ioas->areas[i].memory, e);
		ioas->areas[i].memory->tried = true;
	}
}

bool model_is_current(struct context *ctx, const struct memory *memory,
		      unsigned int page)
{
	struct arena_page *there = page_of(ctx, memory, page);

	return there && there->gen && there->gen == memory->gen[page];
}
