/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/iommu. Names, numbers and layouts are those of Linux 7.3.
 */
#ifndef _UAPI_IOMMUFD_H
#define _UAPI_IOMMUFD_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define IOMMUFD_TYPE (';')

/**
 * DOC: ioctl format
 *
 * The argument of every ioctl points to a struct. Its first member, a __u32
 * named size, is the number of bytes of the struct that the caller knows. The
 * numbers of the ioctls do not contain a size, so a struct can grow while its
 * ioctl keeps its number.
 *
 * - The ioctl fails with EINVAL if the size does not include the last member
 *   that the struct had in Linux 6.6, or in the first version that had it. The
 *   @__reserved of IOMMU_VEVENTQ_ALLOC may be missing.
 * - A struct longer than the kernel's is accepted if all bytes past the known
 *   part are zero. Otherwise, or if the struct is longer than a page, the ioctl
 *   fails with E2BIG.
 * - A struct shorter than the kernel's, but valid by the first rule, is
 *   extended with zeros.
 *
 * On success the struct is copied back, as many bytes as both sides know;
 * IOMMU_OPTION copies back @val64 only. On error nothing is copied back, with
 * two exceptions: IOMMU_IOAS_IOVA_RANGES returns the number of ranges together
 * with EMSGSIZE, and IOMMU_HWPT_INVALIDATE returns the number of entries that
 * are done together with every errno of its own.
 *
 * Members called __reserved and flag bits without a name must be zero, except
 * where a struct says that a member is ignored.
 * Addresses and lengths are in bytes. A range is given by start and length, or
 * by start and last, where last is the last byte of the range.
 */

/**
 * DOC: errnos
 *
 * These mean the same for every ioctl. The other errnos of an ioctl are listed
 * at its struct.
 *
 * ENOTTY
 *     The ioctl does not exist.
 * E2BIG
 *     The struct is longer than a page, or longer than the kernel's with a tail
 *     that is not all zero.
 * EOPNOTSUPP
 *     A flag, type, option or operation is unknown, a reserved member is not
 *     zero, or the kernel, the IOMMU or its driver cannot do what is asked for.
 *     Another kernel or other hardware may support the request. An ioctl that
 *     exists never fails with ENOTTY for that reason.
 * EINVAL
 *     @size is too small, or the request is known but not valid.
 * EFAULT
 *     The struct, or memory that it points to, cannot be read or written.
 * ENOENT
 *     No object of the required type has this id, or nothing is mapped in the
 *     range. An object does not exist until its construction is complete.
 * EOVERFLOW
 *     start + length goes past the end of the address space.
 * ENOMEM
 *     The kernel is out of memory, or RLIMIT_MEMLOCK is reached.
 *
 * A fatal signal ends a long ioctl. MAP, MAP_FILE, COPY and HWPT_ALLOC then
 * undo what they have done. UNMAP does not: a part of the range has been
 * removed.
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
	IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING,
	IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP,
	IOMMUFD_CMD_HWPT_INVALIDATE,
	IOMMUFD_CMD_FAULT_QUEUE_ALLOC,
	IOMMUFD_CMD_IOAS_MAP_FILE,
	IOMMUFD_CMD_VIOMMU_ALLOC,
	IOMMUFD_CMD_VDEVICE_ALLOC,
	IOMMUFD_CMD_IOAS_CHANGE_PROCESS,
	IOMMUFD_CMD_VEVENTQ_ALLOC,
	IOMMUFD_CMD_HW_QUEUE_ALLOC,
	IOMMUFD_CMD_IOAS_NOIOMMU_GET_PA,
};

/**
 * struct iommu_destroy - argument of IOMMU_DESTROY
 * @size: sizeof(struct iommu_destroy)
 * @id: id of the object to destroy
 *
 * Destroys an object and frees its id. With an IOAS, all its mappings are
 * removed. The ioctl waits until other threads have finished their ioctls on
 * the object.
 *
 * Errnos: EBUSY while the object is in use: an IOAS by a HWPT or an access; a
 * HWPT by an attached device or PASID, a nested HWPT or a virtual IOMMU; a
 * virtual IOMMU by a nested HWPT, a virtual device, an event queue, a hardware
 * queue or memory of it that is mmapped; a hardware queue by another one or by
 * an mmap; a fault queue by a HWPT or its open file, an event queue by its open
 * file. Device and access objects belong to the driver that created them, so
 * the answer for them is always EBUSY. ENOENT for an unknown id.
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
 * @out_ioas_id: out: id of the new IOAS
 *
 * Creates an I/O address space: a table, still empty, of the memory at each I/O
 * virtual address (IOVA). No hardware uses it until a device is attached.
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
 * @start: first IOVA of the range
 * @last: last IOVA of the range
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
 * @num_iovas: in: number of elements that the array has room for, may be 0;
 *             out: number of ranges, also with EMSGSIZE
 * @__reserved: 0
 * @allowed_iovas: user address of an array of struct iommu_iova_range; the
 *                 kernel fills it in ascending order
 * @out_iova_alignment: out, also with EMSGSIZE: alignment in bytes, a power of
 *                      two between 1 and PAGE_SIZE
 *
 * Reports which IOVAs the attached hardware can translate: all except the
 * reserved ranges. Mappings and the list of IOMMU_IOAS_ALLOW_IOVAS do not
 * change the answer. Attach and detach do, so a program has to ask again after
 * each. IOVA and length of a mapping must be multiples of @out_iova_alignment.
 * It is 1 while IOMMU_OPTION_HUGE_PAGES is on and the IOAS has no HWPT and no
 * access that pins pages.
 *
 * Errnos: EMSGSIZE when the array is too short: it then has as many ranges as
 * fit, and @num_iovas is the number of all ranges. ENOENT for an unknown IOAS,
 * EOPNOTSUPP for @__reserved, EFAULT for the array.
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
 * @num_iovas: number of elements of the array; 0 removes the restriction
 * @__reserved: 0
 * @allowed_iovas: user address of an array of struct iommu_iova_range, in any
 *                 order, which must not overlap
 *
 * Replaces the list of ranges that the caller relies on. From then on the
 * kernel chooses IOVAs only in these ranges, and an attach that would have to
 * reserve a part of them fails. A mapping with IOMMU_IOAS_MAP_FIXED_IOVA may
 * still be outside of them.
 *
 * Errnos: EADDRINUSE when a range overlaps a reserved one; the old list stays.
 * EINVAL when the start of a range is not below its @last, or when two ranges
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
 * enum iommufd_ioas_map_flags - flags of IOMMU_IOAS_MAP, IOMMU_IOAS_MAP_FILE
 *                               and IOMMU_IOAS_COPY
 * @IOMMU_IOAS_MAP_FIXED_IOVA: map at the IOVA that the caller gives; without
 *                             this flag the kernel chooses the IOVA
 * @IOMMU_IOAS_MAP_WRITEABLE: devices may write
 * @IOMMU_IOAS_MAP_READABLE: devices may read
 *
 * At least one of WRITEABLE and READABLE must be set.
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
 * @user_va: address in the memory of the calling process
 * @length: bytes to map
 * @iova: in: IOVA of the mapping, if IOMMU_IOAS_MAP_FIXED_IOVA is set;
 *        out: IOVA of the mapping
 *
 * Lets devices access memory of the calling process at an IOVA. @iova, @length
 * and the offset of @user_va in its page must have the alignment that
 * IOMMU_IOAS_IOVA_RANGES reports.
 *
 * If the IOAS has a HWPT, all of the memory is pinned, charged and entered in
 * every page table before the ioctl returns; on error, none of it is. Without a
 * HWPT the ioctl only records the mapping and does not check the memory. Memory
 * that does not exist then makes the first attach fail.
 *
 * If the memory is the BAR of a PCI device that the process has mmapped from
 * VFIO, DMA goes to that BAR. It is neither pinned nor charged. Devices reach
 * it as long as the process does: not while memory decoding is off, in low
 * power and during a reset, and never again once a part of it was unmapped or
 * moved. The mapping stays then. By default the device must be bound to the
 * same context; the parameter p2p of the module decides that.
 *
 * The kernel never chooses an IOVA in the first or in the last page. It chooses
 * the lowest free one that is inside the list of IOMMU_IOAS_ALLOW_IOVAS, if
 * there is a list, that has the in-page offset of @user_va, and whose
 * alignment, of up to 2 MiB, lets the hardware use huge pages. In an IOAS with
 * more than a hundred free ranges that are long enough but misaligned, it may
 * be a higher one.
 *
 * Errnos: EEXIST when a part of a fixed range is already mapped. EINVAL for
 * length 0, a wrong alignment, neither READABLE nor WRITEABLE, or a fixed range
 * that overlaps a reserved one; without WRITEABLE also while the IOAS has a
 * HWPT of Intel VT-d that is a nesting parent. ENOSPC when no free range is
 * long enough. EOVERFLOW when @user_va + @length wraps, or when the fixed range
 * at @iova goes past the end of the address space; when @iova or @length is
 * 2^64-1, also without FIXED_IOVA; and without FIXED_IOVA when @length is
 * 2^63-1 or more. EFAULT when memory is missing, does not allow the requested
 * access, or is of a kind that cannot be pinned (PFN maps, secretmem). EFAULT
 * also for a BAR that is out of reach or excluded, or together with other
 * memory. EOPNOTSUPP for pages of a DAX file system, an unknown flag or
 * @__reserved. ENOMEM also when RLIMIT_MEMLOCK is reached. ENOENT for an
 * unknown IOAS.
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
 * struct iommu_ioas_map_file - argument of IOMMU_IOAS_MAP_FILE
 * @size: sizeof(struct iommu_ioas_map_file)
 * @flags: of enum iommufd_ioas_map_flags
 * @ioas_id: id of the IOAS
 * @fd: file descriptor of a memfd, of a file on tmpfs or hugetlbfs, or of a
 *      dma-buf
 * @start: offset in the file, in bytes
 * @length: bytes to map
 * @iova: in: IOVA of the mapping, if IOMMU_IOAS_MAP_FIXED_IOVA is set;
 *        out: IOVA of the mapping
 *
 * Lets devices access a range of a file, as IOMMU_IOAS_MAP does with memory of
 * the process; @start takes the place of the user address. Since Linux 6.13.
 * No process needs to have the file mapped, and @fd may be closed afterwards:
 * the mapping holds the file. Pages can be pinned even after the process that
 * made the mapping has exited. That process is charged for them.
 *
 * Pages are pinned when the first HWPT needs them; holes of the file get pages
 * then. If the file is truncated or a hole is punched into it, devices keep the
 * old pages of what is pinned. What is pinned later are the pages that the file
 * has then, and if it has become too short that fails with EINVAL.
 *
 * A mapping with WRITEABLE counts as a writable shared mmap(). As long as it
 * exists, F_SEAL_WRITE cannot be added to the file (EBUSY); pinned pages keep
 * it from being added in any case.
 *
 * While pages of hugetlbfs are pinned, on Linux 6.1 those of all files, the
 * process that needs them has the file mapped, read-only, and could read it
 * there. That takes address space, at most 2 MiB or one huge page at a time. A
 * kernel thread cannot do it: it can copy pages of tmpfs, but all else that it
 * does with pages that are not pinned yet is EFAULT then.
 *
 * Errnos: those of IOMMU_IOAS_MAP. EBADF when @fd is not open. EINVAL also when
 * it is not a regular file of tmpfs or hugetlbfs, and, when pages are pinned,
 * if the range ends past the end of the file. EPERM for a file that is not open
 * for reading, with WRITEABLE also for one that is not open for writing, can
 * only be appended to, or has a seal F_SEAL_WRITE or F_SEAL_FUTURE_WRITE.
 * EOVERFLOW when @start + @length wraps. ENOMEM also when the file system has
 * no page for a hole. EIO when a page cannot be read. Where pinning maps the
 * file, also errnos of opening it, such as EACCES and ENFILE.
 *
 * From Linux 7.0 on @fd can be a dma-buf that vfio-pci has made of one range of
 * a BAR. It is neither pinned nor charged. When vfio-pci revokes it, devices do
 * not reach it any more, also if the BAR comes back; the mapping stays. Errnos:
 * EPERM when it was not made for reading, or with WRITEABLE for writing. EINVAL
 * when the range ends past its end, ENODEV while it is revoked, EOPNOTSUPP for
 * other dma-bufs, and on older kernels for all.
 */
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP_FILE)

