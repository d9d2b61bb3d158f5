// SPDX-License-Identifier: GPL-2.0
/*
 * sch_pon: one direction of a passive optical network's shared line.
 *
 * Frames of a fixed length follow each other from an epoch on. A bandwidth map
 * says which classes may send in a frame, from which byte of the line on and
 * how much; it holds until a later one takes over. A packet leaves when the
 * codeword that carries its last byte has passed: that instant follows from
 * the map, the encapsulation and the line rate alone, not from when a timer
 * fires. A late timer delays a packet, and costs no capacity.
 *
 * Upstream a class is a T-CONT and the maps are made by bandwidth assignment
 * in user space. Downstream one class, with any queueing discipline below it,
 * is allotted the payload of every frame.
 *
 * Queues stand at the OLT's end of the fibre: a packet has crossed its distance
 * when it is queued here. Distance and grants commute, because bursts are
 * ranged to arrive where the map puts them, however far their ONU is.
 *
 * Written after ITU-T G.9807.1 annex C (frames, XGEM, bandwidth map, DBRu).
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/unaligned.h>
#include <net/netlink.h>
#include <net/pkt_sched.h>
#include <net/pkt_cls.h>

enum {
	TCA_PON_UNSPEC,
	TCA_PON_LINE,
	TCA_PON_MAP,
	__TCA_PON_MAX,
};

#define TCA_PON_MAX	(__TCA_PON_MAX - 1)

#define PON_FRAGMENTS	0x1	/* a packet may be split over grants */
#define PON_REPORT	0x1	/* this allocation begins with a buffer report */

#define PON_CLASSES	200	/* their reports fit one netlink message */
#define PON_ALLOCATIONS	4096
#define PON_MAPS	128	/* decided ahead of time and not yet in force */
#define PON_LATE_FRAMES	16	/* how far behind a timer may be and still serve */

struct tc_pon_line {
	__u64	epoch_ns;	/* CLOCK_MONOTONIC, start of frame 0 */
	__u32	frame_ns;
	__u32	frame_bytes;	/* on the line, in frame_ns */
	__u32	codeword_bytes;	/* on the line; 0: no error correction */
	__u32	data_bytes;	/* of them ours */
	__u32	header_bytes;	/* in front of every packet and fragment */
	__u32	unit_bytes;	/* packets are padded to a multiple of it */
	__u32	extra_bytes;	/* on the line, but not in a packet's length: FCS */
	__u32	minimum_bytes;	/* of a packet with its extra bytes */
	__u32	flags;
	__u32	default_minor;	/* class of packets that no filter matches */
};

struct tc_pon_allocation {
	__u32	minor;
	__u32	start_byte;	/* line byte of the frame where the burst's first codeword begins */
	__u32	skip_bytes;	/* data of the burst in front of this allocation's payload */
	__u32	grant_bytes;	/* payload */
	__u32	end_byte;	/* line byte where the burst ends */
	__u32	flags;
};

struct tc_pon_map {
	__u64	frame;		/* the first in which it holds */
	__u32	count;
	__u32	reserved;
	struct tc_pon_allocation allocation[];
};

/* One for each class, behind the statistics of the discipline. */
struct tc_pon_report {
	__u16	minor;
	__u16	reserved;
	__u32	frame;		/* the low 32 bits of the frame of the report */
	__u32	queued_bytes;	/* encapsulated, when the report was sent */
	__u32	used_bytes;	/* encapsulated, sent since the class was made, modulo 2^32 */
};

/* In front of the reports. */
struct tc_pon_status {
	__u64	frame;		/* at present */
	__u32	late_maps;	/* came after the frame that they were for had begun */
	__u32	fragments;
};

struct pon_class {
	struct Qdisc_class_common common;
	unsigned int		filters;	/* that lead here; counted by ourselves for kernels before 6.6 */
	struct Qdisc		*qdisc;
	struct sk_buff		*head;		/* taken from qdisc, not sent to its end */
	u32			rest_bytes;	/* of head with its extra bytes */
	bool			starved;	/* qdisc has packets and would not give one */
	u64			ready_at;	/* since then there was always something to send */
	u32			framed_bytes;	/* encapsulated length of what qdisc holds */
	u32			used_bytes;
	u32			report_bytes;
	u64			report_frame;
	u64			cached_map;	/* serial number of the map that report_start is of */
	u32			report_start;	/* line byte; U32_MAX without a report */
	struct gnet_stats_basic_sync bstats;
};

struct pon_map {
	u64			frame;
	u64			serial;
	u32			count;
	struct tc_pon_allocation allocation[];
};

/*
 * A map is looked up by class through a second array, so that removing a class
 * need not touch what user space gave.
 */
struct pon_plan {
	struct pon_map		*map;
	struct pon_class	**class;
};

