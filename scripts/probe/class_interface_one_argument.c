// SPDX-License-Identifier: GPL-2.0
/* Do the callbacks of a class_interface get the device alone? Since 6.4. */
#include <linux/device.h>

static int probe_add_dev(struct device *device)
{
	return 0;
}

struct class_interface probe_interface = {
	.add_dev = probe_add_dev,
};
