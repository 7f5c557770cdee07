/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/ftrace.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_FTRACE_H
#define _COMPAT_LINUX_FTRACE_H

#include_next <linux/ftrace.h>
#include <generated/features.h>

#if !defined(HAVE_FTRACE_REGS_GET_ARGUMENT) && \
	defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
/*
 * Until 6.1 only the struct is there. Those kernels have DYNAMIC_FTRACE_WITH_ARGS
 * on x86 and on s390.
 */
#define ftrace_regs_get_argument(fregs, n) \
	regs_get_kernel_argument(&(fregs)->regs, n)
#define ftrace_regs_set_instruction_pointer(fregs, ip) \
	ftrace_instruction_pointer_set(fregs, ip)
#endif

#endif