struct pon_sched {
	struct tcf_proto __rcu	*filter_list;
	struct tcf_block	*block;
	struct Qdisc_class_hash	clhash;
	struct qdisc_watchdog	watchdog;
	struct tc_pon_line	line;

	struct pon_plan		plan[PON_MAPS];	/* by frame, from first on, plans in all */
	unsigned int		first;
	unsigned int		plans;
	u64			serial;

	/* Everything before this place in the sequence of maps has been dealt with. */
	u64			frame;
	u32			index;
	u32			used;		/* payload bytes of the allocation at the cursor */

	struct sk_buff		*out;		/* sent, arriving at out_at */
	u64			out_at;
	u64			wait_at;	/* nothing to do before, unless something changes */

	u32			late_maps;
	u32			fragments;
};

static struct pon_class *pon_find(struct Qdisc *sch, u32 classid)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct Qdisc_class_common *common = qdisc_class_find(&q->clhash, classid);

	return common ? container_of(common, struct pon_class, common) : NULL;
}

static struct pon_plan *pon_plan_at(struct pon_sched *q, unsigned int number)
{
	return &q->plan[(q->first + number) % PON_MAPS];
}

/* ---- where in time and on the line ---------------------------------------- */

static u64 pon_frame_at(const struct pon_sched *q, u64 now)
{
	return now < q->line.epoch_ns ? 0 : div_u64(now - q->line.epoch_ns, q->line.frame_ns);
}

static u64 pon_frame_start(const struct pon_sched *q, u64 frame)
{
	return q->line.epoch_ns + frame * q->line.frame_ns;
}

/* When a line byte has passed; rounded up to whole nanoseconds. */
static u64 pon_passed_at(const struct pon_sched *q, u64 frame, u32 byte)
{
	u64 scaled = (u64)byte * q->line.frame_ns + q->line.frame_bytes - 1;

	return pon_frame_start(q, frame) + div_u64(scaled, q->line.frame_bytes);
}

/* When the first byte of an allocation's payload may be on the line. */
static u64 pon_begins_at(const struct pon_sched *q, u64 frame, const struct tc_pon_allocation *a)
{
	u32 byte = a->start_byte + a->skip_bytes;

	if (q->line.codeword_bytes)
		byte = a->start_byte + a->skip_bytes / q->line.data_bytes * q->line.codeword_bytes +
		       a->skip_bytes % q->line.data_bytes;
	return pon_passed_at(q, frame, byte);
}

/* When the codeword that holds the payload's byte number used - 1 has passed. */
static u64 pon_ends_at(const struct pon_sched *q, u64 frame, const struct tc_pon_allocation *a, u32 used)
{
	u32 data = a->skip_bytes + used, byte = a->start_byte + data;

	if (q->line.codeword_bytes)
		byte = a->start_byte + DIV_ROUND_UP(data, q->line.data_bytes) * q->line.codeword_bytes;
	return pon_passed_at(q, frame, min(byte, a->end_byte));
}

/* How much of an allocation's payload has passed unused at an instant, in whole units. */
static u32 pon_used_at(const struct pon_sched *q, u64 frame, const struct tc_pon_allocation *a, u64 at)
{
	u64 since = at - pon_frame_start(q, frame);
	u64 byte, data;

	if (since >= q->line.frame_ns)
		return a->grant_bytes;
	byte = div_u64(since * q->line.frame_bytes + q->line.frame_ns - 1, q->line.frame_ns);
	if (byte <= a->start_byte)
		return 0;
	data = byte - a->start_byte;
	if (q->line.codeword_bytes) {
		u32 codeword = (u32)data / q->line.codeword_bytes;
		u32 within = (u32)data % q->line.codeword_bytes;

		data = (u64)codeword * q->line.data_bytes + min(within, q->line.data_bytes);
	}
	if (data <= a->skip_bytes)
		return 0;
	data = roundup(data - a->skip_bytes, q->line.unit_bytes);
	return min_t(u64, data, a->grant_bytes);
}

/* ---- encapsulation and reports -------------------------------------------- */

static u32 pon_sdu_bytes(const struct pon_sched *q, const struct sk_buff *skb)
{
	return max(qdisc_pkt_len(skb) + q->line.extra_bytes, q->line.minimum_bytes);
}

static u32 pon_framed_bytes(const struct pon_sched *q, u32 sdu_bytes)
{
	return q->line.header_bytes + roundup(sdu_bytes, q->line.unit_bytes);
}

/*
 * A discipline that drops what it had accepted does not say what; its own
 * count of packets and bytes bounds ours from above.
 */
