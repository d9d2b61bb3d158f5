/* SPDX-License-Identifier: GPL-2.0 */
/* Before Linux 6.12 the header stood under asm. */
#include <asm/unaligned.h>
