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
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/ftrace.h>

#include "redirect.h"

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
static void notrace vfio_redirect_call(unsigned long ip,
				       unsigned long parent_ip,
				       struct ftrace_ops *ops,
				       struct ftrace_regs *fregs)
{
	struct vfio_redirect *redirect =
		container_of(ops, struct vfio_redirect, ops);

	if (redirect->matches(ftrace_regs_get_argument(fregs, 0),
			      ftrace_regs_get_argument(fregs, 1), parent_ip))
		ftrace_regs_set_instruction_pointer(
			fregs, (unsigned long)redirect->to);
}

/**
 * vfio_redirect_start() - send calls of a function to another one
 * @redirect: what to redirect. It must exist until vfio_redirect_stop().
 *
 * Return: 0, EBUSY when a livepatch or another module redirects the function or
 * kernel.ftrace_enabled is 0, EOPNOTSUPP when the kernel cannot redirect calls,
 * or an error of ftrace.
 */
int vfio_redirect_start(struct vfio_redirect *redirect)
{
	unsigned long from = (unsigned long)redirect->from;
	int rc;

	redirect->ops.func = vfio_redirect_call;
	/* kernel.ftrace_enabled=0 must not turn it off. */
	redirect->ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	rc = ftrace_set_filter_ip(&redirect->ops, from, 0, 0);
	if (rc)
		return rc;
	rc = register_ftrace_function(&redirect->ops);
	if (rc)
		ftrace_free_filter(&redirect->ops);
	return rc;
}
EXPORT_SYMBOL_GPL(vfio_redirect_start);

/**
 * vfio_redirect_stop() - undo vfio_redirect_start()
 * @redirect: what was redirected
 *
 * On return redirect->matches is not running and no call enters redirect->to
 * any more. A call that is in there may still be running, but only if it has
 * slept: ftrace waits until every task has given up its CPU or has left the
 * kernel.
 */
void vfio_redirect_stop(struct vfio_redirect *redirect)
{
	unregister_ftrace_function(&redirect->ops);
	ftrace_free_filter(&redirect->ops);
}
EXPORT_SYMBOL_GPL(vfio_redirect_stop);
#else
int vfio_redirect_start(struct vfio_redirect *redirect)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(vfio_redirect_start);

void vfio_redirect_stop(struct vfio_redirect *redirect)
{
}
EXPORT_SYMBOL_GPL(vfio_redirect_stop);
#endif
