/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ABI of IOMMU_TEST_CMD. The struct of Linux 6.6 is 56 bytes long and has
 * its last field at offset 48; later kernels moved that field to the end of the
 * struct below. Both sizes are accepted, because the field is not used.
 */
#ifndef _IOMMUFD_SELFTEST_ABI_H
#define _IOMMUFD_SELFTEST_ABI_H

#include <linux/types.h>

enum iommu_test_op {
	IOMMU_TEST_OP_ADD_RESERVED = 1,
	IOMMU_TEST_OP_MOCK_DOMAIN = 2,
	IOMMU_TEST_OP_MD_CHECK_MAP = 3,
	IOMMU_TEST_OP_MD_CHECK_REFS = 4,
	IOMMU_TEST_OP_CREATE_ACCESS = 5,
	IOMMU_TEST_OP_DESTROY_ACCESS_PAGES = 6,
	IOMMU_TEST_OP_ACCESS_PAGES = 7,
	IOMMU_TEST_OP_ACCESS_RW = 8,
	IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT = 9,
	IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE = 10,
	IOMMU_TEST_OP_ACCESS_REPLACE_IOAS = 11,
	IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS = 12,
	IOMMU_TEST_OP_DIRTY = 13,
	IOMMU_TEST_OP_MD_CHECK_IOTLB = 14,
	IOMMU_TEST_OP_TRIGGER_IOPF = 15,
	IOMMU_TEST_OP_DEV_CHECK_CACHE = 16,
	IOMMU_TEST_OP_TRIGGER_VEVENT = 17,
	IOMMU_TEST_OP_PASID_ATTACH = 18,
	IOMMU_TEST_OP_PASID_REPLACE = 19,
	IOMMU_TEST_OP_PASID_DETACH = 20,
	IOMMU_TEST_OP_PASID_CHECK_HWPT = 21,
	IOMMU_TEST_OP_DMABUF_GET = 22,
	IOMMU_TEST_OP_DMABUF_REVOKE = 23,
};

/* create_access.flags */
#define MOCK_ACCESS_NEEDS_PIN_PAGES (1U << 0)

/* access_pages.flags and access_rw.flags */
#define MOCK_ACCESS_WRITE (1U << 0)
#define MOCK_ACCESS_SLOW_PATH (1U << 2)
/*
 * The iova field is not an IOVA. Its low half is the index of a mapping, in
 * ascending order, and its high half an offset into that mapping.
 */
#define MOCK_ACCESS_SYZ (1U << 16)

/* mock_domain_flags.dev_flags */
#define MOCK_DEVICE_NO_DIRTY (1U << 0)
#define MOCK_DEVICE_HUGE_IOVA (1U << 1)
#define MOCK_DEVICE_PASID (1U << 2)

/* log2 of the PASIDs that a device with MOCK_DEVICE_PASID has */
#define MOCK_PASID_WIDTH 20
/* Every second attach or replace of this PASID fails with ENOMEM. */
#define MOCK_PASID_FAILS 1024U

#define MOCK_IO_PAGE_SIZE 2048UL
#define MOCK_HUGE_IO_PAGE_SIZE (512 * MOCK_IO_PAGE_SIZE)
#define MOCK_APERTURE_START 0x01000000UL
#define MOCK_APERTURE_LAST 0x7fffffffUL

#define IOMMU_HW_INFO_TYPE_SELFTEST 0xfeedbeefU
#define IOMMU_HW_INFO_SELFTEST_REG 0xdeadbeefU

struct iommu_test_hw_info {
	__u32 flags;
	__u32 test_reg;
};

/* iommu_hwpt_alloc.data_type of the mock */
#define IOMMU_HWPT_DATA_SELFTEST 0xdeadU
#define IOMMU_TEST_IOTLB_DEFAULT 0xbadbeefU
#define MOCK_IOTLB_NUM 4

/* iommu_hwpt_selftest.pagetable_type, for a paging HWPT */
#define MOCK_IOMMUPT_DEFAULT 0
#define MOCK_IOMMUPT_HUGE 1

struct iommu_hwpt_selftest {
	__u32 iotlb;
	__u32 pagetable_type;
};

/* iommu_hwpt_invalidate.data_type of the mock, for a nested HWPT */
#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST 0xdeadbeefU
#define IOMMU_TEST_INVALIDATE_FLAG_ALL (1U << 0)

struct iommu_hwpt_invalidate_selftest {
	__u32 flags;
	__u32 iotlb_id;
};

/* iommu_viommu_alloc.type of the mock */
#define IOMMU_VIOMMU_TYPE_SELFTEST 0xdeadbeefU

/* The mock may be given the first two members only. */
struct iommu_viommu_selftest {
	__u32 in_data;
	__u32 out_data;
	__aligned_u64 out_mmap_offset;
	__aligned_u64 out_mmap_length;
};

/* iommu_hwpt_invalidate.data_type of the mock, for a vIOMMU */
#define IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST 0xdeadbeefU
#define IOMMU_TEST_DEV_CACHE_DEFAULT 0xbaddadU
#define MOCK_DEV_CACHE_NUM 4

struct iommu_viommu_invalidate_selftest {
	__u32 flags;
	__u32 vdev_id;
	__u32 cache_id;
};

/* iommu_hw_queue_alloc.type of the mock */
#define IOMMU_HW_QUEUE_TYPE_SELFTEST 0xdeadbeefU

/* iommu_veventq_alloc.type of the mock */
#define IOMMU_VEVENTQ_TYPE_SELFTEST 0xbeefbeefU

struct iommu_viommu_event_selftest {
	__u32 virt_id;
};

struct iommu_test_cmd {
	__u32 size;
	__u32 op;
	__u32 id;
	__u32 __reserved;
	union {
		struct {
			__aligned_u64 start;
			__aligned_u64 length;
		} add_reserved;
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
			/* MOCK_DOMAIN_FLAGS only */
			__u32 dev_flags;
		} mock_domain;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} check_map;
		struct {
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 refs;
		} check_refs;
		struct {
			__u32 out_access_fd;
			__u32 flags;
		} create_access;
		struct {
			__u32 access_pages_id;
		} destroy_access_pages;
		struct {
			__u32 flags;
			__u32 out_access_pages_id;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} access_pages;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 flags;
		} access_rw;
		struct {
			__u32 limit;
		} memory_limit;
		struct {
			__u32 pt_id;
		} mock_domain_replace;
		struct {
			__u32 ioas_id;
		} access_replace_ioas;
		struct {
			__u32 flags;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 page_size;
			__aligned_u64 uptr;
			__aligned_u64 out_nr_dirty;
		} dirty;
		struct {
			__u32 id;
			__u32 iotlb;
		} check_iotlb;
		struct {
			__u32 dev_id;
			__u32 pasid;
			__u32 grpid;
			__u32 perm;
			__u64 addr;
		} trigger_iopf;
		struct {
			__u32 id;
			__u32 cache;
		} check_dev_cache;
		struct {
			__u32 dev_id;
		} trigger_vevent;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_attach;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_replace;
		struct {
			__u32 pasid;
		} pasid_detach;
		struct {
			__u32 pasid;
			__u32 hwpt_id;
		} pasid_check;
		struct {
			__u32 length;
			__u32 open_flags;
		} dmabuf_get;
		struct {
			__s32 dmabuf_fd;
			__u32 revoked;
		} dmabuf_revoke;
		__u8 payload[48];
	};
	__u32 last;
};

/* The size of the struct of 6.6, and the smallest size that is accepted */
#define IOMMU_TEST_CMD_SIZE_V6_6 56
#define IOMMU_TEST_CMD_MIN_SIZE 52

#endif