/**
 * struct iommu_ioas_copy - argument of IOMMU_IOAS_COPY
 * @size: sizeof(struct iommu_ioas_copy)
 * @flags: of enum iommufd_ioas_map_flags
 * @dst_ioas_id: id of the IOAS that gets the mapping
 * @src_ioas_id: id of the IOAS that has the mapping; may be the same
 * @length: bytes to copy
 * @dst_iova: in: IOVA of the new mapping, if IOMMU_IOAS_MAP_FIXED_IOVA is set;
 *            out: IOVA of the new mapping
 * @src_iova: IOVA in the source
 *
 * Maps memory that is mapped in one IOAS in another one, too. Both use the same
 * pages, which are pinned and charged once. The source range may be a part of a
 * mapping, or cover several mappings without a hole between them.
 *
 * Errnos: those of IOMMU_IOAS_MAP for the destination. ENOENT when a part of
 * the source range is not mapped or an IOAS is unknown, EPERM when WRITEABLE is
 * requested for memory that was mapped without it, or READABLE for a BAR that
 * was mapped by its address without it.
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
 * struct iommu_ioas_change_process - argument of IOMMU_IOAS_CHANGE_PROCESS
 * @size: sizeof(struct iommu_ioas_change_process)
 * @__reserved: 0
 *
 * Makes the calling process the one that is charged for all mappings of the
 * context, in place of the processes that have made them; such as after it has
 * executed itself anew, or has got the file descriptor from another process.
 * Since Linux 6.14. What is pinned moves at once, with VmPin, and what is
 * pinned later is charged to the caller. The mode of accounting, and whether a
 * mapping was made with CAP_IPC_LOCK and has no limit, stay as they are. The
 * mappings are usable all the time.
 *
 * A BAR that is mapped by its address does not matter, as nothing is charged
 * for it. It stays that of the process that has mapped it: when that process
 * exits or executes another program, devices lose the BAR and do not get it
 * back. The new process has to remove the mapping and to map the BAR at its own
 * address.
 *
 * Errnos: EINVAL when any mapping is of memory of a process or of a dma-buf.
 * EBUSY when another thread is creating or removing a mapping. ENOMEM when it
 * is more than the caller's RLIMIT_MEMLOCK allows. EOPNOTSUPP for @__reserved.
 * Nothing has changed on failure. Without a mapping the ioctl succeeds.
 */
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};
#define IOMMU_IOAS_CHANGE_PROCESS \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_CHANGE_PROCESS)

