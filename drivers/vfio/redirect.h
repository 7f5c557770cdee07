/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VFIO_REDIRECT_H
#define _VFIO_REDIRECT_H

#include <linux/ftrace.h>
#include <linux/types.h>

/**
 * struct vfio_redirect - calls of a kernel function that go to another one
 * @from: the function: an exported one, or one that a table of operations has
 * @to: the function that is called in its place, with the same prototype. It is
 *      never in the same module as @from.
 * @matches: which calls: gets the first two arguments and the return address.
 *           It is notrace, must not sleep, and runs for every call of @from.
 */
struct vfio_redirect {
	void *from;
	void *to;
	bool (*matches)(unsigned long arg0, unsigned long arg1,
			unsigned long caller);
};

/**
 * struct vfio_redirects - functions of which all are redirected, or none
 * @functions: the functions
 * @num: how many there are
 * @on: private: all of them are patched
 * @ops: private
 */
struct vfio_redirects {
	struct vfio_redirect *functions;
	unsigned int num;
	bool on;
	struct ftrace_ops ops;
};

int vfio_redirects_start(struct vfio_redirects *redirects);
void vfio_redirects_stop(struct vfio_redirects *redirects);

#endif
