// SPDX-License-Identifier: GPL-2.0
/*
 * May a module make a thread of the calling process? Since 6.4; a function for
 * SIGKILL is given since 6.10.
 * Exported: vhost_task_create
 * Exported: vhost_task_start
 * Exported: vhost_task_stop
 */
#include <linux/types.h>
#include <linux/sched/vhost_task.h>

struct vhost_task *probe(bool (*fn)(void *data), void (*killed)(void *data), void *data)
{
	return vhost_task_create(fn, killed, data, "probe");
}
