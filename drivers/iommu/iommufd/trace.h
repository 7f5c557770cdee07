/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints. Their fields are part of what user space may rely on, see
 * Documentation/userspace-api/visibility.rst.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommufd

#if !defined(_IOMMUFD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOMMUFD_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

TRACE_EVENT(map,
	TP_PROTO(u32 ctx, u32 ioas, u64 iova, u64 length, unsigned long runs,
		 int rc, u64 ns),
	TP_ARGS(ctx, ioas, iova, length, runs, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, ioas)
		__field(u64, iova)
		__field(u64, length)
		__field(u64, runs)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->ioas = ioas;
		__entry->iova = iova;
		__entry->length = length;
		__entry->runs = runs;
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u ioas=%u iova=0x%llx length=%llu runs=%llu rc=%d ns=%llu",
		  __entry->ctx, __entry->ioas, __entry->iova, __entry->length,
		  __entry->runs, __entry->rc, __entry->ns)
);

TRACE_EVENT(copy,
	TP_PROTO(u32 ctx, u32 src, u32 ioas, u64 dst, u64 iova, u64 length,
		 int rc, u64 ns),
	TP_ARGS(ctx, src, ioas, dst, iova, length, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, src)
		__field(u32, ioas)
		__field(u64, dst)
		__field(u64, iova)
		__field(u64, length)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->src = src;
		__entry->ioas = ioas;
		__entry->dst = dst;
		__entry->iova = iova;
		__entry->length = length;
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u src=%u ioas=%u dst=0x%llx iova=0x%llx length=%llu rc=%d ns=%llu",
		  __entry->ctx, __entry->src, __entry->ioas, __entry->dst,
		  __entry->iova, __entry->length, __entry->rc, __entry->ns)
);

TRACE_EVENT(unmap,
	TP_PROTO(u32 ctx, u32 ioas, u64 iova, u64 length, u64 unmapped, int rc,
		 u64 ns),
	TP_ARGS(ctx, ioas, iova, length, unmapped, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, ioas)
		__field(u64, iova)
		__field(u64, length)
		__field(u64, unmapped)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->ioas = ioas;
		__entry->iova = iova;
		__entry->length = length;
		__entry->unmapped = unmapped;
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u ioas=%u iova=0x%llx length=%llu unmapped=%llu rc=%d ns=%llu",
		  __entry->ctx, __entry->ioas, __entry->iova, __entry->length,
		  __entry->unmapped, __entry->rc, __entry->ns)
);

/* What a driver does through an access */
DECLARE_EVENT_CLASS(iommufd_access,
	TP_PROTO(u32 ctx, u32 ioas, u64 iova, u64 length, int rc, u64 ns),
	TP_ARGS(ctx, ioas, iova, length, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, ioas)
		__field(u64, iova)
		__field(u64, length)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->ioas = ioas;
		__entry->iova = iova;
		__entry->length = length;
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u ioas=%u iova=0x%llx length=%llu rc=%d ns=%llu",
		  __entry->ctx, __entry->ioas, __entry->iova, __entry->length,
		  __entry->rc, __entry->ns)
);

DEFINE_EVENT(iommufd_access, pin,
	TP_PROTO(u32 ctx, u32 ioas, u64 iova, u64 length, int rc, u64 ns),
	TP_ARGS(ctx, ioas, iova, length, rc, ns)
);

DEFINE_EVENT(iommufd_access, unpin,
	TP_PROTO(u32 ctx, u32 ioas, u64 iova, u64 length, int rc, u64 ns),
	TP_ARGS(ctx, ioas, iova, length, rc, ns)
);

DECLARE_EVENT_CLASS(iommufd_attach,
	TP_PROTO(u32 ctx, u32 device, u32 hwpt, u32 pasid, int rc, u64 ns),
	TP_ARGS(ctx, device, hwpt, pasid, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, device)
		__field(u32, hwpt)
		__field(u32, pasid)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->device = device;
		__entry->hwpt = hwpt;
		__entry->pasid = pasid;
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u device=%u hwpt=%u pasid=%u rc=%d ns=%llu",
		  __entry->ctx, __entry->device, __entry->hwpt, __entry->pasid,
		  __entry->rc, __entry->ns)
);

DEFINE_EVENT(iommufd_attach, attach,
	TP_PROTO(u32 ctx, u32 device, u32 hwpt, u32 pasid, int rc, u64 ns),
	TP_ARGS(ctx, device, hwpt, pasid, rc, ns)
);

DEFINE_EVENT(iommufd_attach, replace,
	TP_PROTO(u32 ctx, u32 device, u32 hwpt, u32 pasid, int rc, u64 ns),
	TP_ARGS(ctx, device, hwpt, pasid, rc, ns)
);

DEFINE_EVENT(iommufd_attach, detach,
	TP_PROTO(u32 ctx, u32 device, u32 hwpt, u32 pasid, int rc, u64 ns),
	TP_ARGS(ctx, device, hwpt, pasid, rc, ns)
);

/* Room for the name of a device; a longer one is cut off. */
#define IOMMUFD_TRACE_NAME 48

DECLARE_EVENT_CLASS(iommufd_bind,
	TP_PROTO(u32 ctx, u32 device, const char *name, int rc, u64 ns),
	TP_ARGS(ctx, device, name, rc, ns),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, device)
		__array(char, name, IOMMUFD_TRACE_NAME)
		__field(int, rc)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->device = device;
		strscpy_pad(__entry->name, name, IOMMUFD_TRACE_NAME);
		__entry->rc = rc;
		__entry->ns = ns;
	),
	TP_printk("ctx=%u device=%u name=%s rc=%d ns=%llu", __entry->ctx,
		  __entry->device, __entry->name, __entry->rc, __entry->ns)
);

DEFINE_EVENT(iommufd_bind, bind,
	TP_PROTO(u32 ctx, u32 device, const char *name, int rc, u64 ns),
	TP_ARGS(ctx, device, name, rc, ns)
);

DEFINE_EVENT(iommufd_bind, unbind,
	TP_PROTO(u32 ctx, u32 device, const char *name, int rc, u64 ns),
	TP_ARGS(ctx, device, name, rc, ns)
);

TRACE_EVENT(charge_fail,
	TP_PROTO(u32 ctx, u32 uid, u64 bytes, u64 limit, int rc),
	TP_ARGS(ctx, uid, bytes, limit, rc),
	TP_STRUCT__entry(
		__field(u32, ctx)
		__field(u32, uid)
		__field(u64, bytes)
		__field(u64, limit)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ctx = ctx;
		__entry->uid = uid;
		__entry->bytes = bytes;
		__entry->limit = limit;
		__entry->rc = rc;
	),
	TP_printk("ctx=%u uid=%u bytes=%llu limit=%llu rc=%d", __entry->ctx,
		  __entry->uid, __entry->bytes, __entry->limit, __entry->rc)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