/**
 * struct iommu_ioas_unmap - argument of IOMMU_IOAS_UNMAP
 * @size: sizeof(struct iommu_ioas_unmap)
 * @ioas_id: id of the IOAS
 * @iova: start of the range
 * @length: in: bytes of the range; out: bytes of the removed mappings, without
 *          the holes between them
 *
 * Removes all mappings in the range. When the ioctl returns, no device can
 * access the memory through them, and memory that nothing else maps is unpinned
 * and uncharged. @iova 0 with @length 2^64-1 means the whole IOAS, and succeeds
 * even if the IOAS has no mapping.
 *
 * Errnos: ENOENT when the range contains no mapping, or when it contains only a
 * part of one. Mappings are removed in ascending order, so those below the
 * partial one are gone. EBUSY when another thread is creating or removing a
 * mapping in the range, or when a hardware queue is in it. EDEADLOCK when a
 * driver in the kernel does not unpin pages that it uses. EINVAL for length 0,
 * EOVERFLOW when the range goes past the end of the address space, ENOENT for
 * an unknown IOAS.
 */
struct iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};
#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_UNMAP)

/**
 * enum iommufd_option - options of IOMMU_OPTION
 * @IOMMU_OPTION_RLIMIT_MODE: which counter is charged for pinned memory. 0, the
 *                            default: that of the user, which all processes of
 *                            the user share. 1: that of the process. This is an
 *                            option of the whole file: @object_id is 0. Setting
 *                            it requires CAP_SYS_RESOURCE (else EPERM) and a
 *                            file without objects (else EBUSY).
 * @IOMMU_OPTION_HUGE_PAGES: whether the hardware may translate more than
 *                           PAGE_SIZE with one entry. 1, the default: it may.
 *                           0: it may not, which helps measurements. This is an
 *                           option of an IOAS: @object_id is its id. Setting 0
 *                           fails with EINVAL if the IOAS has both a HWPT and a
 *                           mapping, and with EADDRINUSE if a mapping is not
 *                           aligned to PAGE_SIZE.
 */
enum iommufd_option {
	IOMMU_OPTION_RLIMIT_MODE = 0,
	IOMMU_OPTION_HUGE_PAGES = 1,
};

/**
 * enum iommufd_option_ops - operations of IOMMU_OPTION
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
 * @object_id: id of the object that has the option, 0 for options of the file
 * @val64: SET: in, GET: out: the value
 *
 * Sets or reads an option. Only @val64 is copied back.
 *
 * Errnos: EOPNOTSUPP for an unknown option or operation, @__reserved, or an
 * @object_id for an option of the file. EINVAL for a value that the option does
 * not have. ENOENT for an unknown object. For others see enum iommufd_option.
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
 * enum iommufd_vfio_ioas_op - operations of IOMMU_VFIO_IOAS
 * @IOMMU_VFIO_IOAS_GET: report which IOAS the VFIO ioctls work on
 * @IOMMU_VFIO_IOAS_SET: let them work on another IOAS
 * @IOMMU_VFIO_IOAS_CLEAR: let them work on none
 */
enum iommufd_vfio_ioas_op {
	IOMMU_VFIO_IOAS_GET = 0,
	IOMMU_VFIO_IOAS_SET = 1,
	IOMMU_VFIO_IOAS_CLEAR = 2,
};

/**
 * struct iommu_vfio_ioas - argument of IOMMU_VFIO_IOAS
 * @size: sizeof(struct iommu_vfio_ioas)
 * @ioas_id: SET: in, GET: out: id of the IOAS
 * @op: of enum iommufd_vfio_ioas_op
 * @__reserved: 0
 *
 * The ioctls of a VFIO type1 container have no room for an IOAS id. On this
 * file they work on the IOAS that is set here. The setting does not keep the
 * IOAS alive: destroying it has the effect of CLEAR.
 *
 * Errnos: ENODEV for GET when no IOAS is set, ENOENT for an unknown IOAS,
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
 * enum iommufd_hwpt_alloc_flags - flags of IOMMU_HWPT_ALLOC
 * @IOMMU_HWPT_ALLOC_NEST_PARENT: the HWPT can be the parent of nested ones and
 *                                of a virtual IOMMU
 * @IOMMU_HWPT_ALLOC_DIRTY_TRACKING: the HWPT can record which pages devices
 *                                   write
 * @IOMMU_HWPT_FAULT_ID_VALID: page faults go to the fault queue @fault_id
 * @IOMMU_HWPT_ALLOC_PASID: the HWPT can be attached to a PASID, and the device
 *                          that uses it can have PASIDs attached
 *
 * A nested HWPT takes FAULT_ID_VALID and PASID only. FAULT_ID_VALID does not go
 * together with NEST_PARENT.
 */
enum iommufd_hwpt_alloc_flags {
	IOMMU_HWPT_ALLOC_NEST_PARENT = 1 << 0,
	IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 1 << 1,
	IOMMU_HWPT_FAULT_ID_VALID = 1 << 2,
	IOMMU_HWPT_ALLOC_PASID = 1 << 3,
};

/**
 * enum iommu_hwpt_vtd_s1_flags - flags of struct iommu_hwpt_vtd_s1
 * @IOMMU_VTD_S1_SRE: requests for supervisor privilege are allowed
 * @IOMMU_VTD_S1_EAFE: the hardware sets the extended accessed bit
 * @IOMMU_VTD_S1_WPE: requests for supervisor privilege respect write protection
 */
enum iommu_hwpt_vtd_s1_flags {
	IOMMU_VTD_S1_SRE = 1 << 0,
	IOMMU_VTD_S1_EAFE = 1 << 1,
	IOMMU_VTD_S1_WPE = 1 << 2,
};

/**
 * struct iommu_hwpt_vtd_s1 - a first-stage page table of Intel VT-d
 * @flags: of enum iommu_hwpt_vtd_s1_flags
 * @pgtbl_addr: address of the root of the table, in the space of the parent
 * @addr_width: width in bits of the addresses that the table translates
 * @__reserved: 0
 *
 * The parameters with which the hardware walks the table of the guest. They go
 * into the scalable-mode PASID table entry, VT-d specification section 9.6. The
 * guest owns the table; it is read through the parent HWPT.
 */
struct iommu_hwpt_vtd_s1 {
	__aligned_u64 flags;
	__aligned_u64 pgtbl_addr;
	__u32 addr_width;
	__u32 __reserved;
};

/**
 * struct iommu_hwpt_arm_smmuv3 - the stage 1 part of an Arm SMMUv3 stream table
 *                                entry
 * @ste: the first two doublewords of the entry, little-endian
 *
 * The guest's stream table entry, SMMUv3 specification (IHI 0070) section 5.2.
 * The kernel takes V, Config, S1Fmt, S1ContextPtr and S1CDMax from the first
 * doubleword and S1DSS, S1CIR, S1COR, S1CSH, S1STALLD and EATS from the second.
 * All other bits must be zero (EIO). Config selects abort, bypass, or
 * translation by the guest's context descriptors.
 */
struct iommu_hwpt_arm_smmuv3 {
	__aligned_le64 ste[2];
};

/**
 * struct iommu_hwpt_amd_guest - the guest part of an AMD device table entry
 * @dte: the entry as the guest has written it
 *
 * 256 bits, the lowest ones first; AMD I/O Virtualization Technology
 * specification (48882) section 2.2.2.1. The kernel takes the fields of the
 * guest translation from it, such as the root of the GCR3 table. What concerns
 * the host comes from the parent.
 */
struct iommu_hwpt_amd_guest {
	__aligned_u64 dte[4];
};

/**
 * enum iommu_hwpt_data_type - type of the data of IOMMU_HWPT_ALLOC
 * @IOMMU_HWPT_DATA_NONE: no data
 * @IOMMU_HWPT_DATA_VTD_S1: struct iommu_hwpt_vtd_s1
 * @IOMMU_HWPT_DATA_ARM_SMMUV3: struct iommu_hwpt_arm_smmuv3
 * @IOMMU_HWPT_DATA_AMD_GUEST: struct iommu_hwpt_amd_guest
 */
