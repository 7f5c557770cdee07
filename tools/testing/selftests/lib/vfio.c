// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio.h"

static int vfio_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

int vfio_cdev_open(const struct pci_device *pci)
{
	return open(pci->cdev, O_RDWR | O_CLOEXEC);
}

int _test_vfio_bind(int cdev, int iommufd, uint32_t *devid)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	int rc = vfio_ioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind);

	if (!rc)
		*devid = bind.out_devid;
	return rc;
}

int _test_vfio_attach(int cdev, uint32_t *pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = *pt_id,
	};
	int rc = vfio_ioctl(cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);

	if (!rc)
		*pt_id = attach.pt_id;
	return rc;
}

int _test_vfio_detach(int cdev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return vfio_ioctl(cdev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int _test_vfio_attach_pasid(int cdev, uint32_t argsz, uint32_t pasid,
			    uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = argsz,
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pt_id = pt_id,
		.pasid = pasid,
	};

	return vfio_ioctl(cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

int _test_vfio_detach_pasid(int cdev, uint32_t argsz, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = argsz,
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = pasid,
	};

	return vfio_ioctl(cdev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int _test_vfio_device_info(int cdev, struct vfio_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return vfio_ioctl(cdev, VFIO_DEVICE_GET_INFO, info);
}

int _test_vfio_region_info(int cdev, uint32_t index,
			   struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return vfio_ioctl(cdev, VFIO_DEVICE_GET_REGION_INFO, info);
}

int _test_vfio_irq_info(int cdev, uint32_t index, struct vfio_irq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return vfio_ioctl(cdev, VFIO_DEVICE_GET_IRQ_INFO, info);
}

int _test_vfio_reset(int cdev)
{
	return vfio_ioctl(cdev, VFIO_DEVICE_RESET, NULL);
}

int _test_vfio_hot_reset(int device, uint32_t count, const int32_t *groups)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t groups[2];
	} reset = {
		.head.argsz = sizeof(reset),
		.head.count = count,
	};

	for (uint32_t i = 0; i < count && i < 2; i++)
		reset.groups[i] = groups[i];
	return vfio_ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, &reset);
}

int _test_vfio_irq_eventfd(int cdev, uint32_t index, uint32_t sub, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index,
			.start = sub,
			.count = 1,
		},
		.fd = eventfd,
	};

	return vfio_ioctl(cdev, VFIO_DEVICE_SET_IRQS, &irq);
}

int _test_vfio_irq_disable(int cdev, uint32_t index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	return vfio_ioctl(cdev, VFIO_DEVICE_SET_IRQS, &set);
}

bool vfio_fdinfo_syspath(int device, char *path, size_t size)
{
	static const char key[] = "vfio-device-syspath: ";
	char name[64], line[4096];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", device);
	file = fopen(name, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, key, strlen(key));
		line[strcspn(line, "\n")] = '\0';
	}
	fclose(file);
	if (found)
		snprintf(path, size, "%s", line + strlen(key));
	return found;
}

int vfio_config_read(int cdev, unsigned int where, void *buf, size_t size)
{
	struct vfio_region_info info;
	int rc = _test_vfio_region_info(cdev, VFIO_PCI_CONFIG_REGION_INDEX,
					&info);

	if (rc)
		return rc;
	if (pread(cdev, buf, size, info.offset + where) != (ssize_t)size)
		return errno ? errno : EIO;
	return 0;
}

int vfio_config_write(int cdev, unsigned int where, const void *buf,
		      size_t size)
{
	struct vfio_region_info info;
	int rc = _test_vfio_region_info(cdev, VFIO_PCI_CONFIG_REGION_INDEX,
					&info);

	if (rc)
		return rc;
	if (pwrite(cdev, buf, size, info.offset + where) != (ssize_t)size)
		return errno ? errno : EIO;
	return 0;
}

static int vfio_command(int cdev, uint16_t clear, uint16_t set)
{
	uint16_t command;
	int rc;

	rc = vfio_config_read(cdev, PCI_COMMAND, &command, sizeof(command));
	if (rc)
		return rc;
	command = (command & ~clear) | set;
	return vfio_config_write(cdev, PCI_COMMAND, &command, sizeof(command));
}

int vfio_enable_dma(int cdev)
{
	return vfio_command(cdev, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

int vfio_enable_memory(int cdev, bool enable)
{
	return vfio_command(cdev, enable ? 0 : PCI_COMMAND_MEMORY,
			    enable ? PCI_COMMAND_MEMORY : 0);
}

void *vfio_bar_mmap(int cdev, uint32_t index, size_t *size)
{
	struct vfio_region_info info;
	void *bar;

	if (_test_vfio_region_info(cdev, index, &info) ||
	    !(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return NULL;
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, cdev,
		   info.offset);
	if (bar == MAP_FAILED)
		return NULL;
	if (size)
		*size = info.size;
	return bar;
}

static __thread sigjmp_buf bar_fault;
static __thread volatile sig_atomic_t bar_is_read;

/* Any other access faults again, and ends the process. */
static void bar_faulted(int signum)
{
	if (bar_is_read)
		siglongjmp(bar_fault, 1);
	signal(signum, SIG_DFL);
}

int vfio_bar_read(const volatile void *reg, uint32_t *value)
{
	struct sigaction act = { .sa_handler = bar_faulted };
	volatile int rc = EFAULT;

	/* Stays for the reads of other threads. */
	sigaction(SIGBUS, &act, NULL);
	bar_is_read = true;
	if (!sigsetjmp(bar_fault, 1)) {
		*value = *(const volatile uint32_t *)reg;
		rc = 0;
	}
	bar_is_read = false;
	return rc;
}

int vfio_group_open(int group)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	return open(path, O_RDWR | O_CLOEXEC);
}

int vfio_container_open(void)
{
	return open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
}

int _test_vfio_set_container(int group, int container)
{
	return vfio_ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
}

int _test_vfio_unset_container(int group)
{
	return vfio_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

int vfio_group_device(int group, const char *bdf)
{
	return ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
}
