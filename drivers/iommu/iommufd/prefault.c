// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: faulting memory ahead of pinning
 *
 * Untouched memory has to be allocated and zeroed before it can be pinned,
 * which takes much longer than pinning. So while the calling thread pins a
 * large range from its start on, workers touch the range from its end on, piece
 * by piece, until they meet.
 *
 * A worker is a thread of the calling process, made by vhost_task_create(). It
 * inherits the cgroups, the CPU affinity, the memory policy and the priority of
 * the caller, its CPU time is charged like the caller's, and a fatal signal
 * ends it. There are never more threads than CPUs that the caller may use. With
 * more than one memory node the workers stay on the node of the caller, as the
 * local policy takes pages from the node of the CPU. Pages come from zones that
 * gup does not have to migrate from.
 *
 * No workers are started if the range could bring a memory cgroup to a limit:
 * two threads at a limit cause more OOM events and more throttling than one.
 *
 * A worker only touches pages that the pinning thread would touch later, and it
 * never waits for user space. So the range must be anonymous memory, shmem or
 * hugetlbfs, writable, without userfaultfd and without holes; any other range
 * gets no workers. A MAP that fails must not populate memory behind the place
 * where it fails. A worker that fails stops and reports nothing: the pinning
 * thread meets the same error, signal or limit and deals with it.
 *
 * A worker checks the stop flag before every page. A stop signal, a tracer or
 * the cgroup freezer can halt a worker at any time. So the caller polls, and
 * only ends workers that are ready to end. With a signal pending it does not
 * wait for halted workers: delayed work ends them. That work polls, too, and
 * does not wait for a halted worker, so the halted workers of one user do not
 * delay another user.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/vhost_task.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/userfaultfd_k.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "prefault.h"

/* Bytes for each thread; with less, a worker costs more than it saves. */
#define MIN_SHARE (PREFAULT_MIN / 2)
#define MAX_WORKERS 8UL
/* A worker claims at least this much, so that a transparent huge page fits. */
#define MIN_PIECE SZ_2M
/* Number of pages to test when deciding whether memory is untouched */
#define SAMPLES 16

/**
 * struct prefault_worker - a thread that touches memory
 * @task: the thread, as vhost_task_create() returned it
 * @prefault: operation that the worker belongs to
 * @self: the thread as a task_struct with a reference; NULL until it first runs
 * @killed: a fatal signal has ended the worker
 * @done: the worker has found nothing more to do
 * @idle: the worker sleeps, or is about to, and does nothing more
 */
struct prefault_worker {
	struct vhost_task *task;
	struct prefault *prefault;
	struct task_struct *self;
	bool killed;
	bool done;
	bool idle;
};

/**
 * struct prefault - memory that workers touch while a thread pins it
 * @reap: work that ends the workers if the caller cannot wait for them
 * @stopped: number of workers for which vhost_task_stop() has returned
 * @gone: number of workers that are not threads of the process any more
 * @start: first user address
 * @end: user address after the last byte
 * @piece: bytes that a worker claims at once, a power of two
 * @pieces: number of unclaimed pieces, which are the lowest ones
 * @pinned: user address up to which pages are pinned
 * @stop: the workers have to stop
 * @cpus: CPUs on which the workers may run
 * @nr: number of workers
 * @workers: the workers
 */
struct prefault {
	struct delayed_work reap;
	unsigned int stopped;
	unsigned int gone;
	unsigned long start;
	unsigned long end;
	unsigned long piece;
	atomic_long_t pieces;
	unsigned long pinned;
	bool stop;
	struct cpumask cpus;
	unsigned int nr;
	struct prefault_worker workers[];
};

static struct workqueue_struct *prefault_wq;
static atomic_t prefault_nr_reaping = ATOMIC_INIT(0);

static bool prefault_is_there(unsigned long uva)
{
	struct page *page;

	if (get_user_pages_fast_only(uva, 1, FOLL_WRITE, &page) != 1)
		return false;
	put_page(page);
	return true;
}

/* Is this shmem or hugetlbfs, and does the file reach up to @last? */
static bool prefault_is_memory_file(struct vm_area_struct *vma,
				    unsigned long last)
{
	unsigned long index;

	if (!vma->vm_file || (!is_vm_hugetlb_page(vma) &&
			      !shmem_mapping(vma->vm_file->f_mapping)))
		return false;
	index = vma->vm_pgoff + ((last - vma->vm_start) >> PAGE_SHIFT);
	return index < DIV_ROUND_UP(i_size_read(file_inode(vma->vm_file)),
				    PAGE_SIZE);
}

