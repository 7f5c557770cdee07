/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kselftest's harness, and three forms of each ioctl:
 *
 *   _test_x(fd, ...)        returns 0 or the errno
 *   test_x(...)             must succeed
 *   test_err_x(errno, ...)  must fail with this errno, and leave no pin, no
 *                           charge and no object behind
 *
 * test_x() and test_err_x() use self->fd, and self->ioas if the ioctl needs an
 * IOAS.
 */
#ifndef SELFTEST_LIB_HARNESS_H
#define SELFTEST_LIB_HARNESS_H

#include <kselftest_harness.h>

#include "child.h"
#include "edu.h"
#include "ioctls.h"
#include "mem.h"
#include "nvme.h"
#include "pci.h"
#include "proc.h"
#include "vfio.h"

/* kselftest's time limit for one test, scaled for a slow machine */
#undef TEST_F
#define TEST_F(_fixture, _test)						\
	TEST_F_TIMEOUT(_fixture, _test, TEST_TIMEOUT_DEFAULT * slowness())

#define test_ok(_call)							\
	do {								\
		int __rc = (_call);					\
									\
		ASSERT_EQ(0, __rc)					\
			TH_LOG("%s: %s", #_call, strerror(__rc));	\
	} while (0)

#define test_err(_errno, _call)						\
	do {								\
		struct traces __before, __after;			\
		int __rc;						\
									\
		traces_take(self->fd, &__before);			\
		__rc = (_call);						\
		traces_take(self->fd, &__after);			\
		EXPECT_EQ(_errno, __rc)					\
			TH_LOG("%s: %s", #_call, strerror(__rc));	\
		EXPECT_EQ(__before.pinned_kb, __after.pinned_kb)	\
			TH_LOG("%s left pinned pages", #_call);		\
		EXPECT_EQ(__before.locked_kb, __after.locked_kb)	\
			TH_LOG("%s left a charge", #_call);		\
		EXPECT_EQ(__before.next_id, __after.next_id)		\
			TH_LOG("%s left an object", #_call);		\
	} while (0)

#define test_destroy(_id) test_ok(_test_destroy(self->fd, _id))
#define test_err_destroy(_errno, _id)					\
	test_err(_errno, _test_destroy(self->fd, _id))

#define test_ioas_alloc(_id) test_ok(_test_ioas_alloc(self->fd, _id))

#define test_map_to(_ioas, _va, _length, _iova, _flags)			\
	test_ok(_test_ioas_map(self->fd, _ioas, _va, _length, _iova, _flags))
#define test_map(_va, _length, _iova)					\
	do {								\
		*(_iova) = 0;						\
		test_map_to(self->ioas, _va, _length, _iova, MAP_RW);	\
	} while (0)
#define test_map_fixed(_va, _length, _iova)				\
	test_ok(_test_map_fixed(self->fd, self->ioas, _va, _length, _iova, \
				MAP_RW))
#define test_err_map(_errno, _va, _length, _iova)			\
	test_err(_errno, _test_ioas_map(self->fd, self->ioas, _va, _length, \
					_iova, MAP_RW))
#define test_err_map_fixed(_errno, _va, _length, _iova)			\
	test_err(_errno, _test_map_fixed(self->fd, self->ioas, _va, _length, \
					 _iova, MAP_RW))

#define test_unmap(_iova, _length)					\
	do {								\
		uint64_t __length = (_length), __unmapped = 0;		\
									\
		test_ok(_test_ioas_unmap(self->fd, self->ioas, _iova,	\
					 __length, &__unmapped));	\
		ASSERT_EQ(__length, __unmapped);			\
	} while (0)
#define test_unmap_all(_unmapped)					\
	test_ok(_test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,	\
				 _unmapped))
#define test_err_unmap(_errno, _iova, _length)				\
	test_err(_errno, _test_ioas_unmap(self->fd, self->ioas, _iova,	\
					  _length, NULL))

#define test_copy(_dst, _dst_iova, _src, _src_iova, _length, _flags)	\
	test_ok(_test_ioas_copy(self->fd, _dst, _dst_iova, _src, _src_iova, \
				_length, _flags))
#define test_err_copy(_errno, _dst, _dst_iova, _src, _src_iova, _length, \
		      _flags)						\
	test_err(_errno, _test_ioas_copy(self->fd, _dst, _dst_iova, _src, \
					 _src_iova, _length, _flags))

#define test_allow_iovas(_ranges, _num)					\
	test_ok(_test_allow_iovas(self->fd, self->ioas, _ranges, _num))
#define test_err_allow_iovas(_errno, _ranges, _num)			\
	test_err(_errno, _test_allow_iovas(self->fd, self->ioas, _ranges, _num))

#define test_option(_option, _op, _object, _val)			\
	test_ok(_test_option(self->fd, _option, _op, _object, _val))
#define test_err_option(_errno, _option, _op, _object, _val)		\
	test_err(_errno, _test_option(self->fd, _option, _op, _object, _val))

#define test_hwpt_alloc(_dev, _pt, _hwpt)				\
	test_ok(_test_hwpt_alloc(self->fd, _dev, _pt, _hwpt))
#define test_err_hwpt_alloc(_errno, _dev, _pt, _hwpt)			\
	test_err(_errno, _test_hwpt_alloc(self->fd, _dev, _pt, _hwpt))

#define test_attach(_cdev, _pt) test_ok(_test_vfio_attach(_cdev, _pt))
#define test_err_attach(_errno, _cdev, _pt)				\
	test_err(_errno, _test_vfio_attach(_cdev, _pt))
#define test_detach(_cdev) test_ok(_test_vfio_detach(_cdev))

/* Memory that the test cannot run without */
#define test_mem(_mem)							\
	({								\
		void *__mem = (_mem);					\
									\
		ASSERT_NE(NULL, __mem)					\
			TH_LOG("%s: %s", #_mem, strerror(errno));	\
		__mem;							\
	})

/* Skip the test on a kernel without transparent huge pages. */
#define test_needs_thp()						\
	do {								\
		if (!mem_has_thp())					\
			SKIP(_exit(KSFT_SKIP), "this kernel has no "	\
			     "CONFIG_TRANSPARENT_HUGEPAGE");		\
	} while (0)

/* mem_thp(), or skip the test */
#define test_thp(_length)						\
	({								\
		test_needs_thp();					\
		test_mem(mem_thp(_length));				\
	})

/*
 * Find a device, or skip the test and print what is missing. exit() does all
 * the teardown that is needed.
 */
#define test_find(_id, _place, _nth, _pci)				\
	do {								\
		if (!pci_find(_id, _place, _nth, _pci))			\
			SKIP(_exit(KSFT_SKIP), "%s",			\
			     pci_describe(_id, _place, _nth));		\
	} while (0)

/* Find an edu, or skip the test; open it and bind it to self->fd. */
#define test_edu_open(_edu, _place, _nth)				\
	do {								\
		test_find(&pci_edu, _place, _nth, &(_edu)->pci);	\
		test_ok(edu_open(_edu, self->fd));			\
	} while (0)

/* test_edu_open(), and attach the device to @_pt. */
#define test_edu_attach(_edu, _place, _nth, _pt)			\
	do {								\
		test_edu_open(_edu, _place, _nth);			\
		(_edu)->pt_id = (_pt);					\
		test_attach((_edu)->cdev, &(_edu)->pt_id);		\
	} while (0)

/*
 * Find an ivshmem, or skip the test; bind it to self->fd and map its BAR with
 * RAM behind it.
 */
#define test_ram_bar(_cdev, _bar, _size)				\
	do {								\
		struct pci_device __pci;				\
		uint32_t __devid;					\
									\
		test_find(&pci_ivshmem, PCI_ANYWHERE, 0, &__pci);	\
		*(_cdev) = vfio_cdev_open(&__pci);			\
		ASSERT_GE(*(_cdev), 0);					\
		test_ok(_test_vfio_bind(*(_cdev), self->fd, &__devid));	\
		test_ok(vfio_enable_dma(*(_cdev)));			\
		*(_bar) = test_mem(vfio_bar_mmap(			\
			*(_cdev), VFIO_PCI_BAR2_REGION_INDEX, _size));	\
	} while (0)

#define test_pinned(_kb) ASSERT_EQ((long)(_kb), proc_status_kb("VmPin:"))

/* MAP with FIXED_IOVA; EPROTO if it returns another IOVA */
static inline int _test_map_fixed(int fd, uint32_t ioas, const void *va,
				  uint64_t length, uint64_t iova,
				  uint32_t flags)
{
	uint64_t answer = iova;
	int rc = _test_ioas_map(fd, ioas, va, length, &answer,
				flags | MAP_FIXED_IOVA);

	if (!rc && answer != iova)
		return EPROTO;
	return rc;
}

#endif