enum iommu_hwpt_data_type {
	IOMMU_HWPT_DATA_NONE = 0,
	IOMMU_HWPT_DATA_VTD_S1 = 1,
	IOMMU_HWPT_DATA_ARM_SMMUV3 = 2,
	IOMMU_HWPT_DATA_AMD_GUEST = 3,
};

/**
 * struct iommu_hwpt_alloc - argument of IOMMU_HWPT_ALLOC
 * @size: sizeof(struct iommu_hwpt_alloc)
 * @flags: of enum iommufd_hwpt_alloc_flags
 * @dev_id: id of a device, which determines the IOMMU of the page table
 * @pt_id: id of the IOAS that the page table translates, or, for a nested HWPT,
 *         of the HWPT that is its parent or of a virtual IOMMU on that parent
 * @out_hwpt_id: out: id of the new HWPT
 * @__reserved: 0
 * @data_type: of enum iommu_hwpt_data_type
 * @data_len: bytes of the data, 0 if and only if the type is NONE
 * @data_uptr: user address of the data, ignored when there is none
 * @fault_id: id of a fault queue, ignored without IOMMU_HWPT_FAULT_ID_VALID
 * @__reserved2: ignored
 *
 * On an IOAS, creates a hardware page table (HWPT) with all mappings of the
 * IOAS. From then on it follows the changes of the IOAS, whether or not a
 * device is attached. It belongs to the caller: an attach to the IOAS does not
 * select it, a detach does not free it, IOMMU_DESTROY does.
 *
 * On a HWPT or a virtual IOMMU, creates a nested HWPT: a table in memory of the
 * guest, which the data describes, translates to addresses that the parent
 * translates further. Mappings are made in the IOAS of the parent, and the
 * reserved ranges of an attached device are reserved there. After changes of
 * its table the guest needs IOMMU_HWPT_INVALIDATE. The new HWPT keeps its
 * parent, or the virtual IOMMU and by it the parent.
 *
 * Page faults of the attached devices go to the fault queue if there is one.
 * The HWPT keeps the queue. Otherwise the IOMMU refuses what is not mapped.
 *
 * Whether the HWPT makes DMA coherent even if a device asks for no snooping is
 * decided here, once, by what @dev_id can do. A device that cannot do the same
 * cannot be attached to it (EINVAL).
 *
 * Errnos: EOPNOTSUPP for @__reserved. EINVAL when @data_type and @data_len do
 * not fit together. ENOENT for an unknown device. EINVAL when @pt_id is unknown
 * or the id of another kind of object. ENOENT for an unknown fault queue, which
 * comes last. EFAULT for the data.
 *
 * On an IOAS: EOPNOTSUPP for a flag or data that the IOMMU of the device cannot
 * do. EADDRINUSE when a mapping or an allowed range of the IOAS is at IOVAs
 * that the hardware cannot translate, or is not aligned to its pages. EINVAL
 * when a nesting parent of Intel VT-d would get a mapping without WRITEABLE.
 * EFAULT and ENOMEM as for IOMMU_IOAS_MAP, since memory that was mapped earlier
 * may have to be pinned now.
 *
 * On a HWPT or a virtual IOMMU: EINVAL when that is for another IOMMU than that
 * of the device. EOPNOTSUPP for another flag, without data, or when the IOMMU
 * cannot nest or does not know the type. EINVAL when the parent was made
 * without NEST_PARENT or by an attach, when the data is shorter than the first
 * version of its struct or longer than the kernel's, or when the hardware
 * cannot do what it asks for.
 */
struct iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 __reserved;
	__u32 data_type;
	__u32 data_len;
	__aligned_u64 data_uptr;
	__u32 fault_id;
	__u32 __reserved2;
};
#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_ALLOC)

/**
 * enum iommu_hw_info_vtd_flags - flags of struct iommu_hw_info_vtd
 * @IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17: the hardware has the erratum 772415
 *
 * Erratum 772415 of Sapphire Rapids: in a nested translation the hardware may
 * write accessed and dirty bits of first-stage entries even if the parent maps
 * the memory of these entries read-only. So the memory of a guest must not rely
 * on read-only mappings.
 */
enum iommu_hw_info_vtd_flags {
	IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 = 1 << 0,
};

/**
 * struct iommu_hw_info_vtd - what IOMMU_GET_HW_INFO reports for Intel VT-d
 * @flags: of enum iommu_hw_info_vtd_flags
 * @__reserved: always 0
 * @cap_reg: the Capability Register, VT-d specification section 11.4.2
 * @ecap_reg: the Extended Capability Register, VT-d specification section
 *            11.4.3
 *
 * The registers of the remapping unit that translates the DMA of the device, as
 * the hardware reports them. Section numbers are those of revision 4 of the
 * specification.
 */
