// SPDX-License-Identifier: GPL-2.0
/*
 * peer: DMA of one PCI device into a BAR of another, for the inner guest. It
 * has a small driver for nvme, as the stock one reads and writes only memory
 * that has struct pages. A device is given as in 0000:01:00.0; an ADDRESS is
 * one of the bus.
 *
 *   peer address DEVICE BAR             print the address of a BAR
 *   peer show DEVICE BAR OFFSET LENGTH  print the bytes of a BAR
 *   peer fill DEVICE BAR OFFSET         write standard input to a BAR
 *   peer read DEVICE MIB ADDRESS        an nvme reads a MiB of its disk
 *   peer write DEVICE MIB ADDRESS       the other direction
 *   peer loop DEVICE ADDRESS            it reads the disk's first 4 KiB, again
 *                                       and again; print how many times, and
 *                                       how many of them failed
 *   peer flr DEVICE EDU ADDRESS BYTES   reset it while an edu is about to write
 *                                       so many bytes to ADDRESS
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define MIB (1UL << 20)
#define BLOCK 512

/*
 * In the megabyte that the command line keeps from the kernel. inner-init uses
 * the beginning of it.
 */
#define QUEUES 0x8010000UL
#define DEPTH 16

enum place { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ, PRP_LIST, PLACES };

/* Registers */
#define CC 0x14
#define CSTS 0x1c
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELL(queue, completion) (0x1000 + ((queue)*2 + (completion)) * 4)

#define CC_ENABLE (1 | 6 << 16 | 4 << 20) /* entries of 64 and of 16 bytes */

#define CREATE_SQ 1
#define CREATE_CQ 5
#define DISK_WRITE 1
#define DISK_READ 2

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved, metadata, prp1, prp2;
	uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};

struct completion {
	uint32_t result, reserved;
	uint16_t head, queue, id, status; /* bit 0 of status is the phase */
};

static volatile uint8_t *registers;
static uint8_t *memory;
static unsigned int tail[2], head[2], phase[2] = { 1, 1 };

static uint64_t parse(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (!*text || *end)
		errx(2, "%s is not a number", text);
	return value;
}

static int sysfs(const char *device, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device,
		 name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Return: where a BAR is on the bus; its size is in @size. */
static uint64_t bar_address(const char *device, int bar, uint64_t *size)
{
	char path[PATH_MAX], line[100];
	unsigned long start = 0, end = 0;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource",
		 device);
	file = fopen(path, "r");
	if (!file)
		err(1, "%s", path);
	for (i = 0; i <= bar; i++)
		if (!fgets(line, sizeof(line), file))
			errx(1, "%s has no line %d", path, i);
	fclose(file);
	if (sscanf(line, "%lx %lx", &start, &end) != 2 || !start)
		errx(1, "%s has no BAR %d", device, bar);
	*size = end - start + 1;
	return start;
}

static volatile uint8_t *map_bar(const char *device, int bar, uint64_t *size)
{
	char name[20];
	void *map;
	int fd;

	bar_address(device, bar, size);
	snprintf(name, sizeof(name), "resource%d", bar);
	fd = sysfs(device, name);
	map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "mmap of BAR %d of %s", bar, device);
	close(fd);
	return map;
}

static void show(const char *device, int bar, uint64_t offset, uint64_t length)
{
	uint64_t size, i;
	volatile uint64_t *from =
		(void *)(map_bar(device, bar, &size) + offset);

	if (offset % 8 || length % 8 || offset > size || length > size - offset)
		errx(2, "these are not words of a BAR of %#lx", size);
	for (i = 0; i < length / 8; i++) {
		uint64_t word = from[i];

		if (!fwrite(&word, 8, 1, stdout))
			err(1, "standard output");
	}
}

