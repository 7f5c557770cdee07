// SPDX-License-Identifier: GPL-2.0
/* Does device_type.devnode() get a const device? Since 6.3. */
#include <linux/device.h>

static char *probe_devnode(const struct device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	return NULL;
}

const struct device_type probe_type = {
	.devnode = probe_devnode,
};
