// SPDX-License-Identifier: GPL-2.0
/*
 * DMA from user space, step by step.
 *
 * The device is QEMU's "edu". It has 4 KiB of memory and copies bytes by DMA
 * between that memory and any address it is given. An IOMMU is between the
 * device and RAM, and /dev/iommu controls what the IOMMU lets through:
 *
 *	memory of this program --MAP--> IOVA in an IOAS --ATTACH--> device
 *
 * The program opens the device, maps memory for it, lets it copy data in and
 * out, unmaps the memory and shows that the device cannot access it any more.
 * The exit status is 0 only if all checks have passed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define MEMORY		(16 * PAGE)

/* The registers for DMA in edu's BAR 0 */
#define EDU_ID		0x00
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define   EDU_RUN	1	/* reads as 1 until the copy is complete */
#define   EDU_TO_RAM	2
#define EDU_BUFFER	0x40000	/* the DMA address of the device's memory */
#define EDU_BAR_SIZE	0x100000

static uint8_t *bar;		/* edu's BAR 0 */
static bool iommu_is_vtd;
static unsigned int failures;

static volatile uint32_t *reg32(unsigned int reg)
{
	return (volatile uint32_t *)(bar + reg);
}

static volatile uint64_t *reg64(unsigned int reg)
{
	return (volatile uint64_t *)(bar + reg);
}

/* Print the result of one check. */
static void __attribute__((format(printf, 2, 3)))
check(bool holds, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("    %s  ", holds ? "ok    " : "FAILED");
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	failures += !holds;
}

/* Step 1: the directory vfio-dev of a bound PCI device has one entry. */
static bool is_edu(const char *dir)
{
	char path[PATH_MAX], modalias[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/../../modalias", dir);
	f = fopen(path, "re");
	if (f && !fgets(modalias, sizeof(modalias), f))
		modalias[0] = '\0';
	if (f)
		fclose(f);
	return !strncmp(modalias, "pci:v00001234d000011E8", 22);
}

/* The driver of the PCI device: cdevs leave it as it is. */
static const char *driver_of(const char *dir)
{
	static char target[PATH_MAX];
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/../../driver", dir);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		err(1, "%s", path);
	target[n] = '\0';
	return strrchr(target, '/') + 1;
}

static int open_edu(void)
{
	glob_t entries = { };
	char cdev[PATH_MAX];
	int fd = -1;

	glob("/sys/bus/pci/devices/*/vfio-dev/vfio*", 0, NULL, &entries);
	for (size_t i = 0; i < entries.gl_pathc && fd < 0; i++) {
		const char *dir = entries.gl_pathv[i];

		if (!is_edu(dir))
			continue;
		snprintf(cdev, sizeof(cdev), "/dev/vfio/devices/%s",
			 strrchr(dir, '/') + 1);
		fd = open(cdev, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", cdev);
		printf("    edu (1234:11e8) at PCI %.12s, on the driver %s, is %s\n",
		       dir + strlen("/sys/bus/pci/devices/"), driver_of(dir),
		       cdev);
	}
	globfree(&entries);
	errno = ENODEV;
	if (fd < 0)
		err(1, "no edu (1234:11e8) on a VFIO driver, with vfio-cdev loaded");
	return fd;
}

/* Step 2: nothing works on a cdev before it is bound to an iommufd. */
static uint32_t bind_device(int device, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};

	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		err(1, "VFIO_DEVICE_BIND_IOMMUFD");
	return bind.out_devid;
}

/* DMA needs bus mastering; access to the registers needs memory space. */
static void enable_device(int device)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ||
	    pread(device, &command, 2, info.offset + PCI_COMMAND) != 2)
		err(1, "PCI config space");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(device, &command, 2, info.offset + PCI_COMMAND) != 2)
		err(1, "PCI command register");

	info.argsz = sizeof(info);
	info.index = VFIO_PCI_BAR0_REGION_INDEX;
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "BAR 0");
	bar = mmap(NULL, EDU_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   device, info.offset);
	if (bar == MAP_FAILED)
		err(1, "mmap of BAR 0");
}

/*
 * Step 3: what the IOMMU can do, from its registers. The bits are from the
 * VT-d specification, 11.4.2 (capability register) and 11.4.3 (extended
 * capability register).
 */
