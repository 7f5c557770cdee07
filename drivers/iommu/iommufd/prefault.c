// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: faulting memory ahead of pinning
 *
 * Memory that nobody has touched yet has to be allocated and zeroed before it
 * can be pinned, which takes much longer than pinning. So while one thread pins
 * a large range from its start on, workers touch it from its end on, piece by
 * piece, until they meet.
 *
 * A worker does what the pinning thread would do later, and does not wait for
 * user space, as the end of a killed process waits for the worker: it touches
 * writable anonymous memory that no userfaultfd watches, while nobody changes
 * the address space. Everything else, and every failure, it leaves to the
 * pinning thread, so that errors, signals and limits are dealt with in one place.
 *
 * Where memory has several nodes the policy of the task says from which one its
 * pages come, and a worker has another policy; there are no workers then.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>
#include <linux/workqueue.h>

#include "prefault.h"

/* Less than this for each thread is not worth a worker. */
#define MIN_SHARE (PREFAULT_MIN / 2)
#define MAX_WORKERS 8UL
/* What is claimed at once; a transparent huge page fits in. */
#define PIECE SZ_2M
/* Pages to look at before saying that memory is untouched */
#define SAMPLES 16

/**
 * struct prefault_worker - one worker
 * @work: item of a work queue
 * @prefault: what it works for
 */
struct prefault_worker {
	struct work_struct work;
	struct prefault *prefault;
};

/**
 * struct prefault - memory that is touched while it is being pinned
 * @mm: address space
 * @memcg: who pays for page tables
 * @start: first user address
 * @end: address behind the last one
 * @pieces: number of pieces that nobody has claimed, the lowest ones
 * @pinned: user address up to which pages are pinned
 * @stop: workers shall end
 * @nr: number of workers
 * @workers: workers
 */
struct prefault {
	struct mm_struct *mm;
	struct mem_cgroup *memcg;
	unsigned long start;
	unsigned long end;
	atomic_long_t pieces;
	unsigned long pinned;
	bool stop;
	unsigned int nr;
	struct prefault_worker workers[];
};

static bool is_there(unsigned long uva)
{
	struct page *page;

	if (get_user_pages_fast_only(uva, 1, FOLL_WRITE, &page) != 1)
		return false;
	put_page(page);
	return true;
}

static bool may_touch(struct vm_area_struct *vma, unsigned long uva)
{
	return vma && vma->vm_start <= uva && vma_is_anonymous(vma) &&
	       (vma->vm_flags & VM_WRITE) &&
	       !userfaultfd_armed(vma);
}

/* Touch what of a piece is not there. Return: false to leave it alone. */
static bool touch(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long uva;

	for (uva = start; uva < end; uva += PAGE_SIZE) {
		vma = find_vma(mm, uva);
		/* Without permission to retry no fault waits or unlocks. */
		if (!may_touch(vma, uva) ||
		    handle_mm_fault(vma, uva, FAULT_FLAG_WRITE |
				    FAULT_FLAG_REMOTE, NULL) & VM_FAULT_ERROR)
			return false;
		/* That was a huge page. */
		if (uva == start && is_there(end - PAGE_SIZE))
			break;
	}
	return true;
}

/* Return: false when there is nothing left to do. */
static bool touch_piece(struct prefault *prefault)
{
	long piece = atomic_long_dec_return(&prefault->pieces);
	unsigned long start, end;
	bool go_on;

	if (piece < 0 || READ_ONCE(prefault->stop))
		return false;
	start = ALIGN_DOWN(prefault->start, PIECE) + piece * PIECE;
	end = min(start + PIECE, prefault->end);
	start = max(start, prefault->start);
	if (end <= READ_ONCE(prefault->pinned))
		return false;

	/* Whoever holds it may wait for a file system in user space. */
	if (!mmap_read_trylock(prefault->mm))
		return true;
	go_on = touch(prefault->mm, start, end);
	mmap_read_unlock(prefault->mm);
	return go_on;
}

static void touch_pieces(struct work_struct *work)
{
	struct prefault_worker *worker = container_of(work, struct prefault_worker,
						   work);
	struct prefault *prefault = worker->prefault;
	struct mem_cgroup *old;

	kthread_use_mm(prefault->mm);
	old = set_active_memcg(prefault->memcg);
	while (touch_piece(prefault))
		cond_resched();
	set_active_memcg(old);
	kthread_unuse_mm(prefault->mm);
}

/* Is most of the range not there yet? */
static bool is_untouched(unsigned long start, unsigned long length)
{
	unsigned long step = ALIGN_DOWN(length / SAMPLES, PAGE_SIZE);
	unsigned int i, there = 0;

	for (i = 0; i < SAMPLES; i++)
		there += is_there(start + i * step);
	return there < SAMPLES / 2;
}

static unsigned int count_workers(unsigned long length)
{
	if (num_node_state(N_MEMORY) > 1)
		return 0;
	return min3((unsigned long)num_online_cpus(), length / MIN_SHARE,
		    MAX_WORKERS + 1) - 1;
}

/**
 * prefault_begin() - have memory of the current process touched
 * @start: first user address, page aligned
 * @length: bytes, at least PREFAULT_MIN
 *
 * Return: handle for prefault_end(), or NULL if it is not worth it.
 */
struct prefault *prefault_begin(unsigned long start, unsigned long length)
{
	unsigned int nr = count_workers(length), i;
	struct prefault *prefault;

	if (!nr || !is_untouched(start, length))
		return NULL;
	prefault = kmalloc(struct_size(prefault, workers, nr), GFP_KERNEL_ACCOUNT);
	if (!prefault)
		return NULL;

	prefault->mm = current->mm;
	prefault->memcg = get_mem_cgroup_from_mm(current->mm);
	prefault->start = start;
	prefault->end = start + length;
	prefault->pinned = start;
	prefault->stop = false;
	prefault->nr = nr;
	atomic_long_set(&prefault->pieces,
			DIV_ROUND_UP(prefault->end - ALIGN_DOWN(start, PIECE),
				     PIECE));
	for (i = 0; i < nr; i++) {
		prefault->workers[i].prefault = prefault;
		INIT_WORK(&prefault->workers[i].work, touch_pieces);
		queue_work(system_unbound_wq, &prefault->workers[i].work);
	}
	return prefault;
}

/**
 * prefault_pinned() - say how far pinning has come
 * @prefault: handle
 * @uva: user address up to which it has
 */
void prefault_pinned(struct prefault *prefault, unsigned long uva)
{
	WRITE_ONCE(prefault->pinned, uva);
}

/**
 * prefault_end() - no more touching
 * @prefault: handle; void afterwards
 *
 * Context: process context; waits for workers to finish their pieces.
 */
void prefault_end(struct prefault *prefault)
{
	unsigned int i;

	WRITE_ONCE(prefault->stop, true);
	for (i = 0; i < prefault->nr; i++)
		cancel_work_sync(&prefault->workers[i].work);
	mem_cgroup_put(prefault->memcg);
	kfree(prefault);
}
