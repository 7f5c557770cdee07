// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: /dev/iommu
 *
 * Each open of the device makes a context, which lives as long as the file.
 * Drivers that bind devices hold a reference to the file.
 *
 * Every ioctl has a struct whose first member is its size. The dispatcher
 * refuses a struct that is shorter than its first version. It accepts one that
 * is longer than in this kernel if the rest is zero. Then it calls the handler
 * in the table. Numbers outside the table may be ioctls of a VFIO container.
 */
#include <linux/fault-inject-usercopy.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "context.h"
#include "debugfs.h"
#include "fdinfo.h"
#include "ioctl.h"
#include "object.h"
#include "prefault.h"
#include "stats.h"
#include "umem_bar.h"
#include "umem_dmabuf.h"
#include "test_hook.h"
#include "viommu_mmap.h"

/**
 * struct iommufd_ioctl - one line of the ioctl table
 * @size: size of the struct in this kernel
 * @min_size: size of the first version of the struct
 * @cmd: ioctl number
 * @execute: handler
 */
struct iommufd_ioctl {
	unsigned int size;
	unsigned int min_size;
	unsigned int cmd;
	int (*execute)(struct iommufd_ucmd *ucmd);
};

static int iommufd_destroy_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_destroy *cmd = ucmd->cmd;

	return iommufd_object_destroy(ucmd->ictx, cmd->id);
}

union iommufd_ucmd_buffer {
	struct iommu_destroy destroy;
	struct iommu_fault_alloc fault_alloc;
	struct iommu_hw_info hw_info;
	struct iommu_hw_queue_alloc hw_queue_alloc;
	struct iommu_hwpt_alloc hwpt_alloc;
	struct iommu_hwpt_get_dirty_bitmap get_dirty_bitmap;
	struct iommu_hwpt_invalidate hwpt_invalidate;
	struct iommu_hwpt_set_dirty_tracking set_dirty_tracking;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_allow_iovas allow_iovas;
	struct iommu_ioas_change_process change_process;
	struct iommu_ioas_copy ioas_copy;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map ioas_map;
	struct iommu_ioas_map_file ioas_map_file;
	struct iommu_ioas_noiommu_get_pa ioas_noiommu_get_pa;
	struct iommu_ioas_unmap ioas_unmap;
	struct iommu_option option;
	struct iommu_vdevice_alloc vdevice_alloc;
	struct iommu_veventq_alloc veventq_alloc;
	struct iommu_vfio_ioas vfio_ioas;
	struct iommu_viommu_alloc viommu_alloc;
};

/* The index is checked too: two lines for one number do not compile. */
#define IOMMUFD_IOCTL(_cmd, _fn, _struct, _last)                              \
	[_IOC_NR(_cmd) - IOMMUFD_CMD_BASE] = {                                \
		.size = sizeof(_struct) +                                     \
			BUILD_BUG_ON_ZERO(sizeof(union iommufd_ucmd_buffer) < \
					  sizeof(_struct)) +                  \
			BUILD_BUG_ON_ZERO(offsetof(_struct, size)) +          \
			BUILD_BUG_ON_ZERO(sizeof_field(_struct, size) !=      \
					  sizeof(u32)),                       \
		.min_size = offsetofend(_struct, _last),                      \
		.cmd = _cmd,                                                  \
		.execute = _fn,                                               \
	}