static void print_vtd(const struct iommu_hw_info_vtd *vtd)
{
	uint64_t cap = vtd->cap_reg, ecap = vtd->ecap_reg;
	unsigned int sagaw = cap >> 8 & 0x1f;		/* SAGAW, 12:8 */

	printf("    capability register 0x%016" PRIx64 ", extended 0x%016"
	       PRIx64 "\n", cap, ecap);
	printf("    address width: guests use at most %u bits (MGAW); tables of",
	       (unsigned int)(cap >> 16 & 0x3f) + 1);	/* MGAW, 21:16 */
	printf("%s%s%s\n", sagaw & 1 << 1 ? " 3 levels (39 bits)" : "",
	       sagaw & 1 << 2 ? " 4 levels (48 bits)" : "",
	       sagaw & 1 << 3 ? " 5 levels (57 bits)" : "");
	printf("    page sizes: 4 KiB%s%s\n",		/* SSLPS, 37:34 */
	       cap >> 34 & 1 ? ", 2 MiB" : "", cap >> 35 & 1 ? ", 1 GiB" : "");
	printf("    snoop control: %s (SC)\n",		/* SC, 7 */
	       ecap >> 7 & 1 ? "yes, coherence can be enforced" :
	       "no, devices decide whether they snoop");
	printf("    caching mode %s, device TLB %s, interrupt remapping %s\n",
	       cap >> 7 & 1 ? "yes" : "no",		/* CM, 7 */
	       ecap >> 2 & 1 ? "yes" : "no",		/* DT, 2 */
	       ecap >> 3 & 1 ? "yes" : "no");		/* IR, 3 */
	check(sagaw && (cap >> 16 & 0x3f) >= 38,
	      "the IOMMU translates at least 39 bits");
}

static void show_hw_info(int iommufd, uint32_t devid)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = devid,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	if (ioctl(iommufd, IOMMU_GET_HW_INFO, &cmd))
		err(1, "IOMMU_GET_HW_INFO");
	iommu_is_vtd = cmd.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD;
	if (iommu_is_vtd)
		print_vtd(&vtd);
	else
		printf("    type %u: this IOMMU tells nothing of itself\n",
		       cmd.out_data_type);
}

/* Step 4: an IOAS is an address space; attached devices do DMA in it. */
static uint32_t alloc_and_attach(int iommufd, int device)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
	};

	if (ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc))
		err(1, "IOMMU_IOAS_ALLOC");
	attach.pt_id = alloc.out_ioas_id;
	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		err(1, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	printf("    IOAS has id %u; the device now uses page table (HWPT) %u\n",
	       alloc.out_ioas_id, attach.pt_id);
	return alloc.out_ioas_id;
}

/* Step 6: the kernel chooses the IOVA unless FIXED_IOVA is set. */
static uint64_t map(int iommufd, uint32_t ioas, void *memory, size_t length)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)memory,
		.length = length,
	};

	if (ioctl(iommufd, IOMMU_IOAS_MAP, &cmd))
		err(1, "IOMMU_IOAS_MAP");
	return cmd.iova;
}

static uint64_t unmap(int iommufd, uint32_t ioas, uint64_t iova, size_t length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &cmd))
		err(1, "IOMMU_IOAS_UNMAP");
	return cmd.length;
}

/* Steps 5 and 6 as a picture; @length is 0 while nothing is mapped. */
static void draw(uint64_t start, uint64_t last, const char *inside,
		 const char *note)
{
	if (start > last)
		return;
	printf("    0x%016" PRIx64 " |%-24s| %s\n", start, inside, note);
	printf("    0x%016" PRIx64 " |%-24s|\n", last, inside);
}

static void draw_usable(uint64_t start, uint64_t last, uint64_t iova,
			const void *memory, size_t length)
{
	char note[96];

	if (!length || iova < start || iova > last) {
		draw(start, last, "", "free");
		return;
	}
	snprintf(note, sizeof(note), "<- %zu KiB of this program at %p",
		 length / 1024, memory);
	draw(start, iova - 1, "", "free");
	draw(iova, iova + length - 1, "######## mapped ########", note);
	draw(iova + length, last, "", "free");
}