static u32 pon_queued_bytes(const struct pon_sched *q, struct pon_class *cl)
{
	const struct tc_pon_line *line = &q->line;
	u32 per_packet = line->header_bytes + line->extra_bytes + line->unit_bytes - 1 + line->minimum_bytes;
	u32 most = cl->qdisc->qstats.backlog + cl->qdisc->q.qlen * per_packet;

	cl->framed_bytes = min(cl->framed_bytes, most);
	return cl->framed_bytes + (cl->head ? pon_framed_bytes(q, cl->rest_bytes) : 0);
}

static const struct pon_plan *pon_plan_of(struct pon_sched *q, u64 frame)
{
	unsigned int number;

	for (number = q->plans; number > 0; number--) {
		const struct pon_plan *plan = pon_plan_at(q, number - 1);

		if (plan->map->frame <= frame)
			return plan;
	}
	return NULL;
}

/* The line byte at which a class reports in a frame; U32_MAX if it does not. */
static u32 pon_report_start(struct pon_sched *q, struct pon_class *cl, u64 frame)
{
	const struct pon_plan *plan = pon_plan_of(q, frame);
	u32 i;

	if (!plan)
		return U32_MAX;
	if (cl->cached_map == plan->map->serial)
		return cl->report_start;
	cl->cached_map = plan->map->serial;
	cl->report_start = U32_MAX;
	for (i = 0; i < plan->map->count; i++) {
		const struct tc_pon_allocation *a = &plan->map->allocation[i];

		if (plan->class[i] == cl && a->flags & PON_REPORT) {
			cl->report_start = a->start_byte;
			break;
		}
	}
	return cl->report_start;
}

/*
 * Take down what a class reported last. Called before every change of its
 * queue, so that the queue still is as it was when the report was sent.
 */
static void pon_report(struct pon_sched *q, struct pon_class *cl, u64 now)
{
	u64 frame = pon_frame_at(q, now);
	unsigned int back;

	for (back = 0; back < 2; back++, frame--) {
		u32 start;

		if (cl->report_frame >= frame)
			return;
		start = pon_report_start(q, cl, frame);
		if (start != U32_MAX && pon_passed_at(q, frame, start) <= now) {
			cl->report_frame = frame;
			cl->report_bytes = pon_queued_bytes(q, cl);
			return;
		}
	}
}

/* ---- sending --------------------------------------------------------------- */

static bool pon_take_head(struct pon_sched *q, struct pon_class *cl, u64 now)
{
	u32 framed;

	if (cl->head)
		return true;
	if (!cl->qdisc->q.qlen)
		return false;
	cl->head = cl->qdisc->ops->dequeue(cl->qdisc);
	if (!cl->head) {
		cl->starved = cl->qdisc->q.qlen > 0;
		return false;
	}
	if (cl->starved) {
		cl->starved = false;
		cl->ready_at = now;
	}
	cl->rest_bytes = pon_sdu_bytes(q, cl->head);
	framed = pon_framed_bytes(q, cl->rest_bytes);
	cl->framed_bytes -= min(framed, cl->framed_bytes);
	return true;
}

/*
 * Send from a class into the allocation at the cursor.
 * Returns whether a packet went out whole; it then waits in q->out.
 */
static bool pon_send(struct pon_sched *q, struct pon_class *cl, const struct tc_pon_allocation *a)
{
	u32 need = pon_framed_bytes(q, cl->rest_bytes);
	u32 room = a->grant_bytes - q->used;

	if (need <= room) {
		q->used += need;
		cl->used_bytes += need;
		q->out = cl->head;
		q->out_at = pon_ends_at(q, q->frame, a, q->used);
		cl->head = NULL;
		bstats_update(&cl->bstats, q->out);
		return true;
	}
	if (q->line.flags & PON_FRAGMENTS && room > q->line.header_bytes) {
		u32 part = rounddown(room - q->line.header_bytes, q->line.unit_bytes);

		if (part) {
			cl->rest_bytes -= part;
			cl->used_bytes += part + q->line.header_bytes;
			q->fragments++;
		}
	}
	q->used = a->grant_bytes;
	return false;
}

/* A map that a later one has replaced for the cursor's frame is of no use any more. */
static void pon_forget(struct pon_sched *q)
{
	while (q->plans > 1 && pon_plan_at(q, 1)->map->frame <= q->frame) {
		struct pon_plan *plan = pon_plan_at(q, 0);

		kfree(plan->map);
		plan->map = NULL;
		plan->class = NULL;
		q->first = (q->first + 1) % PON_MAPS;
		q->plans--;
	}
}

static void pon_move(struct pon_sched *q, u64 frame, u32 index, u32 used)
{
	q->frame = frame;
	q->index = index;
	q->used = used;
}

/* What lies too far back is lost: the machine was not there, or nobody had anything to send. */
static void pon_catch_up(struct pon_sched *q, u64 now, unsigned int late_frames)
{
	u64 frame = pon_frame_at(q, now);

	if (q->frame + late_frames < frame)
		pon_move(q, frame - late_frames, 0, 0);
	pon_forget(q);
}

