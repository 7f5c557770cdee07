/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_USER_H
#define _IOMMUFD_UMEM_USER_H

struct iommufd_umem;
struct umem_batch;
struct umem_ops;

/* User addresses: umem_ops of memory that the payer has there */
extern const struct umem_ops umem_user_ops;

int umem_user_pin(struct umem_batch *batch, unsigned long last);
int umem_user_pin_page(struct iommufd_umem *umem, unsigned long index,
		       unsigned long *pfn);

#endif
