/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/iommu. Names, numbers and layouts are those of Linux 6.6.
 */
#ifndef _UAPI_IOMMUFD_H
#define _UAPI_IOMMUFD_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define IOMMUFD_TYPE (';')

/**
 * DOC: ioctl format
 *
 * The argument of every ioctl points to a struct whose first member, a __u32
 * named size, tells how many bytes of it the caller knows. That number stands
 * in for the size bits an ioctl number usually has, so a struct can grow and
 * keep its number.
 *
 * - A size that ends before the last member the struct had in Linux 6.6 is
 *   refused with EINVAL.
 * - A struct longer than the one the kernel knows is accepted when all bytes
 *   past the known part are zero, and refused with E2BIG when one is not, or
 *   when it is longer than a page.
 * - A struct shorter than the kernel's, but long enough for the first rule, is
 *   taken as if zeros followed.
 *
 * After success the struct is copied back, as many bytes as both sides know.
 * IOMMU_OPTION copies back @val64 alone. After an error nothing is copied back,
 * except by IOMMU_IOAS_IOVA_RANGES, which answers EMSGSIZE with the number of
 * ranges that exist.
 *
 * Members called __reserved and flag bits without a name have to be zero.
 * Addresses and lengths count bytes. A range is named by its start and its
 * length, or by start and last, where last is the last byte inside.
 */

/**
 * DOC: errnos
 *
 * These mean the same for every ioctl; what else a particular one can answer
 * stands at its struct.
 *
 * ENOTTY
 *     No such ioctl here.
 * E2BIG
 *     The struct is longer than a page, or longer than the known one with a tail
 *     that is not all zero.
 * EOPNOTSUPP
 *     An unknown flag, option or operation, or a reserved member that is not
 *     zero: what is asked for may exist elsewhere, but not here.
 * EINVAL
 *     @size is too small, or the request is understood and makes no sense.
 * EFAULT
 *     The struct, or memory that it points to, cannot be read or written.
 * ENOENT
 *     No object of the wanted type has this id, or nothing is mapped there. An
 *     object still under construction does not exist yet.
 * EOVERFLOW
 *     start + length goes past the end of the address space.
 * ENOMEM
 *     The kernel is out of memory, or RLIMIT_MEMLOCK is reached.
 *
 * A fatal signal ends an ioctl that takes long. What a MAP, COPY or HWPT_ALLOC
 * had begun is undone; an UNMAP has removed a part.
 */

enum {
	IOMMUFD_CMD_BASE = 0x80,
	IOMMUFD_CMD_DESTROY = IOMMUFD_CMD_BASE,
	IOMMUFD_CMD_IOAS_ALLOC,
	IOMMUFD_CMD_IOAS_ALLOW_IOVAS,
	IOMMUFD_CMD_IOAS_COPY,
	IOMMUFD_CMD_IOAS_IOVA_RANGES,
	IOMMUFD_CMD_IOAS_MAP,
	IOMMUFD_CMD_IOAS_UNMAP,
	IOMMUFD_CMD_OPTION,
	IOMMUFD_CMD_VFIO_IOAS,
	IOMMUFD_CMD_HWPT_ALLOC,
	IOMMUFD_CMD_GET_HW_INFO,
};

/**
 * struct iommu_destroy - argument of IOMMU_DESTROY
 * @size: sizeof(struct iommu_destroy)
 * @id: id of the IOAS or HWPT that shall go
 *
 * Ends an object and frees its id. An IOAS takes its mappings with it. Other
 * threads' ioctls on the object are let finish first.
 *
 * Errnos: EBUSY while something uses the object: an IOAS that a HWPT or an
 * access stands on, a HWPT with a device attached. Device and access objects
 * belong to the driver that made them and always answer EBUSY. ENOENT for an id
 * nobody has.
 */
struct iommu_destroy {
	__u32 size;
	__u32 id;
};
#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_DESTROY)