static void draw_space(int iommufd, uint32_t ioas, uint64_t iova,
		       const void *memory, size_t length)
{
	struct iommu_iova_range ranges[16];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = ARRAY_SIZE(ranges),
		.allowed_iovas = (uintptr_t)ranges,
	};
	bool msi = false, inside = false;

	if (ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, &cmd))
		err(1, "IOMMU_IOAS_IOVA_RANGES");
	puts("                       +------------------------+");
	for (unsigned int i = 0; i < cmd.num_iovas; i++) {
		uint64_t start = ranges[i].start, last = ranges[i].last;

		if (i) {
			bool here = ranges[i - 1].last < 0xfee00000 &&
				    start > 0xfeefffff;

			draw(ranges[i - 1].last + 1, start - 1,
			     "xxxxxxx reserved xxxxxxx",
			     here ? "interrupts (MSI) are written here" :
				    "the platform uses this");
			msi |= here;
		}
		draw_usable(start, last, iova, memory, length);
		inside |= iova >= start && iova + length - 1 <= last;
	}
	puts("                       +------------------------+ end of the IOMMU's addresses");
	if (!length)
		check(msi && cmd.out_iova_alignment == PAGE,
		      "%u ranges around the MSI window, alignment %" PRIu64,
		      cmd.num_iovas, (uint64_t)cmd.out_iova_alignment);
	else
		check(inside, "the mapping lies inside a usable range");
}

/* Step 7: let the device copy. It clears the RUN bit when it has finished. */
static void edu_copy(uint64_t src, uint64_t dst, unsigned int count,
		     unsigned int direction)
{
	*reg64(EDU_DMA_SRC) = src;
	*reg64(EDU_DMA_DST) = dst;
	*reg64(EDU_DMA_COUNT) = count;
	*reg64(EDU_DMA_CMD) = EDU_RUN | direction;
	for (int i = 0; i < 3000; i++) {
		if (!(*reg32(EDU_DMA_CMD) & EDU_RUN))
			return;
		usleep(1000);
	}
	errno = ETIMEDOUT;
	err(1, "edu does not finish its DMA");
}

static void fill(uint8_t *memory, size_t length, unsigned int seed)
{
	for (size_t i = 0; i < length; i++)
		memory[i] = (i * 2654435761U + seed * 97) >> 16;
}

/*
 * Copy @count bytes from offset @from of the memory to the device and back to
 * offset @to. Compare all of the memory, including what must not change.
 */
static void round_trip(uint8_t *memory, uint64_t iova, size_t from, size_t to,
		       unsigned int count)
{
	static uint8_t want[MEMORY];
	static unsigned int seed;

	fill(memory, MEMORY, ++seed);
	memcpy(want, memory, MEMORY);
	memcpy(want + to, memory + from, count);
	edu_copy(iova + from, EDU_BUFFER, count, 0);
	edu_copy(EDU_BUFFER, iova + to, count, EDU_TO_RAM);
	check(!memcmp(memory, want, MEMORY),
	      "%4u bytes: IOVA 0x%" PRIx64 " -> device -> 0x%" PRIx64 "%s",
	      count, iova + from, iova + to,
	      from % PAGE + count > PAGE ? " (across a page boundary)" : "");
}

/* Step 9: VT-d reports a blocked access, and the kernel logs it. */
static bool fault_logged(int kmsg, bool write, uint64_t iova)
{
	char want[64], line[2048];
	ssize_t n;

	snprintf(want, sizeof(want), "fault addr 0x%" PRIx64 " ",
		 iova & -PAGE);
	for (int i = 0; i < 200; i++) {
		while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
			line[n] = '\0';
			if (!strstr(line, "DMAR: ") || !strstr(line, want) ||
			    !strstr(line, write ? "DMA Write" : "DMA Read"))
				continue;
			printf("            kernel log: %s",
			       strchr(line, ';') + 1);
			return true;
		}
		usleep(5000);
	}
	return false;
}

/*
 * VT-d's driver logs each fault; others drop most of them, or have none. Where
 * kernel.dmesg_restrict is 1, only root may read the log.
 */
static int open_log(void)
{
	int kmsg;

	if (!iommu_is_vtd) {
		puts("    skip    no report is looked for in the kernel log: not VT-d");
		return -1;
	}
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0) {
		printf("    skip    no report is looked for in the kernel log: /dev/kmsg: %s\n",
		       strerror(errno));
		return -1;
	}
	return kmsg;
}