/*
 * Find the next allocation, in the order of the line, that has something to
 * send, and send. Returns true with a packet in q->out; false with when to try
 * again (U64_MAX: not before something changes).
 */
static bool pon_next(struct pon_sched *q, u64 now, u64 *again_at)
{
	u64 frame, last_frame, current_frame = pon_frame_at(q, now);
	bool starved = false;
	u32 index, used;

	*again_at = U64_MAX;
	q->wait_at = U64_MAX;
	if (!q->plans)
		return false;
	pon_catch_up(q, now, PON_LATE_FRAMES);
	frame = q->frame;
	index = q->index;
	used = q->used;
	last_frame = max(current_frame, pon_plan_at(q, q->plans - 1)->map->frame) + 1;
	while (frame <= last_frame) {
		const struct pon_plan *plan = pon_plan_of(q, frame);

		for (; plan && index < plan->map->count; index++, used = 0) {
			const struct tc_pon_allocation *a = &plan->map->allocation[index];
			struct pon_class *cl = plan->class[index];
			u64 begins_at;

			if (!cl || !a->grant_bytes || !(cl->head || cl->qdisc->q.qlen))
				continue;
			begins_at = pon_begins_at(q, frame, a);
			if (now < begins_at) {
				*again_at = begins_at;
				goto wait;
			}
			pon_report(q, cl, now);
			if (!pon_take_head(q, cl, now)) {
				starved |= cl->starved;
				continue;
			}
			if (cl->ready_at > begins_at)
				used = max(used, pon_used_at(q, frame, a, cl->ready_at));
			pon_move(q, frame, index, used);
			if (pon_send(q, cl, a))
				return true;
			used = q->used;
		}
		frame++;
		index = 0;
		used = 0;
		/* Nobody can send any more into a frame that is over. */
		if (frame <= current_frame && frame > q->frame) {
			pon_move(q, frame, 0, 0);
			pon_forget(q);
		}
	}
wait:
	/* A starved class may have something at any moment. */
	q->wait_at = starved ? 0 : *again_at;
	return false;
}

static struct sk_buff *pon_dequeue(struct Qdisc *sch)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct sk_buff *skb;
	u64 now;

	if (!sch->q.qlen)
		return NULL;
	now = ktime_get_ns();
	if (!q->out) {
		u64 again_at;

		if (now < q->wait_at)
			return NULL;
		if (!pon_next(q, now, &again_at)) {
			if (again_at != U64_MAX)
				qdisc_watchdog_schedule_ns(&q->watchdog, again_at);
			return NULL;
		}
	}
	if (now < q->out_at) {
		qdisc_watchdog_schedule_ns(&q->watchdog, q->out_at);
		return NULL;
	}
	skb = q->out;
	q->out = NULL;
	q->wait_at = 0;
	qdisc_bstats_update(sch, skb);
	qdisc_qstats_backlog_dec(sch, skb);
	sch->q.qlen--;
	return skb;
}

/* ---- queueing --------------------------------------------------------------- */

static struct pon_class *pon_classify(struct sk_buff *skb, struct Qdisc *sch, int *status)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct tcf_proto *filters;
	struct tcf_result result;
	int verdict;

	*status = NET_XMIT_SUCCESS | __NET_XMIT_BYPASS;
	filters = rcu_dereference_bh(q->filter_list);
	verdict = tcf_classify(skb, NULL, filters, &result, false);
	if (verdict >= 0) {
		struct pon_class *cl;

#ifdef CONFIG_NET_CLS_ACT
		switch (verdict) {
		case TC_ACT_QUEUED:
		case TC_ACT_STOLEN:
		case TC_ACT_TRAP:
			*status = NET_XMIT_SUCCESS | __NET_XMIT_STOLEN;
			fallthrough;
		case TC_ACT_SHOT:
			return NULL;
		}
#endif
		cl = (struct pon_class *)result.class;
		if (!cl)
			cl = pon_find(sch, result.classid);
		if (cl)
			return cl;
	}
	return pon_find(sch, TC_H_MAKE(TC_H_MAJ(sch->handle), q->line.default_minor));
}

