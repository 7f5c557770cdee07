/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One function for each command of the mock IOMMU. Each returns 0 or the errno,
 * as in ioctls.h.
 */
#ifndef SELFTEST_LIB_MOCK_H
#define SELFTEST_LIB_MOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/iommufd.h>

#include "test_abi.h"

#define IOMMU_TEST_CMD	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

#define MOCK_PAGE	MOCK_IO_PAGE_SIZE

/* See MOCK_IOVA in mock_space.h. */
extern uint64_t mock_iova;

/* The default limit of a scratch buffer, in bytes */
#define MOCK_MEMORY_DEFAULT	65536
/* With this limit a scratch buffer holds one or two pages. */
#define MOCK_MEMORY_TINY	16

int mock_cmd(int fd, struct iommu_test_cmd *cmd, uint32_t op, uint32_t id);

/* A mock device, bound and attached */
struct mock_dev {
	uint32_t stdev;
	uint32_t hwpt;
	uint32_t idev;
};

int _test_mock_attach(int fd, uint32_t pt, struct mock_dev *dev);
int _test_mock_attach_flags(int fd, uint32_t pt, uint32_t flags,
			    struct mock_dev *dev);
int _test_mock_replace(int fd, uint32_t stdev, uint32_t *pt);
int _test_pasid_attach(int fd, uint32_t stdev, uint32_t pasid, uint32_t *pt);
int _test_pasid_replace(int fd, uint32_t stdev, uint32_t pasid, uint32_t *pt);
int _test_pasid_detach(int fd, uint32_t stdev, uint32_t pasid);
/* Is that the HWPT of the PASID? 0 stands for none, PASID 0 for the device. */
int _test_pasid_check(int fd, uint32_t stdev, uint32_t pasid, uint32_t hwpt);
int _test_reserve(int fd, uint32_t ioas, uint64_t start, uint64_t length);
int _test_check_map(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		    const void *va);
int _test_check_refs(int fd, const void *va, uint64_t length, uint32_t refs);
int _test_check_iotlb(int fd, uint32_t hwpt, uint32_t id, uint32_t iotlb);
/* A device asks for a page, by a PASID or with 0 for none. */
int _test_page_request(int fd, uint32_t dev, uint32_t pasid, uint32_t grpid,
		       uint64_t addr);
/*
 * A device writes to each page of @page_size bytes whose bit is set; *@hits
 * becomes the number of those that are mapped.
 */
int _test_mock_write(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		     uint64_t page_size, const void *bits, uint64_t *hits);
/* *@dmabuf becomes a descriptor. */
int _test_dmabuf_get(int fd, uint32_t length, uint32_t flags, int *dmabuf);
int _test_dmabuf_revoke(int fd, int dmabuf, uint32_t revoked);
int _test_memory_limit(int fd, uint32_t limit);

int _test_access_create(int fd, uint32_t ioas, uint32_t flags, int *access);
/* If @va is NULL, the pages are not compared. */
int _test_access_pin(int fd, int access, uint64_t iova, uint64_t length,
		     const void *va, uint32_t flags, uint32_t *pin);
int _test_access_unpin(int fd, int access, uint32_t pin);
int _test_access_rw(int fd, int access, uint64_t iova, uint64_t length,
		    void *buffer, uint32_t flags);
int _test_access_replace(int fd, int access, uint32_t ioas);

/*
 * Parameters of the module: "keep_pins", "fail_map", "fail_attach",
 * "wide_aperture", "max_users", "unmap_locks", "unmap_delay", "unpin_delay",
 * "iopf_pages", "first_vevent", "reserve", "noiommu"; read-only: "unmaps",
 * "stuck", "iopf_success", "iopf_invalid"
 */
bool mock_param(const char *name, long value);
long mock_param_read(const char *name);

#endif
