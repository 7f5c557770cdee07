// SPDX-License-Identifier: GPL-2.0
/*
 * Find the dirty IO pages in a page table that only answers where the first and
 * the last dirty IO page of a range are. No locks, no allocation; this file
 * also builds in user space.
 *
 * The start and the size of an IO page are aligned to its size. So a block, a
 * power of two of bytes that is aligned in the same way, either consists of
 * whole IO pages, or is a part of one. A question about one block is always
 * answered right, wherever the IO pages begin.
 */
#include <linux/kernel.h>

#include "dirty_bisect.h"

/* Bytes of the largest block that begins at @start and ends at or before @last */
static unsigned long block_at(const struct dirty_walker *walker,
			      unsigned long start, unsigned long last)
{
	unsigned long size = walker->block;

	/* The size less one, as the range may have all 64 bits. */
	while ((start & (size - 1)) || size - 1 > last - start)
		size /= 2;
	return size;
}

static bool span_is_empty(const struct dirty_span *span)
{
	/* No IO page begins there. */
	return span->start == ~0UL;
}

/*
 * The span of a single dirty IO page, or of its part from span->start on: make
 * it the whole IO page. A part is longer than what is left of the IO page, as
 * the walker adds the size to where it began. That may wrap.
 */
static void span_of_page(struct dirty_span *span)
{
	unsigned long size = span->last - span->start + 1;

	span->start &= ~(size - 1);
	span->last = span->start + size - 1;
}

/* Look at the IO page at @iova. The span is empty if it is clean. */
static int page_at(struct dirty_walker *walker, unsigned long iova,
		   struct dirty_span *span)
{
	int rc = walker->gather(walker, iova, walker->granule, false, span);

	if (!rc && !span_is_empty(span))
		span_of_page(span);
	return rc;
}

/*
 * Find the first dirty IO page with an IOVA in [start, last]. The span is empty
 * if there is none.
 */
static int next_dirty(struct dirty_walker *walker, unsigned long start,
		      unsigned long last, struct dirty_span *span)
{
	int rc;

	/* Mostly the neighbour of a dirty IO page is dirty, too. */
	rc = page_at(walker, start, span);
	while (!rc && span_is_empty(span)) {
		unsigned long size = block_at(walker, start, last);

		rc = walker->gather(walker, start, size, false, span);
		if (rc)
			return rc;
		if (!span_is_empty(span))
			return page_at(walker, span->start, span);
		if (size - 1 == last - start)
			break;
		start += size;
	}
	return rc;
}

/**
 * dirty_bisect_read() - report the dirty IO pages of a range
 * @walker: page table
 * @start: first IOVA
 * @last: last IOVA; the whole range is mapped, and aligned to the granule
 *
 * Return: 0, or the errno of dirty_walker.gather().
 */
int dirty_bisect_read(struct dirty_walker *walker, unsigned long start,
		      unsigned long last)
{
	for (;;) {
		struct dirty_span span;
		int rc;

		rc = next_dirty(walker, start, last, &span);
		if (rc || span_is_empty(&span))
			return rc;
		walker->add(walker, span.start > start ? span.start : start,
			    span.last < last ? span.last : last);
		if (span.last >= last)
			return 0;
		start = span.last + 1;
	}
}

/*
 * Make the dirty IO pages of a block clean. The last one may lie behind the
 * block only if the block is a part of it; then it may have to stay dirty.
 */
static int clear_block(struct dirty_walker *walker, unsigned long iova,
		       unsigned long size, unsigned long start,
		       unsigned long last)
{
	struct dirty_span span;
	int rc;

	rc = walker->gather(walker, iova, size, false, &span);
	if (rc || span_is_empty(&span))
		return rc;
	/* At the end of the 64-bit space span.last may wrap. */
	if (span.last - iova > size - 1) {
		span_of_page(&span);
		if (span.start < start || span.last > last)
			return 0;
		iova = span.start;
		size = walker->granule;
	}
	return walker->gather(walker, iova, size, true, &span);
}

/**
 * dirty_bisect_clear() - make the IO pages of a range clean
 * @walker: page table
 * @start: first IOVA that such an IO page may have
 * @last: last IOVA that it may have
 * @from: no IO page that ends below this IOVA; the range from here on is mapped
 *        and aligned to the granule
 *
 * Return: 0, or the errno of dirty_walker.gather().
 */
int dirty_bisect_clear(struct dirty_walker *walker, unsigned long start,
		       unsigned long last, unsigned long from)
{
	for (;;) {
		unsigned long size = block_at(walker, from, last);
		int rc;

		rc = clear_block(walker, from, size, start, last);
		if (rc || size - 1 == last - from)
			return rc;
		from += size;
	}
}