static const struct iommufd_ioctl iommufd_ioctls[] = {
	IOMMUFD_IOCTL(IOMMU_DESTROY, iommufd_destroy_ioctl,
		      struct iommu_destroy, id),
	IOMMUFD_IOCTL(IOMMU_FAULT_QUEUE_ALLOC, iommufd_fault_alloc_ioctl,
		      struct iommu_fault_alloc, out_fault_fd),
	IOMMUFD_IOCTL(IOMMU_GET_HW_INFO, iommufd_get_hw_info_ioctl,
		      struct iommu_hw_info, __reserved),
	IOMMUFD_IOCTL(IOMMU_HW_QUEUE_ALLOC, iommufd_hw_queue_alloc_ioctl,
		      struct iommu_hw_queue_alloc, length),
	IOMMUFD_IOCTL(IOMMU_HWPT_ALLOC, iommufd_hwpt_alloc_ioctl,
		      struct iommu_hwpt_alloc, __reserved),
	IOMMUFD_IOCTL(IOMMU_HWPT_GET_DIRTY_BITMAP,
		      iommufd_hwpt_get_dirty_bitmap_ioctl,
		      struct iommu_hwpt_get_dirty_bitmap, data),
	IOMMUFD_IOCTL(IOMMU_HWPT_SET_DIRTY_TRACKING,
		      iommufd_hwpt_set_dirty_tracking_ioctl,
		      struct iommu_hwpt_set_dirty_tracking, __reserved),
	IOMMUFD_IOCTL(IOMMU_HWPT_INVALIDATE, iommufd_hwpt_invalidate_ioctl,
		      struct iommu_hwpt_invalidate, __reserved),
	IOMMUFD_IOCTL(IOMMU_IOAS_ALLOC, iommufd_ioas_alloc_ioctl,
		      struct iommu_ioas_alloc, out_ioas_id),
	IOMMUFD_IOCTL(IOMMU_IOAS_ALLOW_IOVAS, iommufd_ioas_allow_iovas_ioctl,
		      struct iommu_ioas_allow_iovas, allowed_iovas),
	IOMMUFD_IOCTL(IOMMU_IOAS_CHANGE_PROCESS,
		      iommufd_ioas_change_process_ioctl,
		      struct iommu_ioas_change_process, __reserved),
	IOMMUFD_IOCTL(IOMMU_IOAS_COPY, iommufd_ioas_copy_ioctl,
		      struct iommu_ioas_copy, src_iova),
	IOMMUFD_IOCTL(IOMMU_IOAS_IOVA_RANGES, iommufd_ioas_iova_ranges_ioctl,
		      struct iommu_ioas_iova_ranges, out_iova_alignment),
	IOMMUFD_IOCTL(IOMMU_IOAS_MAP, iommufd_ioas_map_ioctl,
		      struct iommu_ioas_map, iova),
	IOMMUFD_IOCTL(IOMMU_IOAS_MAP_FILE, iommufd_ioas_map_file_ioctl,
		      struct iommu_ioas_map_file, iova),
	IOMMUFD_IOCTL(IOMMU_IOAS_NOIOMMU_GET_PA,
		      iommufd_ioas_noiommu_get_pa_ioctl,
		      struct iommu_ioas_noiommu_get_pa, out_phys),
	IOMMUFD_IOCTL(IOMMU_IOAS_UNMAP, iommufd_ioas_unmap_ioctl,
		      struct iommu_ioas_unmap, length),
	IOMMUFD_IOCTL(IOMMU_OPTION, iommufd_option_ioctl, struct iommu_option,
		      val64),
	IOMMUFD_IOCTL(IOMMU_VDEVICE_ALLOC, iommufd_vdevice_alloc_ioctl,
		      struct iommu_vdevice_alloc, virt_id),
	IOMMUFD_IOCTL(IOMMU_VEVENTQ_ALLOC, iommufd_veventq_alloc_ioctl,
		      struct iommu_veventq_alloc, out_veventq_fd),
	IOMMUFD_IOCTL(IOMMU_VFIO_IOAS, iommufd_vfio_ioas_ioctl,
		      struct iommu_vfio_ioas, __reserved),
	IOMMUFD_IOCTL(IOMMU_VIOMMU_ALLOC, iommufd_viommu_alloc_ioctl,
		      struct iommu_viommu_alloc, out_viommu_id),
};

/*
 * As copy_from_user() of some words, which costs more than the few that most
 * commands have.
 */
static __always_inline int copy_words_from_user(u64 *to, const u64 __user *from,
						unsigned int nr)
{
	if (should_fail_usercopy() ||
	    !user_access_begin(from, nr * sizeof(*from)))
		return -EFAULT;
	for (; nr; nr--)
		unsafe_get_user(*to++, from++, out_fault);
	user_access_end();
	return 0;

out_fault:
	user_access_end();
	return -EFAULT;
}

/* Copy a command of @user_size bytes. Members that it lacks become 0. */
static __always_inline int copy_cmd_from_user(union iommufd_ucmd_buffer *buffer,
					      const struct iommufd_ioctl *op,
					      const void __user *from,
					      unsigned int user_size)
{
	if (likely(user_size == op->size && user_size % sizeof(u64) == 0))
		return copy_words_from_user((u64 *)buffer, from,
					    user_size / sizeof(u64));
	return copy_struct_from_user(buffer, op->size, from, user_size);
}