/* May a worker touch the part of [uva, last] that is in @vma? */
static bool prefault_may_touch(struct vm_area_struct *vma, unsigned long uva,
			       unsigned long last)
{
	if (!vma || vma->vm_start > uva || userfaultfd_armed(vma) ||
	    (vma->vm_flags & (VM_WRITE | VM_IO | VM_PFNMAP)) != VM_WRITE)
		return false;
	return vma_is_anonymous(vma) ||
	       prefault_is_memory_file(vma, min(last, vma->vm_end - 1));
}

static bool prefault_has_to_stop(struct prefault *prefault)
{
	return READ_ONCE(prefault->stop) || fatal_signal_pending(current);
}

/*
 * Fault in the range, at most one transparent huge page. The faults do not
 * allow a retry, so none of them waits for user space or drops the lock, and
 * @vma stays.
 * Return: false if the worker has to stop.
 */
static bool prefault_touch(struct prefault *prefault, unsigned long start,
			   unsigned long end)
{
	struct vm_area_struct *vma = NULL;
	unsigned long uva;

	for (uva = start; uva < end; uva += PAGE_SIZE) {
		if (prefault_has_to_stop(prefault))
			return false;
		if (!vma || uva >= vma->vm_end) {
			vma = find_vma(current->mm, uva);
			if (!prefault_may_touch(vma, uva, end - 1))
				return false;
		}
		if (handle_mm_fault(vma, uva, FAULT_FLAG_WRITE |
				    FAULT_FLAG_REMOTE, NULL) & VM_FAULT_ERROR)
			return false;
		/* The fault has mapped a huge page. */
		if (uva == start && prefault_is_there(end - PAGE_SIZE))
			break;
	}
	return true;
}

/* Claim a piece and touch it. Return: false if the worker has to stop. */
static bool prefault_touch_piece(struct prefault *prefault)
{
	long piece = atomic_long_dec_return(&prefault->pieces);
	unsigned long uva, next, end;
	bool go_on = true;

	if (piece < 0)
		return false;
	uva = ALIGN_DOWN(prefault->start, prefault->piece) +
	      piece * prefault->piece;
	end = min(uva + prefault->piece, prefault->end);
	uva = max(uva, prefault->start);
	for (; go_on && uva < end; uva = next) {
		next = min(ALIGN(uva + 1, MIN_PIECE), end);
		if (end <= READ_ONCE(prefault->pinned))
			return false;
		/* The holder of the lock may wait for a FUSE server. */
		if (!mmap_read_trylock(current->mm))
			continue;
		go_on = prefault_touch(prefault, uva, next);
		mmap_read_unlock(current->mm);
		cond_resched();
	}
	return go_on;
}

static void prefault_worker_first_run(struct prefault_worker *worker)
{
	if (num_node_state(N_MEMORY) > 1)
		set_cpus_allowed_ptr(current, &worker->prefault->cpus);
	/* Pairs with prefault_is_halted(). */
	smp_store_release(&worker->self, get_task_struct(current));
}

static void prefault_worker_touch(struct prefault_worker *worker)
{
	unsigned int pin = memalloc_pin_save();

	worker->done = !prefault_touch_piece(worker->prefault);
	memalloc_pin_restore(pin);
}

/*
 * vhost_task_create() has this called in a loop, with the task state set to
 * sleep.
 * Return: false to sleep until vhost_task_stop().
 */
static bool prefault_worker_run(void *data)
{
	struct prefault_worker *worker = data;

	if (worker->self &&
	    (worker->done || prefault_has_to_stop(worker->prefault))) {
		WRITE_ONCE(worker->idle, true);
		return false;
	}
	__set_current_state(TASK_RUNNING);
	if (worker->self)
		prefault_worker_touch(worker);
	else
		prefault_worker_first_run(worker);
	return true;
}

/* Called on a fatal signal. The pinning thread does not need the worker. */
static void prefault_worker_killed(void *data)
{
	struct prefault_worker *worker = data;

	WRITE_ONCE(worker->killed, true);
}

