// SPDX-License-Identifier: GPL-2.0
/*
 * The character device of a PCI device: /dev/vfio/devices/vfioN. User space
 * finds it through /sys/bus/pci/devices/<address>/vfio-dev/vfioN/dev.
 *
 * vfio's own device_add() makes the node. It uses the number and the path that
 * are set here before the device is registered with vfio.
 *
 * A file is a user of the device's registration from open to release, bound or
 * not, like a device file of a group. Removal of the driver asks the user to
 * close the file and waits for the release. So everything that a file operation
 * uses exists as long as the operation runs.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "cdev.h"

static dev_t vfio_pci_cdev_devt;
static DEFINE_IDA(vfio_pci_cdev_minors);

static char *vfio_pci_cdev_devnode(devnode_const struct device *device,
				   umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	return kasprintf(GFP_KERNEL, "vfio/devices/%s", dev_name(device));
}

static const struct device_type vfio_pci_cdev_type = {
	.name = "vfio-pci-cdev",
	.devnode = vfio_pci_cdev_devnode,
};

/* Become a user of the registration; false once it has ended. */
static bool vfio_pci_cdev_get(struct vfio_pci_cdev *dev)
{
	return !READ_ONCE(dev->removed) &&
	       refcount_inc_not_zero(&dev->core.vdev.refcount);
}

/* The last user wakes vfio_unregister_group_dev(). */
static void vfio_pci_cdev_put(struct vfio_pci_cdev *dev)
{
	if (refcount_dec_and_test(&dev->core.vdev.refcount))
		complete(&dev->core.vdev.comp);
}

static int vfio_pci_cdev_fops_open(struct inode *inode, struct file *filep)
{
	struct vfio_pci_cdev *dev =
		container_of(inode->i_cdev, struct vfio_pci_cdev, cdev);

	/* The node exists before the registration is complete. */
	if (wait_for_completion_killable(&dev->registered))
		return -EINTR;
	if (!vfio_pci_cdev_get(dev))
		return -ENODEV;
	vfio_pci_file_share_mapping(filep, &dev->core);
	filep->private_data = dev;
	return 0;
}

/*
 * When the user exits, the device may still run and have everything mapped. The
 * VFS holds the cdev, hence dev, until after the put.
 */
static int vfio_pci_cdev_fops_release(struct inode *inode, struct file *filep)
{
	struct vfio_pci_cdev *dev = filep->private_data;

	if (vfio_pci_cdev_bound(dev, filep))
		vfio_pci_cdev_unbind(dev);
	vfio_pci_cdev_put(dev);
	return 0;
}

/*
 * vfio itself implements two features, migration and DMA logging, for drivers
 * that support them. vfio-pci-core does not, and answers ENOTTY to their
 * numbers. So its function is all that is needed here.
 */
static long vfio_pci_cdev_feature_ioctl(struct vfio_pci_cdev *dev,
					struct vfio_device_feature __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_feature, flags);
	const u32 ops = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	struct vfio_device_feature feature;

	if (copy_from_user(&feature, arg, minsz))
		return -EFAULT;
	if (feature.argsz < minsz)
		return -EINVAL;
	if (feature.flags &
	    ~(VFIO_DEVICE_FEATURE_MASK | VFIO_DEVICE_FEATURE_PROBE | ops))
		return -EINVAL;
	/* GET and SET together are valid only with PROBE. */
	if (!(feature.flags & VFIO_DEVICE_FEATURE_PROBE) &&
	    (feature.flags & ops) == ops)
		return -EINVAL;
	return vfio_pci_core_ioctl_feature(&dev->core.vdev, feature.flags,
					   arg->data, feature.argsz - minsz);
}

static long vfio_pci_cdev_dispatch(struct vfio_pci_cdev *dev, unsigned int cmd,
				   unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return vfio_pci_cdev_attach_ioctl(dev, uarg);
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return vfio_pci_cdev_detach_ioctl(dev, uarg);
	case VFIO_DEVICE_FEATURE:
		return vfio_pci_cdev_feature_ioctl(dev, uarg);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return vfio_pci_cdev_hot_reset_info_ioctl(dev, uarg);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return vfio_pci_cdev_hot_reset_ioctl(dev, uarg);
	default:
		return vfio_pci_core_ioctl(&dev->core.vdev, cmd, arg);
	}
}

