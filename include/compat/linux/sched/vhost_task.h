/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/sched/vhost_task.h> as drivers/ knows it, on kernels that lack it */
#ifndef _COMPAT_LINUX_SCHED_VHOST_TASK_H
#define _COMPAT_LINUX_SCHED_VHOST_TASK_H

#include <linux/err.h>
#include <linux/sched.h>
#include <generated/features.h>

#ifdef HAVE_VHOST_TASK_CREATE
#include <linux/types.h>
#include_next <linux/sched/vhost_task.h>

/* Until 6.14, and on stable kernels based on older ones, a failure is NULL. */
static inline struct vhost_task *compat_vhost_task_create(bool (*fn)(void *data),
							  void (*handle_kill)(void *data),
							  void *data, const char *name)
{
	return vhost_task_create(fn, handle_kill, data, name) ?: ERR_PTR(-ENOMEM);
}

#else
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

/*
 * A kthread that uses the address space of the caller takes the place of a thread
 * of the process. It is charged to no cgroup and has no memory policy, and no
 * exported function can change that. So the caller gets one only if it is in the
 * root of every cgroup hierarchy, as kthreads are, has no memory policy and is in
 * the normal scheduling class.
 */
struct compat_vhost_task {
	struct task_struct *task;
	struct mm_struct *mm;
	bool (*fn)(void *data);
	void *data;
};

static inline bool compat_is_like_kthread(struct task_struct *task)
{
#ifdef CONFIG_CGROUPS
	if (rcu_access_pointer(task->cgroups) != rcu_access_pointer(init_task.cgroups))
		return false;
#endif
#ifdef CONFIG_NUMA
	if (task->mempolicy)
		return false;
#endif
	return task->policy == SCHED_NORMAL;
}

static inline int compat_vhost_task_fn(void *data)
{
	struct compat_vhost_task *vtsk = data;

	kthread_use_mm(vtsk->mm);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!vtsk->fn(vtsk->data))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	kthread_unuse_mm(vtsk->mm);
	return 0;
}

/* No signal reaches the kthread, so @handle_kill is never called. */
static inline struct compat_vhost_task *
compat_vhost_task_create(bool (*fn)(void *data), void (*handle_kill)(void *data), void *data,
			 const char *name)
{
	struct compat_vhost_task *vtsk;
	struct task_struct *task;

	if (!compat_is_like_kthread(current))
		return ERR_PTR(-EOPNOTSUPP);
	vtsk = kmalloc(sizeof(*vtsk), GFP_KERNEL);
	if (!vtsk)
		return ERR_PTR(-ENOMEM);

	task = kthread_create(compat_vhost_task_fn, vtsk, "%s", name);
	if (IS_ERR(task)) {
		kfree(vtsk);
		return ERR_CAST(task);
	}
	set_cpus_allowed_ptr(task, current->cpus_ptr);
	set_user_nice(task, task_nice(current));
	mmget(current->mm);
	*vtsk = (struct compat_vhost_task){ task, current->mm, fn, data };
	return vtsk;
}

static inline void compat_vhost_task_start(struct compat_vhost_task *vtsk)
{
	wake_up_process(vtsk->task);
}

static inline void compat_vhost_task_stop(struct compat_vhost_task *vtsk)
{
	kthread_stop(vtsk->task);
	mmput(vtsk->mm);
	kfree(vtsk);
}

#define vhost_task compat_vhost_task
#define vhost_task_start compat_vhost_task_start
#define vhost_task_stop compat_vhost_task_stop
#endif

#define vhost_task_create compat_vhost_task_create

#endif
