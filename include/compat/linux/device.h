/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/device.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_DEVICE_H
#define _COMPAT_LINUX_DEVICE_H

#include_next <linux/device.h>
#include <generated/features.h>

/*
 * The device that a device_type's devnode() gets is const since 6.3. Only a word
 * in front of the argument can make the prototype of a callback differ.
 */
#ifdef HAVE_DEVICE_TYPE_DEVNODE_CONST
#define devnode_const const
#else
#define devnode_const
#endif

#endif