static int pon_enqueue(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free)
{
	unsigned int len = qdisc_pkt_len(skb);
	struct pon_sched *q = qdisc_priv(sch);
	struct pon_class *cl;
	bool was_idle;
	u32 framed;
	int status;
	u64 now;

	cl = pon_classify(skb, sch, &status);
	if (!cl) {
		if (status & __NET_XMIT_BYPASS)
			qdisc_qstats_drop(sch);
		__qdisc_drop(skb, to_free);
		return status;
	}
	now = ktime_get_ns();
	pon_report(q, cl, now);
	was_idle = !cl->head && !cl->qdisc->q.qlen;
	framed = pon_framed_bytes(q, pon_sdu_bytes(q, skb));
	status = qdisc_enqueue(skb, cl->qdisc, to_free);
	if (unlikely(status != NET_XMIT_SUCCESS)) {
		if (net_xmit_drop_count(status))
			qdisc_qstats_drop(sch);
		return status;
	}
	if (!sch->q.qlen)
		pon_catch_up(q, now, 0);
	if (was_idle) {
		cl->ready_at = now;
		cl->framed_bytes = 0;
		cl->starved = false;
		q->wait_at = 0;
	}
	cl->framed_bytes += framed;
	sch->qstats.backlog += len;
	sch->q.qlen++;
	return NET_XMIT_SUCCESS;
}

/* ---- configuration ---------------------------------------------------------- */

static const struct nla_policy pon_policy[TCA_PON_MAX + 1] = {
	[TCA_PON_LINE]	= NLA_POLICY_EXACT_LEN(sizeof(struct tc_pon_line)),
	[TCA_PON_MAP]	= { .type = NLA_BINARY, .len = U16_MAX },
};

static int pon_check_line(const struct tc_pon_line *line, struct netlink_ext_ack *extack)
{
	if (!line->frame_ns || !line->frame_bytes || !line->unit_bytes) {
		NL_SET_ERR_MSG(extack, "a PON's frame has a length and so has a unit of padding");
		return -EINVAL;
	}
	if (line->codeword_bytes && (!line->data_bytes || line->data_bytes > line->codeword_bytes)) {
		NL_SET_ERR_MSG(extack, "a codeword has data, and not more than its own length");
		return -EINVAL;
	}
	/* Lengths are added up in 32 bits, and instants are given to timers with 63. */
	if (line->epoch_ns > S64_MAX / 2) {
		NL_SET_ERR_MSG(extack, "a PON's first frame begins within the range of the clock");
		return -EINVAL;
	}
	if (line->frame_bytes > S32_MAX || line->codeword_bytes > U16_MAX || line->header_bytes > U16_MAX ||
	    line->unit_bytes > U16_MAX || line->extra_bytes > U16_MAX || line->minimum_bytes > U16_MAX) {
		NL_SET_ERR_MSG(extack, "a PON's frame has 2 GiB at most, and every other length 64 KiB");
		return -EINVAL;
	}
	return 0;
}

static bool pon_fits(const struct tc_pon_line *line, const struct tc_pon_allocation *a)
{
	u64 data = (u64)a->skip_bytes + a->grant_bytes, bytes = data;
	u32 within;

	if (line->codeword_bytes)
		bytes = div_u64_rem(data, line->data_bytes, &within) * line->codeword_bytes + within;
	return a->start_byte + bytes <= a->end_byte && a->end_byte <= line->frame_bytes &&
	       a->grant_bytes % line->unit_bytes == 0;
}

static int pon_read_map(struct Qdisc *sch, const struct nlattr *attribute, struct pon_plan *plan,
			struct netlink_ext_ack *extack)
{
	struct pon_sched *q = qdisc_priv(sch);
	const struct tc_pon_map *given = nla_data(attribute);
	size_t length = nla_len(attribute), map_bytes;
	u32 i, byte = 0;

	if (length < sizeof(*given) || given->count > PON_ALLOCATIONS ||
	    length != struct_size(given, allocation, given->count)) {
		NL_SET_ERR_MSG(extack, "the length of a bandwidth map differs from what it says");
		return -EINVAL;
	}
	/* Both arrays in one piece, so that there is one thing to free. */
	map_bytes = round_up(struct_size(plan->map, allocation, given->count), sizeof(void *));
	plan->map = kmalloc(map_bytes + given->count * sizeof(*plan->class), GFP_KERNEL);
	if (!plan->map)
		return -ENOMEM;
	plan->class = (void *)plan->map + map_bytes;
	plan->map->frame = get_unaligned(&given->frame);
	plan->map->count = given->count;
	memcpy(plan->map->allocation, given->allocation, given->count * sizeof(given->allocation[0]));
	for (i = 0; i < given->count; i++) {
		const struct tc_pon_allocation *a = &plan->map->allocation[i];

		plan->class[i] = pon_find(sch, TC_H_MAKE(TC_H_MAJ(sch->handle), a->minor));
		if (!plan->class[i]) {
			NL_SET_ERR_MSG(extack, "a bandwidth map names a class that does not exist");
			goto refuse;
		}
		if (a->start_byte < byte || !pon_fits(&q->line, a)) {
			NL_SET_ERR_MSG(extack, "an allocation is out of order, or beyond its burst or frame");
			goto refuse;
		}
		byte = a->start_byte;
	}
	return 0;

refuse:
	kfree(plan->map);
	return -EINVAL;
}