/**
 * struct iommu_ioas_alloc - argument of IOMMU_IOAS_ALLOC
 * @size: sizeof(struct iommu_ioas_alloc)
 * @flags: 0
 * @out_ioas_id: written back: id of the new IOAS
 *
 * Makes an I/O address space: an empty table of what memory is found at which
 * I/O virtual address (IOVA). No hardware knows of it until a device is
 * attached.
 *
 * Errnos: EOPNOTSUPP for a flag, ENOMEM.
 */
struct iommu_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};
#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOC)

/**
 * struct iommu_iova_range - a range of IOVAs
 * @start: first IOVA inside
 * @last: last IOVA inside
 *
 * Element of the arrays of IOMMU_IOAS_IOVA_RANGES and IOMMU_IOAS_ALLOW_IOVAS.
 */
struct iommu_iova_range {
	__aligned_u64 start;
	__aligned_u64 last;
};

/**
 * struct iommu_ioas_iova_ranges - argument of IOMMU_IOAS_IOVA_RANGES
 * @size: sizeof(struct iommu_ioas_iova_ranges)
 * @ioas_id: id of the IOAS
 * @num_iovas: in: how many elements the array has room for, 0 is legal; out:
 *             how many ranges there are, also with EMSGSIZE
 * @__reserved: 0
 * @allowed_iovas: user address of an array of struct iommu_iova_range, to be
 *                 filled in ascending order
 * @out_iova_alignment: written back, also with EMSGSIZE: alignment in bytes, a
 *                      power of two between 1 and PAGE_SIZE
 *
 * Tells which IOVAs the attached hardware can translate: all but the reserved
 * ranges. Neither mappings nor the list of IOMMU_IOAS_ALLOW_IOVAS change the
 * answer; attach and detach do, so ask again after each. Start and length of
 * a mapping have to be multiples of @out_iova_alignment, which is 1 as long as
 * no HWPT stands on the IOAS and IOMMU_OPTION_HUGE_PAGES is on.
 *
 * Errnos: EMSGSIZE when the array is too short for all the ranges: as many as
 * fit are in it, and @num_iovas says how many there are. ENOENT for an unknown
 * IOAS, EOPNOTSUPP for @__reserved, EFAULT for the array.
 */
struct iommu_ioas_iova_ranges {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
	__aligned_u64 out_iova_alignment;
};
#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_IOVA_RANGES)

/**
 * struct iommu_ioas_allow_iovas - argument of IOMMU_IOAS_ALLOW_IOVAS
 * @size: sizeof(struct iommu_ioas_allow_iovas)
 * @ioas_id: id of the IOAS
 * @num_iovas: number of elements of the array; 0 ends the restriction
 * @__reserved: 0
 * @allowed_iovas: user address of an array of struct iommu_iova_range, in any
 *                 order, that do not overlap
 *
 * Replaces the list of ranges the caller wants to rely on. From then on the
 * kernel chooses IOVAs only inside them, and an attach that would have to
 * reserve a part of them fails. A mapping with IOMMU_IOAS_MAP_FIXED_IOVA may
 * still go anywhere.
 *
 * Errnos: EADDRINUSE when a range touches what is reserved now; the old list
 * stays. EINVAL when a range does not start below its @last, or two of them
 * overlap. ENOENT for an unknown IOAS, EOPNOTSUPP for @__reserved, EFAULT for
 * the array, ENOMEM.
 */
struct iommu_ioas_allow_iovas {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
};
#define IOMMU_IOAS_ALLOW_IOVAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOW_IOVAS)

/**
 * enum iommufd_ioas_map_flags - flags of IOMMU_IOAS_MAP and IOMMU_IOAS_COPY
 * @IOMMU_IOAS_MAP_FIXED_IOVA: the caller chose the IOVA; without it the kernel
 *                             chooses
 * @IOMMU_IOAS_MAP_WRITEABLE: devices may write
 * @IOMMU_IOAS_MAP_READABLE: devices may read
 *
 * One of WRITEABLE and READABLE has to be there.
 */
