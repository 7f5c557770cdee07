// SPDX-License-Identifier: GPL-2.0
/*
 * The character device of a vfio device: /dev/vfio/devices/vfioN. User space
 * finds it through the file vfio-dev/vfioN/dev in the device's directory of
 * sysfs.
 *
 * vfio.ko has registered its device without a number. So the node belongs to a
 * device of this module, a child of vfio's, and vfio's directory gets the file
 * that tells the number.
 *
 * A file is a user of the device's registration from open to release, bound or
 * not, like a device file of a group. Removal of the driver asks the user to
 * close the file and waits for the release. So everything that a file operation
 * uses exists as long as the operation runs.
 */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/iommufd.h>
#include <linux/kdev_t.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "cdev.h"
#include "pci.h"

static dev_t vfio_cdev_devt;
static DEFINE_IDA(vfio_cdev_minors);

static char *vfio_cdev_devnode(devnode_const struct device *device,
			       umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	return kasprintf(GFP_KERNEL, "vfio/devices/%s", dev_name(device));
}

static const struct device_type vfio_cdev_type = {
	.name = "vfio-cdev",
	.devnode = vfio_cdev_devnode,
};

static struct class vfio_cdev_class = {
	.name = "vfio-cdev",
};

/* Become a user of the registration, or return the reason why not. */
static int vfio_cdev_try_get(struct vfio_cdev *dev)
{
	int rc = 0;

	spin_lock(&dev->gate);
	if (dev->removed)
		rc = -ENODEV;
	/* Some kernels remove the cdev after the last user is gone. */
	else if (dev->vdev->dev->links.status == DL_DEV_UNBINDING)
		rc = -ENODEV;
	else if (!refcount_inc_not_zero(&dev->vdev->refcount))
		rc = -EAGAIN;
	spin_unlock(&dev->gate);
	return rc;
}

/* A reference to the device whose driver has registered with vfio, or NULL */
static struct device *vfio_cdev_get_parent(struct vfio_cdev *dev)
{
	struct device *parent = NULL;

	spin_lock(&dev->gate);
	if (!dev->removed)
		parent = get_device(dev->vdev->dev);
	spin_unlock(&dev->gate);
	return parent;
}

/*
 * vfio.ko announces its device before the registration is complete. Both happen
 * in the probe function of the driver, so wait for its end.
 */
static int vfio_cdev_get(struct vfio_cdev *dev)
{
	int rc = vfio_cdev_try_get(dev);
	struct device *parent;

	if (rc != -EAGAIN)
		return rc;
	parent = vfio_cdev_get_parent(dev);
	if (!parent)
		return -ENODEV;
	rc = device_lock_interruptible(parent);
	if (!rc) {
		rc = vfio_cdev_try_get(dev);
		device_unlock(parent);
	}
	put_device(parent);
	return rc == -EAGAIN ? -ENODEV : rc;
}

/* The last user wakes vfio_unregister_group_dev(). */
static void vfio_cdev_put(struct vfio_cdev *dev)
{
	struct vfio_device *vdev = dev->vdev;

	if (refcount_dec_and_test(&vdev->refcount))
		complete(&vdev->comp);
}

/**
 * vfio_cdev_join_in_group() - become a user of a device if it is in a group
 * @dev: device
 * @group: file of the group
 *
 * Context: any. The caller makes sure that @dev is not destroyed meanwhile.
 * Return: true if the device is in the group and is registered. The caller is
 * then a user of it until vfio_cdev_leave().
 */
bool vfio_cdev_join_in_group(struct vfio_cdev *dev, struct file *group)
{
	bool in_group;

	spin_lock(&dev->gate);
	in_group = !dev->removed && vfio_file_has_dev(group, dev->vdev);
	spin_unlock(&dev->gate);
	if (!in_group || vfio_cdev_try_get(dev))
		return false;
	get_device(&dev->device);
	return true;
}

/* Undo vfio_cdev_join_in_group(). */
void vfio_cdev_leave(struct vfio_cdev *dev)
{
	vfio_cdev_put(dev);
	put_device(&dev->device);
}
EXPORT_SYMBOL_GPL(vfio_cdev_leave);

