/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_VEVENTQ_H
#define _IOMMUFD_VEVENTQ_H

#include <linux/types.h>

void iommufd_veventq_set_first(u32 sequence);

#endif
