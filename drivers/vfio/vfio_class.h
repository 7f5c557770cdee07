/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VFIO_CLASS_H
#define _VFIO_CLASS_H

struct class_interface;

int vfio_class_watch(struct class_interface *interface);

#endif