static void check_report(int kmsg, bool write, uint64_t iova, const char *what)
{
	if (kmsg >= 0)
		check(fault_logged(kmsg, write, iova), "%s", what);
}

static void dma_after_unmap(int iommufd, uint32_t ioas, uint8_t *memory,
			    uint64_t iova)
{
	static uint8_t want[MEMORY];
	const unsigned int count = 512;
	int kmsg = open_log();
	uint8_t *window;
	uint64_t at;

	fill(memory, MEMORY, 1000);
	memcpy(want, memory, MEMORY);

	/* The device still has the data of the last round. */
	edu_copy(EDU_BUFFER, iova, count, EDU_TO_RAM);
	check(!memcmp(memory, want, MEMORY),
	      "device -> IOVA 0x%" PRIx64 ": no byte of memory changed",
	      iova);
	check_report(kmsg, true, iova, "the IOMMU reported the write");

	printf("            IOVA 0x%" PRIx64 " -> device\n", iova + PAGE);
	edu_copy(iova + PAGE, EDU_BUFFER, count, 0);
	check_report(kmsg, false, iova + PAGE, "the IOMMU reported the read");

	/* Map another page to see what the device has read. */
	window = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		err(1, "mmap");
	memset(window, 0xff, PAGE);
	at = map(iommufd, ioas, window, PAGE);
	edu_copy(EDU_BUFFER, at, count, EDU_TO_RAM);
	memset(want, 0, count);
	check(!memcmp(window, want, count) && window[count] == 0xff,
	      "the device read zeros and none of the data");
	unmap(iommufd, ioas, at, PAGE);
}

int main(void)
{
	static const struct { size_t from, to; unsigned int count; } trips[] = {
		{ 0, PAGE, 1 },
		{ 5, 2 * PAGE + 9, 7 },
		{ 64, 3 * PAGE, 64 },
		{ PAGE - 2, 6 * PAGE - 2, 4 },
		{ 2 * PAGE - 100, 8 * PAGE - 1000, 1500 },
		{ 4 * PAGE, 9 * PAGE, 4095 },
		{ 5 * PAGE + 777, 10 * PAGE + 3333, 4095 },
		{ MEMORY - 333, 0, 333 },
	};
	uint8_t *memory;
	uint32_t devid, ioas;
	int iommufd, device;
	uint64_t iova;

	setlinebuf(stdout);
	puts("1. Open the device and the IOMMU");
	device = open_edu();
	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		err(1, "/dev/iommu");

	puts("2. BIND: the device and its IOMMU group belong to this program now");
	devid = bind_device(device, iommufd);
	enable_device(device);
	check(*reg32(EDU_ID) == 0x010000ed,
	      "the device has id %u, and its registers answer", devid);

	puts("3. GET_HW_INFO: the IOMMU in front of the device");
	show_hw_info(iommufd, devid);

	puts("4. IOAS_ALLOC and ATTACH: an address space for the device");
	ioas = alloc_and_attach(iommufd, device);

	puts("5. IOVA_RANGES: addresses the device can use (not to scale)");
	draw_space(iommufd, ioas, 0, NULL, 0);

	puts("6. MAP: the device gets access to memory of this program");
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	iova = map(iommufd, ioas, memory, MEMORY);
	draw_space(iommufd, ioas, iova, memory, MEMORY);

	puts("7. DMA to the device and back; every byte of memory is compared");
	for (size_t i = 0; i < ARRAY_SIZE(trips); i++)
		round_trip(memory, iova, trips[i].from, trips[i].to,
			   trips[i].count);

	puts("8. UNMAP: the device loses that access");
	check(unmap(iommufd, ioas, iova, MEMORY) == MEMORY,
	      "IOVA 0x%" PRIx64 "..0x%" PRIx64 " is unmapped", iova,
	      iova + MEMORY - 1);

	puts("9. The same DMA again: the IOMMU must block it");
	dma_after_unmap(iommufd, ioas, memory, iova);

	/* Exit closes all files, and the kernel resets the device. */
	printf("%s\n", failures ? "edu-dma: a check above failed" :
	       "All checks passed.");
	return failures ? 1 : 0;
}
