/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What test programs know of the emulated device of vfio_emulated_test.ko. The
 * platform device EMULATED_NAME is its parent. It has one region.
 */
#ifndef VFIO_TEST_EMULATED_ABI_H
#define VFIO_TEST_EMULATED_ABI_H

#include <linux/types.h>

#define EMULATED_NAME	"vfio-emulated-test"
#define EMULATED_MODULE	"vfio_emulated_test"

/* Offsets in the region: a buffer, a command, and counters that are read */
#define EMULATED_BUFFER		0
#define EMULATED_BUFFER_SIZE	8192
#define EMULATED_COMMAND	8192
#define EMULATED_STATUS		12288
#define EMULATED_REGION_SIZE	16384

enum {
	EMULATED_READ,	/* copy memory into the buffer by vfio_dma_rw() */
	EMULATED_WRITE,	/* copy the buffer into memory */
	EMULATED_PIN,	/* keep pages by one vfio_pin_pages() */
	EMULATED_PIN_EACH,	/* by one call for each page */
	EMULATED_UNPIN,	/* give pages back by one vfio_unpin_pages() */
};

/**
 * struct emulated_command - written to EMULATED_COMMAND
 * @iova: where in the user's IO address space
 * @length: bytes for EMULATED_READ and EMULATED_WRITE, else pages. Pages are
 *          pinned for writing.
 * @op: one of the above
 *
 * write() fails with the errno of the call into vfio.
 */
struct emulated_command {
	__aligned_u64 iova;
	__u32 length;
	__u32 op;
};

#define EMULATED_MAX_PINS	16

/**
 * struct emulated_status - read from EMULATED_STATUS
 * @unmaps: how often vfio asked the driver to give up a range
 * @unmap_iova: start of the last such range
 * @unmap_length: its length
 * @pinned: pages that are pinned
 * @opens: how often the device was opened by a first user
 */
struct emulated_status {
	__aligned_u64 unmaps;
	__aligned_u64 unmap_iova;
	__aligned_u64 unmap_length;
	__u32 pinned;
	__u32 opens;
};

#endif
