/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does this tree know all members of the structs of operations with which it
 * takes part in a kernel subsystem? Of a kernel that it was not written for,
 * the headers may have more: operations that a caller counts on, or that have
 * taken a part of the work of others.
 */
#ifndef _COMPAT_LINUX_KNOWN_OPS_H
#define _COMPAT_LINUX_KNOWN_OPS_H

#include <linux/stddef.h>
#include <generated/features.h>

/**
 * vfio_find_unknown_ops() - the first struct of <linux/vfio.h> with a member
 * that this tree does not know
 *
 * Return: name of the struct, or NULL when all members are known.
 */
static inline const char *vfio_find_unknown_ops(void)
{
#if !defined(HAVE_VFIO_DEVICE_OPS_KNOWN)
	return "vfio_device_ops";
#elif !defined(HAVE_VFIO_MIGRATION_OPS_KNOWN)
	return "vfio_migration_ops";
#elif !defined(HAVE_VFIO_LOG_OPS_KNOWN)
	return "vfio_log_ops";
#else
	return NULL;
#endif
}

/* The same for the operations of an IO page table, which the mock IOMMU has */
static inline const char *iommu_find_unknown_ops(void)
{
#if !defined(HAVE_IOMMU_DOMAIN_OPS_KNOWN)
	return "iommu_domain_ops";
#else
	return NULL;
#endif
}

#endif