enum iommufd_ioas_map_flags {
	IOMMU_IOAS_MAP_FIXED_IOVA = 1 << 0,
	IOMMU_IOAS_MAP_WRITEABLE = 1 << 1,
	IOMMU_IOAS_MAP_READABLE = 1 << 2,
};

/**
 * struct iommu_ioas_map - argument of IOMMU_IOAS_MAP
 * @size: sizeof(struct iommu_ioas_map)
 * @flags: of enum iommufd_ioas_map_flags
 * @ioas_id: id of the IOAS
 * @__reserved: 0
 * @user_va: address in the caller's memory
 * @length: bytes to map
 * @iova: in: where to map, if IOMMU_IOAS_MAP_FIXED_IOVA is set; out: where the
 *        mapping is
 *
 * Makes memory of the calling process visible to devices at an IOVA. @iova,
 * @length and the offset of @user_va in its page obey the alignment that
 * IOMMU_IOAS_IOVA_RANGES reports.
 *
 * With a HWPT on the IOAS the memory is pinned, charged and entered in every
 * page table before the ioctl returns, or, on error, nothing of it. Without
 * one the mapping is noted and the memory is not looked at: whether it exists
 * shows at the first attach.
 *
 * A chosen IOVA is never in the first page nor in the last, lies inside the list
 * of IOMMU_IOAS_ALLOW_IOVAS if there is one, keeps the in-page offset of @user_va,
 * and is the lowest free one whose alignment, of up to 2 MiB, lets the hardware
 * use huge pages.
 *
 * Errnos: EEXIST when a part of a fixed range is mapped already. EINVAL for
 * length 0, a broken alignment, neither READABLE nor WRITEABLE, a fixed range
 * that touches a reserved one. ENOSPC when no free range is long enough.
 * EOVERFLOW when @user_va or @iova plus @length wraps; the value 2^64-1 in @iova
 * counts even without FIXED_IOVA, and half the address space cannot be placed
 * without it. EFAULT when memory is missing, lacks the wanted access,
 * or is of a kind that cannot be pinned (device memory, PFN maps, secretmem).
 * EOPNOTSUPP for file-system DAX pages, an unknown flag or @__reserved. ENOMEM
 * also when RLIMIT_MEMLOCK is reached. ENOENT for an unknown IOAS.
 */
struct iommu_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 user_va;
	__aligned_u64 length;
	__aligned_u64 iova;
};
#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP)

/**
 * struct iommu_ioas_copy - argument of IOMMU_IOAS_COPY
 * @size: sizeof(struct iommu_ioas_copy)
 * @flags: of enum iommufd_ioas_map_flags
 * @dst_ioas_id: id of the IOAS that gets the mapping
 * @src_ioas_id: id of the IOAS that has it; may be the same
 * @length: bytes to copy
 * @dst_iova: in: where to map, if IOMMU_IOAS_MAP_FIXED_IOVA is set; out: where
 *            the mapping is
 * @src_iova: IOVA in the source
 *
 * Maps in one IOAS the memory another one has mapped. Both use the same pinned
 * pages, which are pinned and charged once. Any piece of the source can be
 * copied, also across several of its mappings as long as there is no hole
 * between them.
 *
 * Errnos: those of IOMMU_IOAS_MAP for the destination. ENOENT when a part of
 * the source is not mapped or an IOAS is unknown, EPERM when WRITEABLE is asked
 * for memory mapped without it.
 */
struct iommu_ioas_copy {
	__u32 size;
	__u32 flags;
	__u32 dst_ioas_id;
	__u32 src_ioas_id;
	__aligned_u64 length;
	__aligned_u64 dst_iova;
	__aligned_u64 src_iova;
};
#define IOMMU_IOAS_COPY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_COPY)

