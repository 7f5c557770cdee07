// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "ioctls.h"
#include "mock.h"
#include "proc.h"

#define PARAMETERS "/sys/module/iommufd_selftest/parameters/"

uint64_t mock_iova = 0x10000000;

int mock_cmd(int fd, struct iommu_test_cmd *cmd, uint32_t op, uint32_t id)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	cmd->id = id;
	return iommufd_ioctl(fd, IOMMU_TEST_CMD, cmd);
}

static int mock_attach(int fd, uint32_t op, uint32_t pt, uint32_t flags,
		       struct mock_dev *dev)
{
	struct iommu_test_cmd cmd = { .mock_domain.dev_flags = flags };
	int rc = mock_cmd(fd, &cmd, op, pt);

	if (!rc) {
		dev->stdev = cmd.mock_domain.out_stdev_id;
		dev->hwpt = cmd.mock_domain.out_hwpt_id;
		dev->idev = cmd.mock_domain.out_idev_id;
	}
	return rc;
}

int _test_mock_attach(int fd, uint32_t pt, struct mock_dev *dev)
{
	return mock_attach(fd, IOMMU_TEST_OP_MOCK_DOMAIN, pt, 0, dev);
}

int _test_mock_attach_flags(int fd, uint32_t pt, uint32_t flags,
			    struct mock_dev *dev)
{
	return mock_attach(fd, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, pt, flags, dev);
}

int _test_mock_replace(int fd, uint32_t stdev, uint32_t *pt)
{
	struct iommu_test_cmd cmd = { .mock_domain_replace.pt_id = *pt };
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, stdev);

	if (!rc)
		*pt = cmd.mock_domain_replace.pt_id;
	return rc;
}

int _test_pasid_attach(int fd, uint32_t stdev, uint32_t pasid, uint32_t *pt)
{
	struct iommu_test_cmd cmd = {
		.pasid_attach = { .pasid = pasid, .pt_id = *pt },
	};
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_PASID_ATTACH, stdev);

	if (!rc)
		*pt = cmd.pasid_attach.pt_id;
	return rc;
}

int _test_pasid_replace(int fd, uint32_t stdev, uint32_t pasid, uint32_t *pt)
{
	struct iommu_test_cmd cmd = {
		.pasid_replace = { .pasid = pasid, .pt_id = *pt },
	};
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_PASID_REPLACE, stdev);

	if (!rc)
		*pt = cmd.pasid_replace.pt_id;
	return rc;
}

int _test_pasid_detach(int fd, uint32_t stdev, uint32_t pasid)
{
	struct iommu_test_cmd cmd = { .pasid_detach.pasid = pasid };

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_PASID_DETACH, stdev);
}

int _test_pasid_check(int fd, uint32_t stdev, uint32_t pasid, uint32_t hwpt)
{
	struct iommu_test_cmd cmd = {
		.pasid_check = { .pasid = pasid, .hwpt_id = hwpt },
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_PASID_CHECK_HWPT, stdev);
}

int _test_reserve(int fd, uint32_t ioas, uint64_t start, uint64_t length)
{
	struct iommu_test_cmd cmd = {
		.add_reserved = { .start = start, .length = length },
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_ADD_RESERVED, ioas);
}

int _test_check_map(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		    const void *va)
{
	struct iommu_test_cmd cmd = {
		.check_map = {
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)va,
		},
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_MD_CHECK_MAP, hwpt);
}

int _test_check_refs(int fd, const void *va, uint64_t length, uint32_t refs)
{
	struct iommu_test_cmd cmd = {
		.check_refs = {
			.length = length,
			.uptr = (uintptr_t)va,
			.refs = refs,
		},
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_MD_CHECK_REFS, 0);
}

int _test_memory_limit(int fd, uint32_t limit)
{
	struct iommu_test_cmd cmd = { .memory_limit.limit = limit };

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, 0);
}

int _test_access_create(int fd, uint32_t ioas, uint32_t flags, int *access)
{
	struct iommu_test_cmd cmd = { .create_access.flags = flags };
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_CREATE_ACCESS, ioas);

	if (!rc)
		*access = cmd.create_access.out_access_fd;
	return rc;
}

int _test_access_pin(int fd, int access, uint64_t iova, uint64_t length,
		     const void *va, uint32_t flags, uint32_t *pin)
{
	struct iommu_test_cmd cmd = {
		.access_pages = {
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)va,
			.flags = flags,
		},
	};
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_ACCESS_PAGES, access);

	if (!rc)
		*pin = cmd.access_pages.out_access_pages_id;
	return rc;
}

int _test_access_unpin(int fd, int access, uint32_t pin)
{
	struct iommu_test_cmd cmd = {
		.destroy_access_pages.access_pages_id = pin,
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, access);
}

int _test_access_rw(int fd, int access, uint64_t iova, uint64_t length,
		    void *buffer, uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.access_rw = {
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)buffer,
			.flags = flags,
		},
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_ACCESS_RW, access);
}

int _test_access_replace(int fd, int access, uint32_t ioas)
{
	struct iommu_test_cmd cmd = { .access_replace_ioas.ioas_id = ioas };

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, access);
}

int _test_check_iotlb(int fd, uint32_t hwpt, uint32_t id, uint32_t iotlb)
{
	struct iommu_test_cmd cmd = {
		.check_iotlb = { .id = id, .iotlb = iotlb },
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_MD_CHECK_IOTLB, hwpt);
}

int _test_page_request(int fd, uint32_t dev, uint32_t pasid, uint32_t grpid,
		       uint64_t addr)
{
	struct iommu_test_cmd cmd = {
		.trigger_iopf = {
			.dev_id = dev,
			.pasid = pasid,
			.grpid = grpid,
			.perm = IOMMU_PGFAULT_PERM_READ |
				IOMMU_PGFAULT_PERM_WRITE,
			.addr = addr,
		},
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_TRIGGER_IOPF, 0);
}

int _test_mock_write(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		     uint64_t page_size, const void *bits, uint64_t *hits)
{
	struct iommu_test_cmd cmd = {
		.dirty = {
			.iova = iova,
			.length = length,
			.page_size = page_size,
			.uptr = (uintptr_t)bits,
		},
	};
	int rc = mock_cmd(fd, &cmd, IOMMU_TEST_OP_DIRTY, hwpt);

	if (!rc && hits)
		*hits = cmd.dirty.out_nr_dirty;
	return rc;
}

int _test_dmabuf_get(int fd, uint32_t length, uint32_t flags, int *dmabuf)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DMABUF_GET,
		.dmabuf_get = { .length = length, .open_flags = flags },
	};

	*dmabuf = ioctl(fd, IOMMU_TEST_CMD, &cmd);
	return *dmabuf < 0 ? errno : 0;
}

int _test_dmabuf_revoke(int fd, int dmabuf, uint32_t revoked)
{
	struct iommu_test_cmd cmd = {
		.dmabuf_revoke = { .dmabuf_fd = dmabuf, .revoked = revoked },
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_DMABUF_REVOKE, 0);
}

bool mock_param(const char *name, long value)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return file_write_long(path, value);
}

long mock_param_read(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return file_read_long(path);
}