static int pon_add_map(struct Qdisc *sch, const struct nlattr *attribute, struct netlink_ext_ack *extack)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct pon_plan plan, *last;
	u64 now, current_frame;
	int status;

	status = pon_read_map(sch, attribute, &plan, extack);
	if (status < 0)
		return status;
	sch_tree_lock(sch);
	now = ktime_get_ns();
	current_frame = pon_frame_at(q, now);
	/*
	 * Frames are walked one by one, under this lock, as far as the last map. Who decides every frame
	 * anew fills the array of maps by then, so nobody needs one that is further ahead.
	 */
	if (plan.map->frame > current_frame && plan.map->frame - current_frame > PON_MAPS) {
		sch_tree_unlock(sch);
		kfree(plan.map);
		NL_SET_ERR_MSG(extack, "a bandwidth map is for a frame more than " __stringify(PON_MAPS)
			       " frames ahead");
		return -ERANGE;
	}
	if (q->plans && plan.map->frame <= current_frame) {
		plan.map->frame = current_frame + 1;
		q->late_maps++;
	}
	pon_catch_up(q, now, sch->q.qlen ? PON_LATE_FRAMES : 0);
	/* A later word on the same frame, or on an earlier one, is the last word. */
	while (q->plans && (last = pon_plan_at(q, q->plans - 1))->map->frame >= plan.map->frame) {
		kfree(last->map);
		last->map = NULL;
		q->plans--;
	}
	if (q->plans == PON_MAPS) {
		sch_tree_unlock(sch);
		kfree(plan.map);
		NL_SET_ERR_MSG(extack, "too many bandwidth maps are waiting for their frames");
		return -ENOSPC;
	}
	plan.map->serial = ++q->serial;
	*pon_plan_at(q, q->plans++) = plan;
	q->wait_at = 0;
	sch_tree_unlock(sch);
	if (sch->q.qlen)
		qdisc_watchdog_schedule_ns(&q->watchdog, now);
	return 0;
}

static int pon_change(struct Qdisc *sch, struct nlattr *options, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCA_PON_MAX + 1];
	int status;

	status = nla_parse_nested_deprecated(tb, TCA_PON_MAX, options, pon_policy, extack);
	if (status < 0)
		return status;
	if (tb[TCA_PON_LINE] || !tb[TCA_PON_MAP]) {
		NL_SET_ERR_MSG(extack, "of a PON in operation only the bandwidth map can be changed");
		return -EOPNOTSUPP;
	}
	return pon_add_map(sch, tb[TCA_PON_MAP], extack);
}

static int pon_init(struct Qdisc *sch, struct nlattr *options, struct netlink_ext_ack *extack)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct nlattr *tb[TCA_PON_MAX + 1];
	int status;

	qdisc_watchdog_init_clockid(&q->watchdog, sch, CLOCK_MONOTONIC);
	if (!options) {
		NL_SET_ERR_MSG(extack, "a PON needs a description of its line");
		return -EINVAL;
	}
	status = nla_parse_nested_deprecated(tb, TCA_PON_MAX, options, pon_policy, extack);
	if (status < 0)
		return status;
	if (!tb[TCA_PON_LINE]) {
		NL_SET_ERR_MSG(extack, "a PON needs a description of its line");
		return -EINVAL;
	}
	memcpy(&q->line, nla_data(tb[TCA_PON_LINE]), sizeof(q->line));
	status = pon_check_line(&q->line, extack);
	if (status < 0)
		return status;
	status = tcf_block_get(&q->block, &q->filter_list, sch, extack);
	if (status < 0)
		return status;
	return qdisc_class_hash_init(&q->clhash);
}

static void pon_reset(struct Qdisc *sch)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct pon_class *cl;
	unsigned int i;

	for (i = 0; i < q->clhash.hashsize; i++) {
		hlist_for_each_entry(cl, &q->clhash.hash[i], common.hnode) {
			rtnl_kfree_skbs(cl->head, cl->head);
			cl->head = NULL;
			cl->starved = false;
			cl->framed_bytes = 0;
			qdisc_reset(cl->qdisc);
		}
	}
	rtnl_kfree_skbs(q->out, q->out);
	q->out = NULL;
	q->wait_at = 0;
	qdisc_watchdog_cancel(&q->watchdog);
}

static void pon_free_class(struct pon_class *cl)
{
	qdisc_put(cl->qdisc);
	kfree(cl);
}