struct iommu_hw_info_vtd {
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

/**
 * enum iommu_hw_info_arm_smmuv3_flags - flags of struct
 *                                       iommu_hw_info_arm_smmuv3
 * @IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI: TLBI and CFGI commands
 *                                                    have to be issued twice
 */
enum iommu_hw_info_arm_smmuv3_flags {
	IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI = 1 << 0,
};

/**
 * struct iommu_hw_info_arm_smmuv3 - what IOMMU_GET_HW_INFO reports for Arm
 *                                   SMMUv3
 * @flags: of enum iommu_hw_info_arm_smmuv3_flags
 * @__reserved: always 0
 * @idr: the registers SMMU_IDR0 to SMMU_IDR5
 * @iidr: the register SMMU_IIDR
 * @aidr: the register SMMU_AIDR
 *
 * The registers as the hardware reports them, SMMUv3 specification (IHI 0070)
 * sections 6.3.1 to 6.3.8. A feature that a register shows may still be one
 * that the kernel does not use; a virtual machine monitor offers to its guest
 * only what it knows to work.
 */
struct iommu_hw_info_arm_smmuv3 {
	__u32 flags;
	__u32 __reserved;
	__u32 idr[6];
	__u32 iidr;
	__u32 aidr;
};

/**
 * struct iommu_hw_info_tegra241_cmdqv - what IOMMU_GET_HW_INFO reports for the
 *                                       CMDQV extension of NVIDIA Tegra241
 * @flags: always 0
 * @version: version of the extension
 * @log2vcmdqs: log2 of the number of virtual command queues of a virtual IOMMU
 * @log2vsids: log2 of the number of virtual stream ids of a virtual IOMMU
 * @__reserved: always 0
 *
 * Asked for by its type, as the IOMMU's default is iommu_hw_info_arm_smmuv3.
 */
struct iommu_hw_info_tegra241_cmdqv {
	__u32 flags;
	__u8 version;
	__u8 log2vcmdqs;
	__u8 log2vsids;
	__u8 __reserved;
};

/**
 * struct iommu_hw_info_amd - what IOMMU_GET_HW_INFO reports for an AMD IOMMU
 * @efr: the Extended Feature Register
 * @efr2: the Extended Feature 2 Register
 *
 * The registers at MMIO offsets 0030h and 01A0h, AMD I/O Virtualization
 * Technology specification (48882), as the hardware reports them.
 */
struct iommu_hw_info_amd {
	__aligned_u64 efr;
	__aligned_u64 efr2;
};

/**
 * enum iommu_hw_info_type - type of the data that IOMMU_GET_HW_INFO returns
 * @IOMMU_HW_INFO_TYPE_NONE: out: the IOMMU reports nothing; the data has
 *                           length 0
 * @IOMMU_HW_INFO_TYPE_DEFAULT: in: the type that the driver prefers
 * @IOMMU_HW_INFO_TYPE_INTEL_VTD: struct iommu_hw_info_vtd
 * @IOMMU_HW_INFO_TYPE_ARM_SMMUV3: struct iommu_hw_info_arm_smmuv3
 * @IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV: struct iommu_hw_info_tegra241_cmdqv
 * @IOMMU_HW_INFO_TYPE_AMD: struct iommu_hw_info_amd
 */
enum iommu_hw_info_type {
	IOMMU_HW_INFO_TYPE_NONE = 0,
	IOMMU_HW_INFO_TYPE_DEFAULT = 0,
	IOMMU_HW_INFO_TYPE_INTEL_VTD = 1,
	IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2,
	IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV = 3,
	IOMMU_HW_INFO_TYPE_AMD = 4,
};

/**
 * enum iommufd_hw_capabilities - bits of @out_capabilities of IOMMU_GET_HW_INFO
 * @IOMMU_HW_CAP_DIRTY_TRACKING: IOMMU_HWPT_ALLOC_DIRTY_TRACKING works with the
 *                               device
 * @IOMMU_HW_CAP_PCI_PASID_EXEC: the device can mark requests with a PASID as
 *                               instruction fetches; Execute Permission
 *                               Supported, PCIe specification, PASID Capability
 *                               Register
 * @IOMMU_HW_CAP_PCI_PASID_PRIV: the device can mark requests with a PASID as
 *                               privileged; Privileged Mode Supported in the
 *                               same register
 * @IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: the device cannot use Address
 *                                      Translation Services; set also for a
 *                                      device that is not a PCI device
 *
 * DIRTY_TRACKING is a promise: with it, an allocation with the flag does not
 * fail for lack of support. The two bits of PASID are set only while PASIDs are
 * enabled.
 */
enum iommufd_hw_capabilities {
	IOMMU_HW_CAP_DIRTY_TRACKING = 1 << 0,
	IOMMU_HW_CAP_PCI_PASID_EXEC = 1 << 1,
	IOMMU_HW_CAP_PCI_PASID_PRIV = 1 << 2,
	IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 1 << 3,
};

/**
 * enum iommufd_hw_info_flags - flags of IOMMU_GET_HW_INFO
 * @IOMMU_HW_INFO_FLAG_INPUT_TYPE: @in_data_type is the type that the caller
 *                                 wants
 */
enum iommufd_hw_info_flags {
	IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1 << 0,
};

/**
 * struct iommu_hw_info - argument of IOMMU_GET_HW_INFO
 * @size: sizeof(struct iommu_hw_info)
 * @flags: of enum iommufd_hw_info_flags
 * @dev_id: id of the device
 * @data_len: in: bytes of the buffer, may be 0; out: bytes of the data that the
 *            kernel has, which may be more or less
 * @data_uptr: user address of the buffer
 * @in_data_type: in, with IOMMU_HW_INFO_FLAG_INPUT_TYPE: the type wanted, of
 *                enum iommu_hw_info_type
 * @out_data_type: out: of enum iommu_hw_info_type
 * @out_max_pasid_log2: out: log2 of the number of PASIDs that the device can
 *                      use, 0 for none
 * @__reserved: 0
 * @out_capabilities: out: of enum iommufd_hw_capabilities
 *
 * Reports what the IOMMU in front of a device can do, in the format of that
 * kind of IOMMU, and what device and kernel can do with it. A buffer shorter
 * than the data gets the first bytes. The rest of a longer buffer is filled
 * with zeros.
 *
 * Some IOMMUs have more than one type of data. Without
 * IOMMU_HW_INFO_FLAG_INPUT_TYPE the answer has the default type, and
 * @in_data_type is ignored. An IOMMU that has no data answers NONE whatever
 * type is asked for.
 *
 * Errnos: EOPNOTSUPP for a flag or @__reserved. ENOENT for an unknown device.
 * EOPNOTSUPP for a device without IOMMU, or when the IOMMU has data of other
 * types than the wanted one only. EFAULT for the buffer.
 */
struct iommu_hw_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 data_len;
	__aligned_u64 data_uptr;
	union {
		__u32 in_data_type;
		__u32 out_data_type;
	};
	__u8 out_max_pasid_log2;
	__u8 __reserved[3];
	__aligned_u64 out_capabilities;
};
#define IOMMU_GET_HW_INFO _IO(IOMMUFD_TYPE, IOMMUFD_CMD_GET_HW_INFO)

/**
 * enum iommufd_hwpt_set_dirty_tracking_flags - flags of
 *                                              IOMMU_HWPT_SET_DIRTY_TRACKING
 * @IOMMU_HWPT_DIRTY_TRACKING_ENABLE: record writes; without it, stop
 */
enum iommufd_hwpt_set_dirty_tracking_flags {
	IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1,
};

/**
 * struct iommu_hwpt_set_dirty_tracking - argument of
 *                                        IOMMU_HWPT_SET_DIRTY_TRACKING
 * @size: sizeof(struct iommu_hwpt_set_dirty_tracking)
 * @flags: of enum iommufd_hwpt_set_dirty_tracking_flags
 * @hwpt_id: id of the HWPT
 * @__reserved: ignored
 *
 * Starts or stops to record which pages devices write through a HWPT that was
 * made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING. To start, also again, makes all
 * pages clean before the ioctl returns. To stop leaves the records as they are.
 *
 * Errnos: EOPNOTSUPP for a flag. ENOENT when the HWPT is unknown or a nested
 * one. EOPNOTSUPP when it was made without dirty tracking.
 */
struct iommu_hwpt_set_dirty_tracking {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 __reserved;
};
#define IOMMU_HWPT_SET_DIRTY_TRACKING \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING)

/**
 * enum iommufd_hwpt_get_dirty_bitmap_flags - flags of
 *                                            IOMMU_HWPT_GET_DIRTY_BITMAP
 * @IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR: pages that are reported stay dirty
 */
enum iommufd_hwpt_get_dirty_bitmap_flags {
	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1,
};

/**
 * struct iommu_hwpt_get_dirty_bitmap - argument of IOMMU_HWPT_GET_DIRTY_BITMAP
 * @size: sizeof(struct iommu_hwpt_get_dirty_bitmap)
 * @hwpt_id: id of the HWPT
 * @flags: of enum iommufd_hwpt_get_dirty_bitmap_flags
 * @__reserved: 0
 * @iova: start of the range
 * @length: bytes of the range
 * @page_size: bytes that a bit of the bitmap stands for, a power of two
 * @data: user address of the bitmap, of any alignment
 *
 * Reports which pages devices have written. The lowest bit of the first byte of
 * the bitmap stands for the @page_size bytes at @iova, each following bit for
 * the next ones. The bitmap has a bit for every @page_size bytes of the range;
 * the kernel writes no byte beyond the one with the last bit. It only sets
 * bits: the caller zeroes the bitmap before.
 *
 * The hardware records whole IO pages. @page_size may be smaller or larger;
 * every bit is set whose memory overlaps a dirty IO page. What is not mapped, and
 * the memory of devices (BARs and dma-bufs), is never dirty. Without NO_CLEAR the pages that are reported become
 * clean, and the IOTLB is flushed before the ioctl returns, so that what a
 * device writes is reported by this call or by a later one. IOMMU_IOAS_UNMAP
 * drops what is recorded in its range.
 *
 * Errnos, in this order: EOPNOTSUPP for a flag or @__reserved. ENOENT when the
 * HWPT is unknown or a nested one. EINVAL for length 0. EOVERFLOW when the
 * range goes past the end of the address space. EINVAL when @iova or @length is
 * not a multiple of the alignment that IOMMU_IOAS_IOVA_RANGES reports, when
 * @page_size is not a power of two, or when @iova or @length is not a multiple
 * of it. EOPNOTSUPP when the HWPT was made without dirty tracking. ENOMEM.
 * EFAULT when the bitmap cannot be written: the pages whose bits did not arrive
 * are dirty still.
 */
