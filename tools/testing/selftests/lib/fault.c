// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "proc.h"

#define ARRAY_SIZE(_array) (sizeof(_array) / sizeof((_array)[0]))

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"

static int fail_nth = -1;

/*
 * By default the kernel fails only allocations that must not sleep, and neither
 * order-0 pages nor highmem; and it logs a stack trace for every fault.
 */
static const struct knob {
	const char *path;
	const char *value;
} knobs[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_usercopy/verbose", "0" },
};

const char *fault_setup(void)
{
	if (fail_nth >= 0)
		close(fail_nth);
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		return FAIL_NTH ", which comes with CONFIG_FAULT_INJECTION";
	for (unsigned int i = 0; i < ARRAY_SIZE(knobs); i++) {
		if (!file_write(knobs[i].path, knobs[i].value))
			return knobs[i].path;
	}
	return NULL;
}

bool fault_arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail_nth, text, len, 0) == len;
}

bool fault_disarm(void)
{
	char text[16] = "";
	bool injected;

	/* If this read fails, the fault hit the read and nothing before it. */
	injected = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 &&
		   !strtoul(text, NULL, 10);
	/* The fault may also hit this write. Then it is used up; write again. */
	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return injected;
}