static void fill(const char *device, int bar, uint64_t offset)
{
	uint64_t size, word;
	volatile uint8_t *to = map_bar(device, bar, &size);

	if (offset % 8)
		errx(2, "offset %#lx is not that of a word", offset);
	for (; fread(&word, 8, 1, stdin) == 1; offset += 8) {
		if (offset > size - 8)
			errx(1, "the BAR has only %#lx bytes", size);
		*(volatile uint64_t *)(to + offset) = word;
	}
}

static uint64_t place(enum place number)
{
	return QUEUES + number * PAGE;
}

static uint32_t get(int offset)
{
	return *(volatile uint32_t *)(registers + offset);
}

static void set(int offset, uint32_t value)
{
	*(volatile uint32_t *)(registers + offset) = value;
}

static void set64(int offset, uint64_t value)
{
	*(volatile uint64_t *)(registers + offset) = value;
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* A command to one of the pairs of queues. Return: its status, 0 for success. */
static int run(int queue, struct command *command)
{
	struct command *sq =
		(void *)(memory + (queue ? IO_SQ : ADMIN_SQ) * PAGE);
	volatile struct completion *cq =
		(void *)(memory + (queue ? IO_CQ : ADMIN_CQ) * PAGE);
	time_t limit = time(NULL) + 60;
	int status;

	sq[tail[queue]] = *command;
	__sync_synchronize();
	tail[queue] = (tail[queue] + 1) % DEPTH;
	set(DOORBELL(queue, 0), tail[queue]);
	cq += head[queue];
	while ((cq->status & 1) != phase[queue]) {
		if (time(NULL) > limit)
			errx(1, "the nvme has not completed command %d",
			     command->opcode);
		pause_a_little();
	}
	status = cq->status >> 1;
	head[queue] = (head[queue] + 1) % DEPTH;
	if (!head[queue])
		phase[queue] ^= 1;
	set(DOORBELL(queue, 1), head[queue]);
	return status;
}

static void enable(uint32_t value)
{
	time_t limit = time(NULL) + 60;

	set(CC, value);
	while ((get(CSTS) & 1) != (value & 1)) {
		if (time(NULL) > limit)
			errx(1, "CSTS of the nvme is %#x", get(CSTS));
		pause_a_little();
	}
}

static void set_address(int offset, uint64_t address)
{
	set(offset, address);
	set(offset + 4, address >> 32);
}

/* Take an nvme that has no driver, and make a pair of queues for I/O. */
static void start_nvme(const char *device)
{
	struct command cq = { .opcode = CREATE_CQ, .prp1 = place(IO_CQ) };
	struct command sq = { .opcode = CREATE_SQ, .prp1 = place(IO_SQ) };
	uint16_t command = 6; /* memory, bus master */
	uint64_t size;
	int fd;

	fd = sysfs(device, "config");
	if (pwrite(fd, &command, sizeof(command), 4) != sizeof(command))
		err(1, "configuration of %s", device);
	close(fd);
	registers = map_bar(device, 0, &size);

	fd = open("/dev/mem", O_RDWR | O_SYNC);
	memory = mmap(NULL, PLACES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, QUEUES);
	if (memory == MAP_FAILED)
		err(1, "/dev/mem");
	memset(memory, 0, PLACES * PAGE);

	enable(0);
	set(AQA, (DEPTH - 1) << 16 | (DEPTH - 1));
	set_address(ASQ, place(ADMIN_SQ));
	set_address(ACQ, place(ADMIN_CQ));
	enable(CC_ENABLE);
	cq.dw10 = sq.dw10 = (DEPTH - 1) << 16 | 1;
	cq.dw11 = 1; /* contiguous, without interrupt */
	sq.dw11 = 1 << 16 | 1;
	if (run(0, &cq) || run(0, &sq))
		errx(1, "%s refuses the queues", device);
}

/* Up to 128 KiB between the disk and an address. Return: the nvme's status. */
static int transfer(int opcode, uint64_t from, uint64_t length,
		    uint64_t address)
{
	uint64_t *list = (void *)(memory + PRP_LIST * PAGE);
	struct command command = {
		.opcode = opcode,
		.nsid = 1,
		.prp1 = address,
		.dw10 = from / BLOCK,
		.dw12 = length / BLOCK - 1,
	};
	uint64_t i;

	if (length > PAGE)
		command.prp2 = length > 2 * PAGE ? place(PRP_LIST) :
						   address + PAGE;
	for (i = 1; i < length / PAGE; i++)
		list[i - 1] = address + i * PAGE;
	return run(1, &command);
}

static void transfer_mib(int opcode, uint64_t mib, uint64_t address)
{
	const uint64_t step = 32 * PAGE;
	uint64_t done;

	for (done = 0; done < MIB; done += step) {
		int status = transfer(opcode, mib * MIB + done, step,
				      address + done);

		if (status)
			errx(1, "at %#lx the nvme reports the status %#x", done,
			     status);
	}
}

static void loop(uint64_t address)
{
	unsigned long count, failed = 0;
	char line[50];
	int length;

	for (count = 1;; count++) {
		failed += transfer(DISK_READ, 0, PAGE, address) != 0;
		/* In place: a reader must find a whole line at any time. */
		length = snprintf(line, sizeof(line), "%020lu %020lu\n", count,
				  failed);
		if (pwrite(STDOUT_FILENO, line, length, 0) != length)
			err(1, "standard output");
	}
}

/*
 * Start an edu, which writes its buffer after 100 ms, and set the bit that
 * resets the other device. That takes as long. The kernel's own way would
 * switch memory decoding off before.
 */
static void flr(const char *device, const char *edu, uint64_t to,
		uint64_t bytes)
{
	enum { POINTER = 0x34, EXPRESS = 0x10, CONTROL = 8 };
	uint8_t space[256];
	uint16_t control;
	uint64_t size;
	int fd = sysfs(device, "config");
	int at;

	if (pread(fd, space, sizeof(space), 0) != sizeof(space))
		err(1, "configuration of %s", device);
	for (at = space[POINTER]; at && space[at] != EXPRESS;
	     at = space[at + 1])
		;
	if (!at)
		errx(1, "%s has no PCI Express capability", device);
	memcpy(&control, space + at + CONTROL, sizeof(control));
	control |= 1 << 15;

	registers = map_bar(edu, 0, &size);
	set64(0x80, 0x40000);
	set64(0x88, to);
	set64(0x90, bytes);
	set64(0x98, 3);
	if (pwrite(fd, &control, sizeof(control), at + CONTROL) !=
	    sizeof(control))
		err(1, "reset of %s", device);
	while (get(0x98) & 1)
		pause_a_little();
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[1] : "";
	uint64_t size;

	if (!strcmp(name, "address") && argc == 4) {
		printf("%#lx\n", bar_address(argv[2], parse(argv[3]), &size));
	} else if (!strcmp(name, "show") && argc == 6) {
		show(argv[2], parse(argv[3]), parse(argv[4]), parse(argv[5]));
	} else if (!strcmp(name, "fill") && argc == 5) {
		fill(argv[2], parse(argv[3]), parse(argv[4]));
	} else if (!strcmp(name, "read") && argc == 5) {
		start_nvme(argv[2]);
		transfer_mib(DISK_READ, parse(argv[3]), parse(argv[4]));
	} else if (!strcmp(name, "write") && argc == 5) {
		start_nvme(argv[2]);
		transfer_mib(DISK_WRITE, parse(argv[3]), parse(argv[4]));
	} else if (!strcmp(name, "loop") && argc == 4) {
		start_nvme(argv[2]);
		loop(parse(argv[3]));
	} else if (!strcmp(name, "flr") && argc == 6) {
		flr(argv[2], argv[3], parse(argv[4]), parse(argv[5]));
	} else {
		errx(2, "wrong arguments; see the beginning of peer.c");
	}
	return 0;
}
