/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/module.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_MODULE_H
#define _COMPAT_LINUX_MODULE_H

#include_next <linux/module.h>
#include <generated/features.h>

#ifdef HAVE_MODULE_IMPORT_NS_TOKEN
/* Until 6.12 the namespace is a bare word; it becomes the same string. */
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, ns)
#endif

#endif