static long iommufd_fops_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	struct iommufd_ucmd ucmd = {
		.ictx = file->private_data,
		.ubuffer = (void __user *)arg,
	};
	unsigned int index = _IOC_NR(cmd) - IOMMUFD_CMD_BASE;
	const struct iommufd_ioctl *op;
	union iommufd_ucmd_buffer buffer __uninitialized;
	int rc;

	if (cmd == IOMMU_TEST_CMD)
		return iommufd_test_ioctl(ucmd.ictx, ucmd.ubuffer);
	if (index >= ARRAY_SIZE(iommufd_ioctls))
		return iommufd_vfio_ioctl(ucmd.ictx, cmd, arg);
	index = array_index_nospec(index, ARRAY_SIZE(iommufd_ioctls));
	op = &iommufd_ioctls[index];
	if (op->cmd != cmd || !op->execute)
		return -ENOTTY;

	if (get_user(ucmd.user_size, (u32 __user *)ucmd.ubuffer))
		return -EFAULT;
	if (ucmd.user_size < op->min_size)
		return -EINVAL;
	/* All of the tail is read to check that it is zero: limit it. */
	if (ucmd.user_size > PAGE_SIZE)
		return -E2BIG;

	ucmd.cmd = &buffer;
	rc = copy_cmd_from_user(&buffer, op, ucmd.ubuffer, ucmd.user_size);
	if (rc)
		return rc;
	return op->execute(&ucmd);
}

static int iommufd_fops_open(struct inode *inode, struct file *file)
{
	struct iommufd_ctx *ictx;

	ictx = iommufd_ctx_create(file);
	if (!ictx)
		return -ENOMEM;
	file->private_data = ictx;
	iommufd_debugfs_add(ictx);
	return 0;
}

static int iommufd_fops_release(struct inode *inode, struct file *file)
{
	struct iommufd_ctx *ictx = file->private_data;

	iommufd_debugfs_remove(ictx);
	iommufd_objects_destroy_all(ictx);
	iommufd_test_put(ictx);
	iommufd_ctx_free(ictx);
	return 0;
}

static int iommufd_fops_mmap(struct file *file, struct vm_area_struct *vma)
{
	return iommufd_viommu_mmap(file->private_data, vma);
}

static void iommufd_fops_show_fdinfo(struct seq_file *seq, struct file *file)
{
	iommufd_show_fdinfo(seq, file->private_data);
}

static const struct file_operations iommufd_fops = {
	.owner = THIS_MODULE,
	.open = iommufd_fops_open,
	.release = iommufd_fops_release,
	.unlocked_ioctl = iommufd_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = iommufd_fops_mmap,
	.llseek = noop_llseek,
	.show_fdinfo = iommufd_fops_show_fdinfo,
};

/**
 * iommufd_ctx_from_file() - the context of an open file
 * @file: file
 *
 * Return: the context with a reference for iommufd_ctx_put(), or
 * ERR_PTR(-EBADFD) if @file is not an open /dev/iommu.
 */
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	struct iommufd_ctx *ictx;

	if (file->f_op != &iommufd_fops)
		return ERR_PTR(-EBADFD);
	ictx = file->private_data;
	iommufd_ctx_get(ictx);
	return ictx;
}
EXPORT_SYMBOL_GPL(iommufd_ctx_from_file);

/**
 * iommufd_ctx_from_fd() - the context of a file descriptor
 * @fd: file descriptor of the current process
 *
 * Return: the context with a reference for iommufd_ctx_put(), ERR_PTR(-EBADF)
 * if @fd is not open, ERR_PTR(-EBADFD) if it is not an open /dev/iommu.
 */
struct iommufd_ctx *iommufd_ctx_from_fd(int fd)
{
	struct file *file = fget(fd);
	struct iommufd_ctx *ictx;

	if (!file)
		return ERR_PTR(-EBADF);
	ictx = iommufd_ctx_from_file(file);
	fput(file);
	return ictx;
}
EXPORT_SYMBOL_GPL(iommufd_ctx_from_fd);

static struct miscdevice iommufd_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommu",
	.fops = &iommufd_fops,
	.nodename = "iommu",
	.mode = 0660,
};

static int __init iommufd_init(void)
{
	int rc = prefault_init();

	if (rc)
		return rc;
	rc = umem_bars_init();
	if (rc)
		goto out_prefault_exit;
	rc = iommufd_counters_init();
	if (rc)
		goto out_bars_exit;
	iommufd_debugfs_init();
	rc = misc_register(&iommufd_misc);
	if (rc)
		goto out_counters_exit;
	umem_dmabuf_set_importer(iommufd_misc.this_device);
	return 0;

out_counters_exit:
	iommufd_debugfs_exit();
	iommufd_counters_exit();
out_bars_exit:
	umem_bars_exit();
out_prefault_exit:
	prefault_exit();
	return rc;
}

static void __exit iommufd_exit(void)
{
	misc_deregister(&iommufd_misc);
	iommufd_debugfs_exit();
	iommufd_counters_exit();
	umem_bars_exit();
	prefault_exit();
}

module_init(iommufd_init);
module_exit(iommufd_exit);

MODULE_DESCRIPTION("I/O address spaces for user space: /dev/iommu");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_LICENSE("GPL");
/* iommu_attach_group_handle() and its like */
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
