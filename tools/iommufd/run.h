/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of the system that the tool starts */
#ifndef IOMMUFD_TOOL_RUN_H
#define IOMMUFD_TOOL_RUN_H

int run_program(char *const argv[]);

#endif