static void pon_destroy(struct Qdisc *sch)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct hlist_node *next;
	struct pon_class *cl;
	unsigned int i;

	qdisc_watchdog_cancel(&q->watchdog);
	tcf_block_put(q->block);
	for (i = 0; i < q->clhash.hashsize; i++) {
		hlist_for_each_entry_safe(cl, next, &q->clhash.hash[i], common.hnode) {
			kfree_skb(cl->head);
			pon_free_class(cl);
		}
	}
	kfree_skb(q->out);
	for (i = 0; i < q->plans; i++)
		kfree(pon_plan_at(q, i)->map);
	qdisc_class_hash_destroy(&q->clhash);
}

static int pon_dump(struct Qdisc *sch, struct sk_buff *skb)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct nlattr *nest = nla_nest_start_noflag(skb, TCA_OPTIONS);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put(skb, TCA_PON_LINE, sizeof(q->line), &q->line)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	return nla_nest_end(skb, nest);
}

static int pon_dump_stats(struct Qdisc *sch, struct gnet_dump *d)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct tc_pon_status *status;
	struct tc_pon_report *report;
	struct pon_class *cl;
	unsigned int i;
	size_t length;
	int result;
	u64 now;

	length = sizeof(*status) + q->clhash.hashelems * sizeof(*report);
	status = kzalloc(length, GFP_ATOMIC);
	if (!status)
		return -ENOMEM;
	/* Who dumps holds no lock on the queues, and a report reads both them and the maps. */
	sch_tree_lock(sch);
	now = ktime_get_ns();
	status->frame = pon_frame_at(q, now);
	status->late_maps = q->late_maps;
	status->fragments = q->fragments;
	report = (struct tc_pon_report *)(status + 1);
	for (i = 0; i < q->clhash.hashsize; i++) {
		hlist_for_each_entry(cl, &q->clhash.hash[i], common.hnode) {
			pon_report(q, cl, now);
			report->minor = TC_H_MIN(cl->common.classid);
			report->frame = (u32)cl->report_frame;
			report->queued_bytes = cl->report_bytes;
			report->used_bytes = cl->used_bytes;
			report++;
		}
	}
	sch_tree_unlock(sch);
	/* Once is enough: the old form of statistics would repeat all of it, and leave no room. */
	d->compat_xstats = 0;
	result = gnet_stats_copy_app(d, status, length);
	kfree(status);
	return result;
}

/* ---- classes ------------------------------------------------------------------ */

static int pon_change_class(struct Qdisc *sch, u32 classid, u32 parentid, struct nlattr **tca,
			    unsigned long *arg, struct netlink_ext_ack *extack)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct pon_class *cl;

	if (*arg)
		return 0;
	if (q->clhash.hashelems >= PON_CLASSES) {
		NL_SET_ERR_MSG(extack, "a PON has no room for another class");
		return -ENOSPC;
	}
	cl = kzalloc(sizeof(*cl), GFP_KERNEL);
	if (!cl)
		return -ENOBUFS;
	gnet_stats_basic_sync_init(&cl->bstats);
	cl->common.classid = classid;
	cl->qdisc = qdisc_create_dflt(sch->dev_queue, &pfifo_qdisc_ops, classid, NULL);
	if (!cl->qdisc)
		cl->qdisc = &noop_qdisc;
	else
		qdisc_hash_add(cl->qdisc, true);
	sch_tree_lock(sch);
	qdisc_class_hash_insert(&q->clhash, &cl->common);
	sch_tree_unlock(sch);
	qdisc_class_hash_grow(sch, &q->clhash);
	*arg = (unsigned long)cl;
	return 0;
}

static void pon_drop_head(struct Qdisc *sch, struct pon_class *cl)
{
	if (!cl->head)
		return;
	sch->q.qlen--;
	qdisc_qstats_backlog_dec(sch, cl->head);
	rtnl_kfree_skbs(cl->head, cl->head);
	cl->head = NULL;
}

static int pon_delete_class(struct Qdisc *sch, unsigned long arg, struct netlink_ext_ack *extack)
{
	struct pon_class *cl = (struct pon_class *)arg;
	struct pon_sched *q = qdisc_priv(sch);
	unsigned int number;
	u32 i;

	if (cl->filters) {
		NL_SET_ERR_MSG(extack, "a filter still leads to this class");
		return -EBUSY;
	}
	sch_tree_lock(sch);
	pon_drop_head(sch, cl);
	qdisc_purge_queue(cl->qdisc);
	qdisc_class_hash_remove(&q->clhash, &cl->common);
	for (number = 0; number < q->plans; number++) {
		struct pon_plan *plan = pon_plan_at(q, number);

		for (i = 0; i < plan->map->count; i++)
			if (plan->class[i] == cl)
				plan->class[i] = NULL;
	}
	sch_tree_unlock(sch);
	pon_free_class(cl);
	return 0;
}

static unsigned long pon_search_class(struct Qdisc *sch, u32 classid)
{
	return (unsigned long)pon_find(sch, classid);
}

