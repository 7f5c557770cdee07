// SPDX-License-Identifier: GPL-2.0
/*
 * Serve some calls of functions of vfio.ko, which does not know the objects of
 * this module.
 *
 * It is done as livepatch does it. ftrace calls vfio_redirect_call() at the
 * entry of the function, with all arguments still in their registers. For a
 * call that is meant for this module, it moves the instruction pointer to
 * another function. Every other call goes on in the original, which is not
 * changed. ftrace allows one such user for a function: livepatch, or this.
 */
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/ftrace.h>

#include "redirect.h"

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
/* @ip is in the function that begins last before it. */
static const struct vfio_redirect *notrace
vfio_redirect_at(const struct vfio_redirects *redirects, unsigned long ip)
{
	const struct vfio_redirect *found = redirects->functions;

	for (unsigned int i = 1; i < redirects->num; i++) {
		const struct vfio_redirect *other = &redirects->functions[i];

		/* Smaller: nearer below @ip. Above @ip it wraps. */
		if (ip - (unsigned long)other->from <
		    ip - (unsigned long)found->from)
			found = other;
	}
	return found;
}

static void notrace vfio_redirect_call(unsigned long ip,
				       unsigned long parent_ip,
				       struct ftrace_ops *ops,
				       struct ftrace_regs *fregs)
{
	struct vfio_redirects *redirects =
		container_of(ops, struct vfio_redirects, ops);
	const struct vfio_redirect *redirect;

	if (!READ_ONCE(redirects->on))
		return;
	redirect = vfio_redirect_at(redirects, ip);
	if (redirect->matches(ftrace_regs_get_argument(fregs, 0),
			      ftrace_regs_get_argument(fregs, 1), parent_ip))
		ftrace_regs_set_instruction_pointer(
			fregs, (unsigned long)redirect->to);
}

/**
 * vfio_redirects_start() - send calls of functions to other ones
 * @redirects: what to redirect. It must exist until vfio_redirects_stop().
 *
 * Return: 0, EBUSY when a livepatch or another module redirects one of the
 * functions or kernel.ftrace_enabled is 0, EOPNOTSUPP when the kernel cannot
 * redirect calls, or an error of ftrace. On failure nothing is redirected.
 */
int vfio_redirects_start(struct vfio_redirects *redirects)
{
	struct ftrace_ops *ops = &redirects->ops;
	int rc = 0;

	ops->func = vfio_redirect_call;
	/* kernel.ftrace_enabled=0 must not turn it off. */
	ops->flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	for (unsigned int i = 0; !rc && i < redirects->num; i++)
		rc = ftrace_set_filter_ip(
			ops, (unsigned long)redirects->functions[i].from, 0, 0);
	rc = rc ?: register_ftrace_function(ops);
	if (rc)
		ftrace_free_filter(ops);
	else
		WRITE_ONCE(redirects->on, true);
	return rc;
}
EXPORT_SYMBOL_GPL(vfio_redirects_start);

/**
 * vfio_redirects_stop() - undo vfio_redirects_start()
 * @redirects: what was redirected
 *
 * On return no function @matches is running and no call enters a function @to
 * any more. A call that is in there may still be running, but only if it has
 * slept: ftrace waits until every task has given up its CPU or has left the
 * kernel.
 */
void vfio_redirects_stop(struct vfio_redirects *redirects)
{
	WRITE_ONCE(redirects->on, false);
	unregister_ftrace_function(&redirects->ops);
	ftrace_free_filter(&redirects->ops);
}
EXPORT_SYMBOL_GPL(vfio_redirects_stop);
#else
int vfio_redirects_start(struct vfio_redirects *redirects)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(vfio_redirects_start);

void vfio_redirects_stop(struct vfio_redirects *redirects)
{
}
EXPORT_SYMBOL_GPL(vfio_redirects_stop);
#endif
