// SPDX-License-Identifier: GPL-2.0
/*
 * May a module make a thread of the calling process? Since 6.4; a function for
 * SIGKILL is given since 6.10.
 */
#include <linux/types.h>
#include <linux/sched/vhost_task.h>

struct vhost_task *probe(bool (*fn)(void *data), void (*killed)(void *data), void *data)
{
	struct vhost_task *task = vhost_task_create(fn, killed, data, "probe");

	vhost_task_start(task);
	vhost_task_stop(task);
	return task;
}