static int vfio_cdev_fops_open(struct inode *inode, struct file *filep)
{
	struct vfio_cdev *dev =
		container_of(inode->i_cdev, struct vfio_cdev, cdev);
	struct vfio_cdev_file *file;
	int rc;

	if (dev->noiommu && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	rc = vfio_cdev_get(dev);
	if (rc) {
		kfree(file);
		return rc;
	}
	file->dev = dev;
	spin_lock_init(&file->kvm_lock);
	vfio_file_share_mapping(filep, dev->vdev);
	filep->private_data = file;
	return 0;
}

/*
 * When the user exits, the device may still run and have everything mapped. The
 * VFS holds the cdev, hence dev, until after the put.
 */
static int vfio_cdev_fops_release(struct inode *inode, struct file *filep)
{
	struct vfio_cdev_file *file = filep->private_data;
	struct vfio_cdev *dev = file->dev;

	if (vfio_cdev_bound(file))
		vfio_cdev_unbind(dev);
	vfio_cdev_kvm_release(file);
	vfio_cdev_put(dev);
	kfree(file);
	return 0;
}

/* What the driver knows, it does as for a user of the group. */
static long vfio_cdev_driver_ioctl(struct vfio_cdev *dev, unsigned int cmd,
				   unsigned long arg)
{
	struct vfio_device *vdev = dev->vdev;

	if (cmd == VFIO_DEVICE_FEATURE)
		return vfio_cdev_feature_ioctl(vdev, (void __user *)arg);
	if (cmd == VFIO_DEVICE_GET_REGION_INFO && vfio_has_region_info_caps())
		return vfio_cdev_region_info_ioctl(vdev, (void __user *)arg);
	if (!vdev->ops->ioctl)
		return -EINVAL;
	return vdev->ops->ioctl(vdev, cmd, arg);
}

static long vfio_cdev_dispatch(struct vfio_cdev *dev, unsigned int cmd,
			       unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return vfio_cdev_attach_ioctl(dev, uarg);
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return vfio_cdev_detach_ioctl(dev, uarg);
	}
	if (vfio_cdev_pci_core(dev->vdev)) {
		switch (cmd) {
		case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
			return vfio_cdev_hot_reset_info_ioctl(dev, uarg);
		case VFIO_DEVICE_PCI_HOT_RESET:
			return vfio_cdev_hot_reset_ioctl(dev, uarg);
		}
	}
	return vfio_cdev_driver_ioctl(dev, cmd, arg);
}

static bool vfio_cdev_has_pm(struct vfio_cdev *dev)
{
	const struct device_driver *driver = dev->vdev->dev->driver;

	return driver && driver->pm;
}

/* A call follows that may take BARs away. Return: 0 or -EIO. */
static int vfio_cdev_begin(struct vfio_cdev *dev)
{
	/* It may sleep, see VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY. */
	if (vfio_cdev_has_pm(dev) && pm_runtime_resume_and_get(dev->vdev->dev))
		return -EIO;
	vfio_bars_hold(dev->bars);
	return 0;
}

/* The call may have brought them back. */
static void vfio_cdev_end(struct vfio_cdev *dev)
{
	vfio_bars_release(dev->bars);
	vfio_bars_revoke_in_low_power(dev->vdev);
	if (vfio_cdev_has_pm(dev))
		pm_runtime_put(dev->vdev->dev);
}

long vfio_cdev_fops_ioctl(struct file *filep, unsigned int cmd,
			  unsigned long arg)
{
	struct vfio_cdev_file *file = filep->private_data;
	long rc;

	if (cmd == VFIO_DEVICE_BIND_IOMMUFD && !file->of_group)
		return vfio_cdev_bind_ioctl(file, (void __user *)arg);
	if (!vfio_cdev_bound(file) || cmd == VFIO_DEVICE_BIND_IOMMUFD)
		return -EINVAL;

	rc = vfio_cdev_begin(file->dev);
	if (rc)
		return rc;
	if (file->of_group)
		rc = vfio_cdev_driver_ioctl(file->dev, cmd, arg);
	else
		rc = vfio_cdev_dispatch(file->dev, cmd, arg);
	vfio_cdev_end(file->dev);
	return rc;
}
EXPORT_SYMBOL_GPL(vfio_cdev_fops_ioctl);

