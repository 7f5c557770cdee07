// SPDX-License-Identifier: GPL-2.0
/* Can modules ask if a file is of hugetlbfs? Since 6.10, by a flag of its operations. */
#include <linux/hugetlb.h>

bool probe(struct file *file)
{
	return is_file_hugepages(file);
}