static long vfio_pci_cdev_fops_ioctl(struct file *filep, unsigned int cmd,
				     unsigned long arg)
{
	struct vfio_pci_cdev *dev = filep->private_data;
	struct device *device = &dev->core.pdev->dev;
	long rc;

	if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		return vfio_pci_cdev_bind_ioctl(dev, filep, (void __user *)arg);
	if (!vfio_pci_cdev_bound(dev, filep))
		return -EINVAL;

	/* It may sleep, see VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY. */
	if (pm_runtime_resume_and_get(device))
		return -EIO;
	rc = vfio_pci_cdev_dispatch(dev, cmd, arg);
	pm_runtime_put(device);
	return rc;
}

static ssize_t vfio_pci_cdev_fops_read(struct file *filep, char __user *buf,
				       size_t count, loff_t *ppos)
{
	struct vfio_pci_cdev *dev = filep->private_data;

	if (!vfio_pci_cdev_bound(dev, filep))
		return -EINVAL;
	return vfio_pci_core_read(&dev->core.vdev, buf, count, ppos);
}

static ssize_t vfio_pci_cdev_fops_write(struct file *filep,
					const char __user *buf, size_t count,
					loff_t *ppos)
{
	struct vfio_pci_cdev *dev = filep->private_data;

	if (!vfio_pci_cdev_bound(dev, filep))
		return -EINVAL;
	return vfio_pci_core_write(&dev->core.vdev, buf, count, ppos);
}

static int vfio_pci_cdev_fops_mmap(struct file *filep,
				   struct vm_area_struct *vma)
{
	struct vfio_pci_cdev *dev = filep->private_data;

	if (!vfio_pci_cdev_bound(dev, filep))
		return -EINVAL;
	return vfio_pci_core_mmap(&dev->core.vdev, vma);
}

static const struct file_operations vfio_pci_cdev_fops = {
	.owner = THIS_MODULE,
	.open = vfio_pci_cdev_fops_open,
	.release = vfio_pci_cdev_fops_release,
	.read = vfio_pci_cdev_fops_read,
	.write = vfio_pci_cdev_fops_write,
	.unlocked_ioctl = vfio_pci_cdev_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vfio_pci_cdev_fops_mmap,
};

/* Called while the device is allocated: @dev->core has no kobject yet. */
int vfio_pci_cdev_node_init(struct vfio_pci_cdev *dev)
{
	int minor;

	minor = ida_alloc_max(&vfio_pci_cdev_minors, MINORMASK, GFP_KERNEL);
	if (minor < 0)
		return minor;
	dev->minor = minor;
	init_completion(&dev->registered);
	mutex_init(&dev->lock);
	return 0;
}

/* Nothing refers to the device or its number any more. */
void vfio_pci_cdev_node_fini(struct vfio_pci_cdev *dev)
{
	mutex_destroy(&dev->lock);
	ida_free(&vfio_pci_cdev_minors, dev->minor);
}

/*
 * The cdev is added first, so that its number works when the uevent of the node
 * is sent. The first open() waits for @registered.
 */
int vfio_pci_cdev_register(struct vfio_pci_cdev *dev)
{
	struct device *device = &dev->core.vdev.device;
	int rc;

	device->devt = MKDEV(MAJOR(vfio_pci_cdev_devt), dev->minor);
	device->type = &vfio_pci_cdev_type;
	cdev_init(&dev->cdev, &vfio_pci_cdev_fops);
	dev->cdev.owner = THIS_MODULE;
	cdev_set_parent(&dev->cdev, &device->kobj);
	rc = cdev_add(&dev->cdev, device->devt, 1);
	if (rc)
		return rc;

	rc = vfio_pci_core_register_device(&dev->core);
	if (rc) {
		WRITE_ONCE(dev->removed, true);
		cdev_del(&dev->cdev);
	}
	complete_all(&dev->registered);
	return rc;
}

/*
 * Who may still be in there, and why each of them ends:
 *  - an open() that found the cdev before cdev_del(), or finds it in an inode
 *    later: it sees @removed, or it joins the users and is waited for;
 *  - users of files of the cdev and of the group: unregistering sends them
 *    VFIO_PCI_REQ_IRQ_INDEX and waits for all;
 *  - a holder of the cdev's kobject: it pins dev, and touches nothing.
 */
void vfio_pci_cdev_unregister(struct vfio_pci_cdev *dev)
{
	WRITE_ONCE(dev->removed, true);
	cdev_del(&dev->cdev);
	vfio_pci_core_unregister_device(&dev->core);
}

int vfio_pci_cdev_chrdev_init(void)
{
	return alloc_chrdev_region(&vfio_pci_cdev_devt, 0, MINORMASK + 1,
				   "vfio-pci-cdev");
}

void vfio_pci_cdev_chrdev_exit(void)
{
	ida_destroy(&vfio_pci_cdev_minors);
	unregister_chrdev_region(vfio_pci_cdev_devt, MINORMASK + 1);
}