struct iommu_hwpt_get_dirty_bitmap {
	__u32 size;
	__u32 hwpt_id;
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 data;
};
#define IOMMU_HWPT_GET_DIRTY_BITMAP \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP)

/**
 * enum iommu_hwpt_invalidate_data_type - type of the entries of
 *                                        IOMMU_HWPT_INVALIDATE
 * @IOMMU_HWPT_INVALIDATE_DATA_VTD_S1: struct iommu_hwpt_vtd_s1_invalidate, for
 *                                     a nested HWPT of VT-d
 * @IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3: struct
 *                                           iommu_viommu_arm_smmuv3_invalidate,
 *                                           for a virtual IOMMU
 */
enum iommu_hwpt_invalidate_data_type {
	IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0,
	IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1,
};

/**
 * enum iommu_hwpt_vtd_s1_invalidate_flags - flags of struct
 *                                           iommu_hwpt_vtd_s1_invalidate
 * @IOMMU_VTD_INV_FLAGS_LEAF: only leaf entries have changed
 */
enum iommu_hwpt_vtd_s1_invalidate_flags {
	IOMMU_VTD_INV_FLAGS_LEAF = 1 << 0,
};

/**
 * struct iommu_hwpt_vtd_s1_invalidate - a range of a VT-d first-stage table to
 *                                       invalidate
 * @addr: start of the range, a multiple of 4 KiB
 * @npages: number of 4 KiB pages; 2^64-1 with @addr 0 means all
 * @flags: of enum iommu_hwpt_vtd_s1_invalidate_flags
 * @__reserved: 0
 *
 * Drops what the IOTLB and the paging-structure caches have of the range, or
 * with LEAF only what they have of its last-level entries, as the
 * PASID-based-IOTLB Invalidate Descriptor does, VT-d specification section
 * 6.5.2.4. The device's own caches (ATS) are included. PASID and domain id are
 * those of the HWPT.
 *
 * Errnos: EOPNOTSUPP for a flag or @__reserved. EINVAL when @addr is not a
 * multiple of 4 KiB, or @npages is 2^64-1 and @addr is not 0.
 */
struct iommu_hwpt_vtd_s1_invalidate {
	__aligned_u64 addr;
	__aligned_u64 npages;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct iommu_viommu_arm_smmuv3_invalidate - an invalidation command of Arm
 *                                             SMMUv3
 * @cmd: the command as the guest has queued it, little-endian
 *
 * A command of SMMUv3 specification (IHI 0070) chapter 4: CMD_TLBI_NSNH_ALL,
 * CMD_TLBI_NH_VA, CMD_TLBI_NH_VAA, CMD_TLBI_NH_ALL, CMD_TLBI_NH_ASID,
 * CMD_ATC_INV, CMD_CFGI_CD, CMD_CFGI_CD_ALL. The kernel replaces the VMID by
 * that of the virtual IOMMU, and the StreamID, which is a @virt_id of a virtual
 * device, by that of the device. Other commands, and a StreamID without virtual
 * device, are EIO.
 */
struct iommu_viommu_arm_smmuv3_invalidate {
	__aligned_le64 cmd[2];
};

/**
 * struct iommu_hwpt_invalidate - argument of IOMMU_HWPT_INVALIDATE
 * @size: sizeof(struct iommu_hwpt_invalidate)
 * @hwpt_id: id of a nested HWPT or of a virtual IOMMU
 * @data_uptr: user address of an array of entries
 * @data_type: of enum iommu_hwpt_invalidate_data_type
 * @entry_len: bytes of an entry
 * @entry_num: in: number of entries; out, also on failure: number of entries
 *             that have been processed
 * @__reserved: 0
 *
 * Tells the IOMMU that a guest has changed its page table. The entries are
 * executed in order up to the first bad one. When the ioctl returns, the
 * hardware does not use old contents any more.
 *
 * With @entry_num 0 nothing happens, and the ioctl tells whether the HWPT or
 * the virtual IOMMU takes entries of this type; @data_uptr and @entry_len are
 * ignored.
 *
 * Errnos: EOPNOTSUPP for @__reserved. EINVAL when there are entries, but
 * @data_uptr or @entry_len is 0, @entry_len is above PAGE_SIZE, or @entry_num
 * is above 2^19. ENOENT for an unknown id, EINVAL when it is neither a nested
 * HWPT nor a virtual IOMMU. EOPNOTSUPP when it cannot invalidate, EINVAL when
 * it has another @data_type. EINVAL when @entry_len is shorter than the first
 * version of the entry's struct or longer than the kernel's, EFAULT for the
 * array, and the errnos of the entry. EFAULT, whatever else failed, when
 * @entry_num cannot be written.
 */
struct iommu_hwpt_invalidate {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 data_uptr;
	__u32 data_type;
	__u32 entry_len;
	__u32 entry_num;
	__u32 __reserved;
};
#define IOMMU_HWPT_INVALIDATE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_INVALIDATE)

/**
 * enum iommu_hwpt_pgfault_flags - flags of struct iommu_hwpt_pgfault
 * @IOMMU_PGFAULT_FLAGS_PASID_VALID: the request had a PASID
 * @IOMMU_PGFAULT_FLAGS_LAST_PAGE: the last fault of its group
 */
enum iommu_hwpt_pgfault_flags {
	IOMMU_PGFAULT_FLAGS_PASID_VALID = 1 << 0,
	IOMMU_PGFAULT_FLAGS_LAST_PAGE = 1 << 1,
};

/**
 * enum iommu_hwpt_pgfault_perm - the access that a device has asked for
 * @IOMMU_PGFAULT_PERM_READ: to read
 * @IOMMU_PGFAULT_PERM_WRITE: to write
 * @IOMMU_PGFAULT_PERM_EXEC: to fetch instructions
 * @IOMMU_PGFAULT_PERM_PRIV: with supervisor privilege
 */
enum iommu_hwpt_pgfault_perm {
	IOMMU_PGFAULT_PERM_READ = 1 << 0,
	IOMMU_PGFAULT_PERM_WRITE = 1 << 1,
	IOMMU_PGFAULT_PERM_EXEC = 1 << 2,
	IOMMU_PGFAULT_PERM_PRIV = 1 << 3,
};

/**
 * struct iommu_hwpt_pgfault - a page fault, as read from a fault queue
 * @flags: of enum iommu_hwpt_pgfault_flags
 * @dev_id: id of the device that has faulted
 * @pasid: PASID of the request, with IOMMU_PGFAULT_FLAGS_PASID_VALID
 * @grpid: index of the page request group, chosen by the device, PCIe
 *         specification, Page Request Message; the device may use it again
 *         before the group is answered
 * @perm: of enum iommu_hwpt_pgfault_perm
 * @__reserved: always 0
 * @addr: the address that has faulted
 * @length: always 0
 * @cookie: number of the group for the answer
 *
 * A device may ask for several pages at a time. These make a group, which is
 * read as a whole and answered once. The last fault of a group has LAST_PAGE;
 * all have the same @cookie, which is the lowest number, from 1, that no other
 * group in this queue has at the time.
 */
struct iommu_hwpt_pgfault {
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__u32 __reserved;
	__aligned_u64 addr;
	__u32 length;
	__u32 cookie;
};

/**
 * enum iommufd_page_response_code - answers to a group of page faults
 * @IOMMUFD_PAGE_RESP_SUCCESS: the pages are there, the device may try again
 * @IOMMUFD_PAGE_RESP_INVALID: the pages cannot be provided
 */
enum iommufd_page_response_code {
	IOMMUFD_PAGE_RESP_SUCCESS = 0,
	IOMMUFD_PAGE_RESP_INVALID = 1,
};

/**
 * struct iommu_hwpt_page_response - an answer, as written to a fault queue
 * @cookie: that of the group
 * @code: of enum iommufd_page_response_code
 *
 * The answer ends the group, and its cookie may be used for another one.
 */
struct iommu_hwpt_page_response {
	__u32 cookie;
	__u32 code;
};

/**
 * struct iommu_fault_alloc - argument of IOMMU_FAULT_QUEUE_ALLOC
 * @size: sizeof(struct iommu_fault_alloc)
 * @flags: 0
 * @out_fault_id: out: id of the new fault queue
 * @out_fault_fd: out: file descriptor of the new fault queue
 *
 * Creates a queue of page faults. IOMMU_HWPT_ALLOC connects it to any number of
 * HWPTs. Two things keep it: HWPTs and the file, which is closed on exec. The
 * file also keeps the context, so faults can be read when /dev/iommu is closed.
 * To free the queue, destroy the HWPTs, close the file and use IOMMU_DESTROY,
 * or close all of the context.
 *
 * read() gives an array of struct iommu_hwpt_pgfault with as many whole groups
 * as fit, oldest first. It never blocks; it returns 0 when no fault is queued.
 * Errnos: ESPIPE when the count is not a multiple of the struct's size. EINVAL
 * when not even the first group fits, EFAULT for the buffer when it could not
 * get the first group; no group is lost by that.
 *
 * write() takes an array of struct iommu_hwpt_page_response. It returns the
 * bytes of those it has accepted; an errno means that the first is bad. Errnos:
 * ESPIPE when the count is not a multiple of the struct's size. EINVAL for an
 * unknown code or cookie, also that of a group that was answered. EFAULT.
 *
 * poll() reports POLLIN while a fault is queued, POLLOUT always.
 *
 * When a device is detached or gets another HWPT, the kernel answers its groups
 * with INVALID, whether they were read or not. A later answer is EINVAL then.
 * It does so before the device moves, so also if the move fails afterwards. When
 * the file is closed, all groups of the queue, and all that come later, get the
 * same answer.
 *
 * Errnos: EOPNOTSUPP for a flag. ENOMEM. EMFILE and ENFILE when no file
 * descriptor or file is left, EFAULT when the ids cannot be written; nothing is
 * left behind.
 */
struct iommu_fault_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_fault_id;
	__u32 out_fault_fd;
};
#define IOMMU_FAULT_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_FAULT_QUEUE_ALLOC)