static struct tcf_block *pon_tcf_block(struct Qdisc *sch, unsigned long cl, struct netlink_ext_ack *extack)
{
	struct pon_sched *q = qdisc_priv(sch);

	if (cl) {
		NL_SET_ERR_MSG(extack, "filters stand at the PON, not at its classes");
		return NULL;
	}
	return q->block;
}

static unsigned long pon_bind(struct Qdisc *sch, unsigned long parent, u32 classid)
{
	struct pon_class *cl = pon_find(sch, classid);

	if (cl)
		cl->filters++;
	return (unsigned long)cl;
}

static void pon_unbind(struct Qdisc *sch, unsigned long arg)
{
	struct pon_class *cl = (struct pon_class *)arg;

	cl->filters--;
}

static int pon_graft(struct Qdisc *sch, unsigned long arg, struct Qdisc *new, struct Qdisc **old,
		     struct netlink_ext_ack *extack)
{
	struct pon_class *cl = (struct pon_class *)arg;

	if (!new) {
		new = qdisc_create_dflt(sch->dev_queue, &pfifo_qdisc_ops, cl->common.classid, NULL);
		if (!new)
			new = &noop_qdisc;
	}
	*old = qdisc_replace(sch, new, &cl->qdisc);
	return 0;
}

static struct Qdisc *pon_leaf(struct Qdisc *sch, unsigned long arg)
{
	return ((struct pon_class *)arg)->qdisc;
}

static void pon_qlen_notify(struct Qdisc *sch, unsigned long arg)
{
	/* An empty queue is seen when its turn comes. */
}

static int pon_dump_class(struct Qdisc *sch, unsigned long arg, struct sk_buff *skb, struct tcmsg *tcm)
{
	struct pon_class *cl = (struct pon_class *)arg;

	tcm->tcm_parent = TC_H_ROOT;
	tcm->tcm_handle = cl->common.classid;
	tcm->tcm_info = cl->qdisc->handle;
	return 0;
}

static int pon_dump_class_stats(struct Qdisc *sch, unsigned long arg, struct gnet_dump *d)
{
	struct pon_class *cl = (struct pon_class *)arg;
	struct gnet_stats_queue queue;
	__u32 qlen;

	sch_tree_lock(sch);
	queue = cl->qdisc->qstats;
	qlen = qdisc_qlen_sum(cl->qdisc);
	if (cl->head) {
		queue.backlog += qdisc_pkt_len(cl->head);
		qlen++;
	}
	sch_tree_unlock(sch);
	if (gnet_stats_copy_basic(d, NULL, &cl->bstats, true) < 0 ||
	    gnet_stats_copy_queue(d, NULL, &queue, qlen) < 0)
		return -1;
	return 0;
}

static void pon_walk(struct Qdisc *sch, struct qdisc_walker *walker)
{
	struct pon_sched *q = qdisc_priv(sch);
	struct pon_class *cl;
	unsigned int i;

	if (walker->stop)
		return;
	for (i = 0; i < q->clhash.hashsize; i++) {
		hlist_for_each_entry(cl, &q->clhash.hash[i], common.hnode) {
			if (!tc_qdisc_stats_dump(sch, (unsigned long)cl, walker))
				return;
		}
	}
}

static const struct Qdisc_class_ops pon_class_ops = {
	.change		= pon_change_class,
	.delete		= pon_delete_class,
	.find		= pon_search_class,
	.tcf_block	= pon_tcf_block,
	.bind_tcf	= pon_bind,
	.unbind_tcf	= pon_unbind,
	.graft		= pon_graft,
	.leaf		= pon_leaf,
	.qlen_notify	= pon_qlen_notify,
	.dump		= pon_dump_class,
	.dump_stats	= pon_dump_class_stats,
	.walk		= pon_walk,
};

static struct Qdisc_ops pon_qdisc_ops __read_mostly = {
	.cl_ops		= &pon_class_ops,
	.id		= "pon",
	.priv_size	= sizeof(struct pon_sched),
	.enqueue	= pon_enqueue,
	.dequeue	= pon_dequeue,
	.peek		= qdisc_peek_dequeued,
	.init		= pon_init,
	.change		= pon_change,
	.reset		= pon_reset,
	.destroy	= pon_destroy,
	.dump		= pon_dump,
	.dump_stats	= pon_dump_stats,
	.owner		= THIS_MODULE,
};
MODULE_ALIAS("sch_pon");

static int __init pon_module_init(void)
{
	return register_qdisc(&pon_qdisc_ops);
}

static void __exit pon_module_exit(void)
{
	unregister_qdisc(&pon_qdisc_ops);
}

module_init(pon_module_init)
module_exit(pon_module_exit)
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("One direction of a passive optical network");
