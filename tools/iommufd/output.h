/* SPDX-License-Identifier: GPL-2.0 */
/* One call prints a value as text and as JSON. */
#ifndef IOMMUFD_TOOL_OUTPUT_H
#define IOMMUFD_TOOL_OUTPUT_H

#include "util.h"

void out_use_json(bool pretty);
bool out_is_json(void);

void out_begin(void);
int out_end(void);

void out_object(const char *name);
void out_array(const char *name);
void out_close(void);

void out_str(const char *name, const char *fmt, const char *value);
void out_num(const char *name, const char *fmt, u64 value);
void out_size(const char *name, const char *fmt, u64 bytes);
void out_hex(const char *name, const char *fmt, u64 value);
void out_bool(const char *name, const char *fmt, bool value);
void out_text(const char *fmt, ...) PRINTF(1, 2);

#endif
