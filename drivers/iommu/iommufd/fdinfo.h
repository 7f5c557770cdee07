/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_FDINFO_H
#define _IOMMUFD_FDINFO_H

struct iommufd_ctx;
struct seq_file;

void iommufd_show_fdinfo(struct seq_file *seq, struct iommufd_ctx *ictx);

#endif