ssize_t vfio_cdev_fops_read(struct file *filep, char __user *buf, size_t count,
			    loff_t *ppos)
{
	struct vfio_cdev_file *file = filep->private_data;
	struct vfio_device *vdev = file->dev->vdev;

	if (!vfio_cdev_bound(file) || !vdev->ops->read)
		return -EINVAL;
	return vdev->ops->read(vdev, buf, count, ppos);
}
EXPORT_SYMBOL_GPL(vfio_cdev_fops_read);

static ssize_t vfio_cdev_config_write(struct vfio_cdev *dev,
				      const char __user *buf, size_t count,
				      loff_t *ppos)
{
	ssize_t done = vfio_cdev_begin(dev);

	if (done)
		return done;
	done = dev->vdev->ops->write(dev->vdev, buf, count, ppos);
	vfio_cdev_end(dev);
	return done;
}

ssize_t vfio_cdev_fops_write(struct file *filep, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	struct vfio_cdev_file *file = filep->private_data;
	struct vfio_device *vdev = file->dev->vdev;

	if (!vfio_cdev_bound(file) || !vdev->ops->write)
		return -EINVAL;
	if (file->dev->bars &&
	    VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_cdev_config_write(file->dev, buf, count, ppos);
	return vdev->ops->write(vdev, buf, count, ppos);
}
EXPORT_SYMBOL_GPL(vfio_cdev_fops_write);

int vfio_cdev_fops_mmap(struct file *filep, struct vm_area_struct *vma)
{
	struct vfio_cdev_file *file = filep->private_data;
	struct vfio_device *vdev = file->dev->vdev;
	struct vfio_pci_core_device *core;
	int rc;

	if (!vfio_cdev_bound(file) || !vdev->ops->mmap)
		return -EINVAL;
	rc = vdev->ops->mmap(vdev, vma);
	core = vfio_cdev_pci_core(vdev);
	if (!rc && core)
		vfio_pci_vma_watch(core, vma);
	return rc;
}
EXPORT_SYMBOL_GPL(vfio_cdev_fops_mmap);

/*
 * Where sysfs has the device: a program that was passed the file finds it so.
 * The file is a user of the device, bound or not, and so keeps it there. Its
 * release unbinds, so a bound one stays bound here.
 */
void vfio_cdev_fops_show_fdinfo(struct seq_file *seq, struct file *filep)
{
	struct vfio_cdev_file *file = filep->private_data;
	char *path;

	path = kobject_get_path(&file->dev->vdev->dev->kobj, GFP_KERNEL);
	if (!path)
		return;
	seq_printf(seq, "vfio-device-syspath: /sys%s\n", path);
	kfree(path);
	if (!vfio_cdev_bound(file))
		return;
	seq_printf(seq, "vfio-device-iommufd-id:\t%u\n", file->dev->devid);
	seq_printf(seq, "vfio-device-pt-id:\t%u\n",
		   vfio_dma_pt_id(file->dev));
}
EXPORT_SYMBOL_GPL(vfio_cdev_fops_show_fdinfo);

const struct file_operations vfio_cdev_fops = {
	.owner = THIS_MODULE,
	.open = vfio_cdev_fops_open,
	.release = vfio_cdev_fops_release,
	.read = vfio_cdev_fops_read,
	.write = vfio_cdev_fops_write,
	.unlocked_ioctl = vfio_cdev_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vfio_cdev_fops_mmap,
	.show_fdinfo = vfio_cdev_fops_show_fdinfo,
};
EXPORT_SYMBOL_GPL(vfio_cdev_fops);

static ssize_t vfio_cdev_dev_show(struct device *device,
				  struct device_attribute *attr, char *buf)
{
	struct vfio_cdev *dev = container_of(attr, struct vfio_cdev, dev_attr);

	return print_dev_t(buf, dev->device.devt);
}

/* Nothing refers to the device or its number any more. */
static void vfio_cdev_release(struct device *device)
{
	struct vfio_cdev *dev = container_of(device, struct vfio_cdev, device);

	mutex_destroy(&dev->lock);
	ida_free(&vfio_cdev_minors, MINOR(device->devt));
	iommufd_bar_device_put(dev->bars);
	kfree(dev);
}

/* Allocate the device of the node; put_device() frees it. */
static struct vfio_cdev *vfio_cdev_alloc(struct vfio_device *vdev)
{
	struct vfio_cdev *dev;
	int minor = -ENOMEM;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	if (vfio_cdev_pci_core(vdev)) {
		dev->bars = iommufd_bar_device_create(vfio_cdev_pci_core(vdev));
		if (!dev->bars)
			goto out_free;
	}
	minor = ida_alloc_max(&vfio_cdev_minors, MINORMASK, GFP_KERNEL);
	if (minor < 0)
		goto out_free_bars;
	dev->vdev = vdev;
	dev->noiommu = vfio_dma_is_noiommu(vdev);
	dev->enforces_coherency = iommufd_can_enforce_coherency(vdev->dev);
	spin_lock_init(&dev->gate);
	mutex_init(&dev->lock);
	xa_init_flags(&dev->pasids, XA_FLAGS_ACCOUNT);
	device_initialize(&dev->device);
	dev->device.parent = &vdev->device;
	dev->device.class = &vfio_cdev_class;
	dev->device.type = &vfio_cdev_type;
	dev->device.release = vfio_cdev_release;
	dev->device.devt = MKDEV(MAJOR(vfio_cdev_devt), minor);
	cdev_init(&dev->cdev, &vfio_cdev_fops);
	dev->cdev.owner = THIS_MODULE;
	sysfs_attr_init(&dev->dev_attr.attr);
	dev->dev_attr.attr.name = "dev";
	dev->dev_attr.attr.mode = 0444;
	dev->dev_attr.show = vfio_cdev_dev_show;
	return dev;

out_free_bars:
	iommufd_bar_device_put(dev->bars);
out_free:
	kfree(dev);
	return ERR_PTR(minor);
}

/**
 * vfio_cdev_create() - give a vfio device its character device
 * @vdev: device that is being registered with vfio or is registered. It must
 *        stay so until the caller calls vfio_cdev_destroy().
 *
 * Return: the character device, or an ERR_PTR.
 */
struct vfio_cdev *vfio_cdev_create(struct vfio_device *vdev)
{
	struct vfio_cdev *dev;
	int rc;

	dev = vfio_cdev_alloc(vdev);
	if (IS_ERR(dev))
		return dev;
	rc = dev_set_name(&dev->device, "%s%s", dev->noiommu ? "noiommu-" : "",
			  dev_name(&vdev->device));
	if (rc)
		goto out_put;
	rc = device_create_file(&vdev->device, &dev->dev_attr);
	if (rc)
		goto out_put;
	rc = cdev_device_add(&dev->cdev, &dev->device);
	if (rc)
		goto out_remove_file;
	return dev;

out_remove_file:
	device_remove_file(&vdev->device, &dev->dev_attr);
out_put:
	put_device(&dev->device);
	return ERR_PTR(rc);
}

/**
 * vfio_cdev_destroy() - take the character device of a vfio device away
 * @dev: character device; the caller must not use it any more
 *
 * Who may still be in there, and why each of them ends:
 *  - an open() that found the cdev before it was deleted, or finds it in an
 *    inode later: it sees @removed, or it joins the users and is waited for;
 *  - users of files of the cdev and of the group: vfio.ko sends them
 *    VFIO_PCI_REQ_IRQ_INDEX and waits for all, before or after this call. When
 *    this module is unloaded, there are no files of cdevs.
 *  - a holder of the cdev's kobject: it pins @dev, and does not touch vdev.
 */
void vfio_cdev_destroy(struct vfio_cdev *dev)
{
	spin_lock(&dev->gate);
	dev->removed = true;
	spin_unlock(&dev->gate);
	cdev_device_del(&dev->cdev, &dev->device);
	device_remove_file(&dev->vdev->device, &dev->dev_attr);
	put_device(&dev->device);
}

int vfio_cdev_nodes_init(void)
{
	int rc;

	rc = alloc_chrdev_region(&vfio_cdev_devt, 0, MINORMASK + 1,
				 "vfio-cdev");
	if (rc)
		return rc;
	rc = class_register(&vfio_cdev_class);
	if (rc)
		unregister_chrdev_region(vfio_cdev_devt, MINORMASK + 1);
	return rc;
}

void vfio_cdev_nodes_exit(void)
{
	class_unregister(&vfio_cdev_class);
	ida_destroy(&vfio_cdev_minors);
	unregister_chrdev_region(vfio_cdev_devt, MINORMASK + 1);
}