/**
 * struct iommu_ioas_unmap - argument of IOMMU_IOAS_UNMAP
 * @size: sizeof(struct iommu_ioas_unmap)
 * @ioas_id: id of the IOAS
 * @iova: start of the range
 * @length: in: bytes of the range; out: bytes of the mappings removed, without
 *          the holes between them
 *
 * Removes every mapping in the range. When the ioctl returns no device reaches
 * the memory any more, and what nothing else maps is unpinned and uncharged.
 * @iova 0 with @length 2^64-1 means the whole IOAS, and succeeds also when
 * there is nothing in it.
 *
 * Errnos: ENOENT when the range holds no mapping, or would cut one in two:
 * mappings go in ascending order, and those below the one that would be cut
 * are gone. EBUSY when a mapping in the range is just being made or removed by
 * another thread. EDEADLOCK when a driver in the kernel does not let go of
 * pages it uses. EINVAL for length 0, EOVERFLOW when the range goes past the
 * end, ENOENT for an unknown IOAS.
 */
struct iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};
#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_UNMAP)

/**
 * enum iommufd_option - what IOMMU_OPTION can set and get
 * @IOMMU_OPTION_RLIMIT_MODE: whom pinned memory is charged to. 0, the default:
 *                            the user, all processes together. 1: the process.
 *                            An option of the whole file: @object_id is 0. To
 *                            set it takes CAP_SYS_RESOURCE (else EPERM) and a
 *                            file without objects (else EBUSY).
 * @IOMMU_OPTION_HUGE_PAGES: whether the hardware may translate more than
 *                           PAGE_SIZE with one entry. 1, the default: it may.
 *                           0: it may not, which helps measurements. An option
 *                           of an IOAS: @object_id is its id. 0 is refused with
 *                           EINVAL once an IOAS has a HWPT and a mapping, and
 *                           with EADDRINUSE when a mapping is not aligned to
 *                           PAGE_SIZE.
 */
enum iommufd_option {
	IOMMU_OPTION_RLIMIT_MODE = 0,
	IOMMU_OPTION_HUGE_PAGES = 1,
};

/**
 * enum iommufd_option_ops - what IOMMU_OPTION shall do
 * @IOMMU_OPTION_OP_SET: set the option to @val64
 * @IOMMU_OPTION_OP_GET: read the option into @val64
 */
enum iommufd_option_ops {
	IOMMU_OPTION_OP_SET = 0,
	IOMMU_OPTION_OP_GET = 1,
};

/**
 * struct iommu_option - argument of IOMMU_OPTION
 * @size: sizeof(struct iommu_option)
 * @option_id: of enum iommufd_option
 * @op: of enum iommufd_option_ops
 * @__reserved: 0
 * @object_id: the object whose option it is, 0 for those of the whole file
 * @val64: the value, in or out
 *
 * Sets or reads an option. The only member written back is @val64.
 *
 * Errnos: EOPNOTSUPP for an unknown option or operation, @__reserved, or an
 * @object_id where none belongs. EINVAL for a value the option does not have.
 * ENOENT for an unknown object. More at enum iommufd_option.
 */
struct iommu_option {
	__u32 size;
	__u32 option_id;
	__u16 op;
	__u16 __reserved;
	__u32 object_id;
	__aligned_u64 val64;
};
#define IOMMU_OPTION _IO(IOMMUFD_TYPE, IOMMUFD_CMD_OPTION)

/**
 * enum iommufd_vfio_ioas_op - what IOMMU_VFIO_IOAS shall do
 * @IOMMU_VFIO_IOAS_GET: tell which IOAS the VFIO ioctls work on
 * @IOMMU_VFIO_IOAS_SET: choose it
 * @IOMMU_VFIO_IOAS_CLEAR: choose none
 */
enum iommufd_vfio_ioas_op {
	IOMMU_VFIO_IOAS_GET = 0,
	IOMMU_VFIO_IOAS_SET = 1,
	IOMMU_VFIO_IOAS_CLEAR = 2,
};