/**
 * enum iommu_viommu_type - kinds of virtual IOMMUs
 * @IOMMU_VIOMMU_TYPE_DEFAULT: none, not valid in IOMMU_VIOMMU_ALLOC
 * @IOMMU_VIOMMU_TYPE_ARM_SMMUV3: Arm SMMUv3
 * @IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV: Arm SMMUv3 with the CMDQV extension of
 *                                    NVIDIA Tegra241
 */
enum iommu_viommu_type {
	IOMMU_VIOMMU_TYPE_DEFAULT = 0,
	IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * struct iommu_viommu_tegra241_cmdqv - data of a virtual IOMMU of that type
 * @out_vintf_mmap_offset: out: offset of the first page of the virtual
 *                         interface, for mmap() of /dev/iommu
 * @out_vintf_mmap_length: out: bytes to mmap
 *
 * mmap() of /dev/iommu with this offset and length gives the guest the
 * registers that submit to its virtual command queues.
 */
struct iommu_viommu_tegra241_cmdqv {
	__aligned_u64 out_vintf_mmap_offset;
	__aligned_u64 out_vintf_mmap_length;
};

/**
 * struct iommu_viommu_alloc - argument of IOMMU_VIOMMU_ALLOC
 * @size: sizeof(struct iommu_viommu_alloc)
 * @flags: 0
 * @type: of enum iommu_viommu_type
 * @dev_id: id of a device, which determines the IOMMU
 * @hwpt_id: id of the parent HWPT
 * @out_viommu_id: out: id of the new virtual IOMMU
 * @data_len: bytes of the data, 0 if the type has none
 * @__reserved: ignored
 * @data_uptr: user address of the data, which the kernel may write, too
 *
 * Creates a virtual IOMMU: the part of the IOMMU in front of the device that
 * one guest gets, with its own ids. What it translates goes through the parent
 * HWPT, which must have been made with IOMMU_HWPT_ALLOC_NEST_PARENT. It keeps
 * the parent HWPT, but not the device. It is the @pt_id of nested HWPTs, and
 * virtual devices, event queues and hardware queues belong to it.
 *
 * Where a struct gives an offset and a length for it, mmap() of /dev/iommu with
 * exactly these, and with MAP_SHARED, maps registers of the hardware. The
 * memory keeps the object that it belongs to. Errnos of mmap: EINVAL when the
 * length is not a multiple of the page size or for MAP_PRIVATE, EPERM for
 * PROT_EXEC, ENXIO for all that is not such a region.
 *
 * Errnos: EOPNOTSUPP for a flag or @type DEFAULT. ENOENT for an unknown device.
 * EOPNOTSUPP when its IOMMU has no virtual IOMMUs of this type. ENOENT when
 * @hwpt_id is not the id of a HWPT or is that of a nested one. EINVAL when the
 * HWPT was made without NEST_PARENT, or when the data is too short. EFAULT for
 * the data. ENOMEM.
 */
struct iommu_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
	__u32 data_len;
	__u32 __reserved;
	__aligned_u64 data_uptr;
};
#define IOMMU_VIOMMU_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VIOMMU_ALLOC)

/**
 * struct iommu_vdevice_alloc - argument of IOMMU_VDEVICE_ALLOC
 * @size: sizeof(struct iommu_vdevice_alloc)
 * @viommu_id: id of the virtual IOMMU
 * @dev_id: id of the device
 * @out_vdevice_id: out: id of the new virtual device
 * @virt_id: id that the device has at the virtual IOMMU: for Arm SMMUv3 its
 *           virtual StreamID, for Intel VT-d and AMD its virtual requester id
 *
 * Tells a virtual IOMMU by which id the guest knows a device. A device has at
 * most one virtual device. The virtual device keeps the virtual IOMMU.
 *
 * When the device is unbound, its virtual device is destroyed, whatever uses
 * it. The id remains in use, and IOMMU_DESTROY of it is ENOENT, until the
 * context is closed. So an id does not come to mean another object without
 * notice.
 *
 * Errnos: ENOENT for an unknown virtual IOMMU or device, also for one that is
 * being unbound. EINVAL when another IOMMU is in front of the device, or when
 * the driver does not take @virt_id. EEXIST when the device has a virtual
 * device, at any virtual IOMMU, or when another one at this virtual IOMMU has
 * @virt_id. ENOMEM.
 */
struct iommu_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};
#define IOMMU_VDEVICE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VDEVICE_ALLOC)

/**
 * enum iommu_veventq_flag - flags of struct iommufd_vevent_header
 * @IOMMU_VEVENTQ_FLAG_LOST_EVENTS: events were dropped; no data follows
 */
enum iommu_veventq_flag {
	IOMMU_VEVENTQ_FLAG_LOST_EVENTS = 1U << 0,
};