/* Are most pages of the range missing? */
static bool prefault_is_untouched(unsigned long start, unsigned long length)
{
	unsigned long step = ALIGN_DOWN(length / SAMPLES, PAGE_SIZE);
	unsigned int i, there = 0;

	for (i = 0; i < SAMPLES; i++)
		there += prefault_is_there(start + i * step);
	return there < SAMPLES / 2;
}

/* Return: bytes to claim at once, or 0 if workers must not touch the range. */
static unsigned long prefault_choose_piece(unsigned long start,
					   unsigned long end)
{
	unsigned long uva, piece = MIN_PIECE;
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(current->mm))
		return 0;
	for (uva = start; uva < end; uva = vma->vm_end) {
		vma = find_vma(current->mm, uva);
		if (!prefault_may_touch(vma, uva, end - 1)) {
			piece = 0;
			break;
		}
		piece = max(piece, vma_kernel_pagesize(vma));
	}
	mmap_read_unlock(current->mm);
	return piece;
}

#ifdef CONFIG_MEMCG
static bool prefault_has_room(struct mem_cgroup *memcg, unsigned long npages)
{
	unsigned long limit =
		min(READ_ONCE(memcg->memory.max), READ_ONCE(memcg->memory.high));

	return limit == PAGE_COUNTER_MAX ||
	       page_counter_read(&memcg->memory) + npages <= limit;
}

/* Can all of the range be charged without reaching a memory cgroup's limit? */
static bool prefault_is_within_limits(unsigned long length)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm), *at;
	/*
	 * Page tables are charged as well, and each CPU charges ahead a little.
	 */
	unsigned long npages = (length + length / 64) / PAGE_SIZE +
			       num_online_cpus() * 2 * MEMCG_CHARGE_BATCH;

	for (at = memcg; at && prefault_has_room(at, npages);)
		at = parent_mem_cgroup(at);
	mem_cgroup_put(memcg);
	return !at;
}
#else
static bool prefault_is_within_limits(unsigned long length)
{
	return true;
}
#endif

/* Choose the CPUs that the caller may use and that are on its memory node. */
static void prefault_choose_cpus(struct cpumask *cpus)
{
	cpumask_and(cpus, current->cpus_ptr, cpu_online_mask);
	if (num_node_state(N_MEMORY) > 1)
		cpumask_and(cpus, cpus, cpumask_of_node(numa_node_id()));
}

static struct prefault *prefault_alloc(unsigned long start,
				       unsigned long length)
{
	unsigned long max_nr = min(length / MIN_SHARE, MAX_WORKERS + 1) - 1;
	struct prefault *prefault;
	unsigned long threads;

	prefault = kzalloc(struct_size(prefault, workers, max_nr),
			   GFP_KERNEL_ACCOUNT);
	if (!prefault)
		return NULL;
	prefault_choose_cpus(&prefault->cpus);
	threads = cpumask_weight(&prefault->cpus);
	prefault->nr = min(max_nr + 1, max(threads, 1UL)) - 1;
	prefault->start = start;
	prefault->end = start + length;
	prefault->pinned = start;
	return prefault;
}

static void prefault_start_workers(struct prefault *prefault)
{
	unsigned int i, nr = prefault->nr;

	atomic_long_set(&prefault->pieces,
			DIV_ROUND_UP(prefault->end -
				     ALIGN_DOWN(prefault->start, prefault->piece),
				     prefault->piece));
	for (i = 0; i < nr; i++) {
		struct prefault_worker *worker = &prefault->workers[i];

		worker->prefault = prefault;
		worker->task = vhost_task_create(prefault_worker_run,
						 prefault_worker_killed, worker,
						 "iommu_prefault");
		if (IS_ERR(worker->task))
			break;
		vhost_task_start(worker->task);
	}
	prefault->nr = i;
}

/*
 * Is the worker unable to end? So is one that has not run yet, or that a stop
 * signal, a tracer or the cgroup freezer has halted or is about to halt.
 */
static bool prefault_is_halted(struct prefault_worker *worker)
{
	/* Pairs with prefault_worker_first_run(). */
	struct task_struct *task = smp_load_acquire(&worker->self);

	return !task || (READ_ONCE(task->jobctl) &
			 (JOBCTL_PENDING_MASK | JOBCTL_TRAP_FREEZE |
			  JOBCTL_STOPPED | JOBCTL_TRACED));
}

/*
 * vhost_task_stop() waits uninterruptibly, so it must not be called for a
 * worker that a user can keep halted.
 */