/**
 * struct iommu_vfio_ioas - argument of IOMMU_VFIO_IOAS
 * @size: sizeof(struct iommu_vfio_ioas)
 * @ioas_id: SET: in, GET: written back, id of the IOAS
 * @op: of enum iommufd_vfio_ioas_op
 * @__reserved: 0
 *
 * The ioctls of a VFIO type1 container have no room for an IOAS id; on this file
 * they work on the IOAS chosen here. The choice does not keep the IOAS alive:
 * destroying it is the same as CLEAR.
 *
 * Errnos: ENODEV for GET when none is chosen, ENOENT for an unknown IOAS,
 * EOPNOTSUPP for an unknown @op or @__reserved.
 */
struct iommu_vfio_ioas {
	__u32 size;
	__u32 ioas_id;
	__u16 op;
	__u16 __reserved;
};
#define IOMMU_VFIO_IOAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VFIO_IOAS)

/**
 * struct iommu_hwpt_alloc - argument of IOMMU_HWPT_ALLOC
 * @size: sizeof(struct iommu_hwpt_alloc)
 * @flags: 0
 * @dev_id: id of the device whose IOMMU the page table is for
 * @pt_id: id of the IOAS whose mappings it shall hold
 * @out_hwpt_id: written back: id of the new HWPT
 * @__reserved: 0
 *
 * Makes a hardware page table (HWPT) and fills it with everything the IOAS has
 * mapped. It follows the IOAS from then on, whether or not a device is attached.
 * It is the caller's: no attach to the IOAS picks it, no detach frees it,
 * IOMMU_DESTROY ends it.
 *
 * Errnos: EADDRINUSE when a mapping or an allowed range of the IOAS lies where
 * the hardware cannot translate, or is not aligned to its pages. EINVAL when
 * @pt_id is an object but not an IOAS, ENOENT for unknown ids, EOPNOTSUPP for a
 * flag or @__reserved. EFAULT and ENOMEM as for IOMMU_IOAS_MAP, since memory
 * mapped earlier may have to be pinned now.
 */
struct iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 __reserved;
};
#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_ALLOC)

/**
 * struct iommu_hw_info_vtd - what IOMMU_GET_HW_INFO reports of Intel VT-d
 * @flags: always 0
 * @__reserved: always 0
 * @cap_reg: the Capability Register, VT-d specification section 11.4.2
 * @ecap_reg: the Extended Capability Register, VT-d specification section
 *            11.4.3
 *
 * The registers of the remapping unit the device's DMA goes through, as the
 * hardware has them. Section numbers are those of revision 4 of the
 * specification.
 */
struct iommu_hw_info_vtd {
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

/**
 * enum iommu_hw_info_type - what kind of data IOMMU_GET_HW_INFO filled in
 * @IOMMU_HW_INFO_TYPE_NONE: the IOMMU reports nothing; the data has length 0
 * @IOMMU_HW_INFO_TYPE_INTEL_VTD: struct iommu_hw_info_vtd
 */
enum iommu_hw_info_type {
	IOMMU_HW_INFO_TYPE_NONE,
	IOMMU_HW_INFO_TYPE_INTEL_VTD,
};

/**
 * struct iommu_hw_info - argument of IOMMU_GET_HW_INFO
 * @size: sizeof(struct iommu_hw_info)
 * @flags: 0
 * @dev_id: id of the device
 * @data_len: in: bytes of the buffer, 0 is legal; out: bytes the kernel has,
 *            however long the buffer is
 * @data_uptr: user address of the buffer
 * @out_data_type: written back: of enum iommu_hw_info_type
 * @__reserved: 0
 *
 * Tells what the IOMMU in front of a device can do, in the terms of that kind
 * of IOMMU. A shorter buffer gets the first bytes, a longer one is filled up
 * with zeros.
 *
 * Errnos: ENOENT for an unknown device, EOPNOTSUPP for a flag or @__reserved,
 * EFAULT for the buffer.
 */
struct iommu_hw_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 data_len;
	__aligned_u64 data_uptr;
	__u32 out_data_type;
	__u32 __reserved;
};
#define IOMMU_GET_HW_INFO _IO(IOMMUFD_TYPE, IOMMUFD_CMD_GET_HW_INFO)

#endif