/**
 * struct iommufd_vevent_header - what stands before each event of a queue
 * @flags: of enum iommu_veventq_flag
 * @sequence: number of the event, from 0 to 2^31-1 and again from 0; events
 *            that are dropped count, too
 *
 * When the queue is full, further events are dropped, and a header with
 * LOST_EVENTS stands at its end, without data. Its @sequence is that of the
 * last event that was dropped. When there is room again, the next event takes
 * the place of this header; the gap in the sequence shows the loss then.
 */
struct iommufd_vevent_header {
	__u32 flags;
	__u32 sequence;
};

/**
 * enum iommu_veventq_type - types of the events of a queue
 * @IOMMU_VEVENTQ_TYPE_DEFAULT: none, not valid in IOMMU_VEVENTQ_ALLOC
 * @IOMMU_VEVENTQ_TYPE_ARM_SMMUV3: struct iommu_vevent_arm_smmuv3
 * @IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV: struct iommu_vevent_tegra241_cmdqv
 */
enum iommu_veventq_type {
	IOMMU_VEVENTQ_TYPE_DEFAULT = 0,
	IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * struct iommu_vevent_arm_smmuv3 - an event of a virtual Arm SMMUv3
 * @evt: the event record, little-endian
 *
 * SMMUv3 specification (IHI 0070) section 7.3. The StreamID is the @virt_id of
 * the virtual device, all else is as the hardware has recorded it. The guest
 * sees the event in its own event queue.
 */
struct iommu_vevent_arm_smmuv3 {
	__aligned_le64 evt[4];
};

/**
 * struct iommu_vevent_tegra241_cmdqv - an event of a virtual Tegra241 CMDQV
 * @lvcmdq_err_map: a bit for each virtual command queue with an error,
 *                  little-endian
 *
 * Bit n is that of the queue with @index n of IOMMU_HW_QUEUE_ALLOC; it is set
 * while the queue is stopped by an error.
 */
struct iommu_vevent_tegra241_cmdqv {
	__aligned_le64 lvcmdq_err_map[2];
};

/**
 * struct iommu_veventq_alloc - argument of IOMMU_VEVENTQ_ALLOC
 * @size: sizeof(struct iommu_veventq_alloc)
 * @flags: 0
 * @viommu_id: id of the virtual IOMMU
 * @type: of enum iommu_veventq_type
 * @veventq_depth: number of events that the queue holds, 1 to 2^19
 * @out_veventq_id: out: id of the new event queue
 * @out_veventq_fd: out: file descriptor of the new event queue
 * @__reserved: 0; may be missing
 *
 * Creates a queue for the events of one type of a virtual IOMMU. Until it
 * exists these events are dropped. The queue keeps the virtual IOMMU. Its file,
 * which is closed on exec, keeps queue and context as that of a fault queue
 * does, see struct iommu_fault_alloc. A virtual IOMMU that has no events of the
 * type leaves the queue empty.
 *
 * read() gives events, each a struct iommufd_vevent_header and the struct of
 * its type, as many whole ones as fit, oldest first. It never blocks; it
 * returns 0 when the queue is empty. Errnos: EINVAL when the count is less than
 * a header, or when the first event does not fit, EFAULT for the buffer; the
 * event stays in the queue. poll() reports POLLIN while an event is queued.
 * write() is EINVAL.
 *
 * Errnos: EOPNOTSUPP for a flag, @__reserved or @type DEFAULT. EINVAL for
 * @veventq_depth 0 or above 2^19. ENOENT for an unknown virtual IOMMU. EEXIST
 * when it has a queue of this type. ENOMEM. EMFILE and ENFILE when no file
 * descriptor or file is left, EFAULT when the ids cannot be written; nothing is
 * left behind.
 */
struct iommu_veventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 veventq_depth;
	__u32 out_veventq_id;
	__u32 out_veventq_fd;
	__u32 __reserved;
};
#define IOMMU_VEVENTQ_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VEVENTQ_ALLOC)

/**
 * enum iommu_hw_queue_type - types of hardware queues
 * @IOMMU_HW_QUEUE_TYPE_DEFAULT: none, not valid in IOMMU_HW_QUEUE_ALLOC
 * @IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV: a virtual command queue of NVIDIA
 *                                      Tegra241
 */
enum iommu_hw_queue_type {
	IOMMU_HW_QUEUE_TYPE_DEFAULT = 0,
	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1,
};

/**
 * struct iommu_hw_queue_alloc - argument of IOMMU_HW_QUEUE_ALLOC
 * @size: sizeof(struct iommu_hw_queue_alloc)
 * @flags: 0
 * @viommu_id: id of the virtual IOMMU
 * @type: of enum iommu_hw_queue_type
 * @index: which queue of the virtual IOMMU
 * @out_hw_queue_id: out: id of the new hardware queue
 * @nesting_parent_iova: start of the queue's memory, as an IOVA of the parent
 *                       HWPT
 * @length: bytes of the queue's memory
 *
 * Lets the hardware use a queue in memory of the guest directly. The memory
 * must be mapped READABLE in the IOAS of the parent HWPT and physically
 * contiguous. It is pinned, and its mapping cannot be removed, until the queue
 * is destroyed (IOMMU_IOAS_UNMAP is EBUSY). The queue keeps the virtual IOMMU.
 * The hardware may require an order, then a queue also keeps that with the next
 * lower @index.
 *
 * Errnos: EOPNOTSUPP for a flag or @type DEFAULT. EINVAL for length 0.
 * EOVERFLOW when the range goes past the end of the address space. ENOENT for
 * an unknown virtual IOMMU. EOPNOTSUPP when it has no hardware queues of this
 * type. ENOENT when a part of the range is not mapped, EPERM when it is mapped
 * without READABLE, EFAULT when it is not physically contiguous or cannot be
 * pinned. ENOMEM. Further errnos of the driver.
 */
struct iommu_hw_queue_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 index;
	__u32 out_hw_queue_id;
	__aligned_u64 nesting_parent_iova;
	__aligned_u64 length;
};
#define IOMMU_HW_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HW_QUEUE_ALLOC)

/**
 * struct iommu_ioas_noiommu_get_pa - argument of IOMMU_IOAS_NOIOMMU_GET_PA
 * @size: sizeof(struct iommu_ioas_noiommu_get_pa)
 * @flags: 0
 * @ioas_id: id of the IOAS
 * @__reserved: 0
 * @iova: IOVA of mapped memory
 * @length: in: bytes asked for; out: bytes that are physically contiguous
 * @out_phys: out: physical address of the memory
 *
 * For drivers in user space of devices that have no IOMMU, and so have to be
 * programmed with physical addresses: reports where mapped memory is. The
 * physical address is that of @iova. @length comes back as the number of bytes
 * from there that are contiguous in memory and in one mapping; at most as many
 * as were asked for, so that a longer range takes several calls. The memory is
 * pinned and does not move as long as the mapping exists and a device without
 * IOMMU is attached.
 *
 * Errnos: EOPNOTSUPP, before any other test, when the kernel has no support of
 * devices without IOMMU. EPERM without CAP_SYS_RAWIO. EOPNOTSUPP for a flag or
 * @__reserved. EINVAL for length 0. EOVERFLOW when @iova is 2^64-1. ENOENT for
 * an unknown IOAS, or when @iova is not mapped. EINVAL when it is in a dma-buf
 * that is revoked. EOPNOTSUPP when no device is attached, or a device with an
 * IOMMU.
 */
struct iommu_ioas_noiommu_get_pa {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 out_phys;
};
#define IOMMU_IOAS_NOIOMMU_GET_PA \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_NOIOMMU_GET_PA)

#endif