static bool prefault_may_be_stopped(struct prefault_worker *worker)
{
	return READ_ONCE(worker->killed) ||
	       (READ_ONCE(worker->idle) && !prefault_is_halted(worker));
}

/* End the workers that are ready to end. Return: false if some are left. */
static bool prefault_reap_some(struct prefault *prefault)
{
	struct prefault_worker *worker = prefault->workers;

	for (; prefault->stopped < prefault->nr; prefault->stopped++) {
		if (!prefault_may_be_stopped(&worker[prefault->stopped]))
			return false;
		vhost_task_stop(worker[prefault->stopped].task);
	}
	/*
	 * Right after the MAP, calls that need a single-threaded process work.
	 */
	for (; prefault->gone < prefault->nr; prefault->gone++) {
		struct task_struct *task = worker[prefault->gone].self;

		if (task && pid_alive(task))
			return false;
		if (task)
			put_task_struct(task);
	}
	return true;
}

/*
 * May the caller stop waiting? Only if the next worker is halted, so that a
 * user can make the wait endless, or if all are stopped. Every other worker
 * ends soon, and until then it may keep the address space of a killed process.
 */
static bool prefault_may_leave(struct prefault *prefault)
{
	return prefault->stopped == prefault->nr ||
	       prefault_is_halted(&prefault->workers[prefault->stopped]);
}

/*
 * Polls, because a user can halt a worker, and a workqueue thread must not
 * wait.
 */
static void prefault_reap(struct work_struct *work)
{
	struct prefault *prefault = container_of(to_delayed_work(work),
						 struct prefault, reap);

	if (!prefault_reap_some(prefault)) {
		queue_delayed_work(prefault_wq, &prefault->reap, HZ / 10);
		return;
	}
	kfree(prefault);
	if (atomic_dec_and_test(&prefault_nr_reaping))
		wake_up_var(&prefault_nr_reaping);
}

/**
 * prefault_begin() - start workers that touch memory of the current process
 * @start: first user address, page aligned
 * @length: bytes, at least PREFAULT_MIN
 *
 * Context: process context; takes the mmap lock.
 * Return: handle for prefault_end(); or NULL if no workers were started,
 * because they would save nothing or are not allowed for this range.
 */
struct prefault *prefault_begin(unsigned long start, unsigned long length)
{
	struct prefault *prefault;

	if ((current->flags & PF_KTHREAD) ||
	    !prefault_is_untouched(start, length) ||
	    !prefault_is_within_limits(length))
		return NULL;
	prefault = prefault_alloc(start, length);
	if (!prefault)
		return NULL;
	if (prefault->nr)
		prefault->piece = prefault_choose_piece(start, start + length);
	if (prefault->piece)
		prefault_start_workers(prefault);
	if (prefault->piece && prefault->nr)
		return prefault;
	kfree(prefault);
	return NULL;
}

/**
 * prefault_pinned() - tell the workers how far pinning has come
 * @prefault: handle
 * @uva: user address up to which pages are pinned
 */
void prefault_pinned(struct prefault *prefault, unsigned long uva)
{
	WRITE_ONCE(prefault->pinned, uva);
}

/**
 * prefault_end() - stop the workers
 * @prefault: handle; invalid afterwards
 *
 * Context: process context. Waits until the workers have ended; each of them
 * finishes its current page. With a signal pending it does not wait for a
 * halted worker.
 */
void prefault_end(struct prefault *prefault)
{
	unsigned int us = 20;

	WRITE_ONCE(prefault->stop, true);
	while (!prefault_reap_some(prefault)) {
		if (signal_pending(current) && prefault_may_leave(prefault)) {
			atomic_inc(&prefault_nr_reaping);
			INIT_DELAYED_WORK(&prefault->reap, prefault_reap);
			queue_delayed_work(prefault_wq, &prefault->reap, 0);
			return;
		}
		/* A worker wakes nothing when it becomes ready to end. */
		usleep_range(us, 2 * us);
		us = min(2 * us, 2000U);
	}
	kfree(prefault);
}

int prefault_init(void)
{
	prefault_wq = alloc_workqueue("iommufd_prefault", WQ_UNBOUND, 0);
	return prefault_wq ? 0 : -ENOMEM;
}

/* Waits for halted workers that prefault_end() has left behind. */
void prefault_exit(void)
{
	wait_var_event(&prefault_nr_reaping,
		       !atomic_read(&prefault_nr_reaping));
	destroy_workqueue(prefault_wq);
}
