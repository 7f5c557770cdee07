/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's tracepoints, in an instance of the tool's own */
#ifndef IOMMUFD_TOOL_TRACEFS_H
#define IOMMUFD_TOOL_TRACEFS_H

#include "names.h"

/**
 * struct instance - buffers and switches that nobody else uses
 * @path: directory of the instance
 */
struct instance {
	char path[128];
};

int instance_make(struct instance *instance, const char *purpose);
void instance_remove(const struct instance *instance);
int instance_events(const struct instance *instance, struct names *events);
int instance_write(const struct instance *instance, const char *file,
		   const char *value);
int instance_open(const struct instance *instance);
u64 instance_hits(const struct instance *instance, const char *event);

void stop_on_signals(void);
bool stopped(void);

#endif
