// SPDX-License-Identifier: GPL-2.0
/*
 * sch_fabric: a port of a switched fabric.
 *
 * A packet is serialised first, behind those before it, and is then on its way
 * for as long as its destination is apart: every destination has a distance of
 * its own, found by the low 16 bits of its IPv4 address. Packets to a near one
 * overtake those to a far one that are still on their way.
 *
 * At the far end of a wire a packet arrives with its last bit, and has been
 * serialised by its sender. Such a port cuts through: it holds a packet up for
 * others only, as when many send to one.
 *
 * Instants are computed from the rate in picoseconds, so that rates of terabits
 * are exact over any number of packets; timers only deliver.
 */

#include <linux/module.h>
#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/rbtree.h>
#include <linux/math64.h>
#include <linux/ip.h>
#include <net/netlink.h>
#include <net/pkt_sched.h>

enum {
	TCA_FABRIC_UNSPEC,
	TCA_FABRIC_RATE,	/* u64, bit/s */
	TCA_FABRIC_LIMIT,	/* u32, bytes that may wait to be serialised */
	TCA_FABRIC_OVERHEAD,	/* u32, bytes on the wire but not in a packet's length */
	TCA_FABRIC_FLAGS,	/* u32 */
	TCA_FABRIC_FIRST,	/* u32, the number of the table's first destination */
	TCA_FABRIC_TABLE,	/* u32 for each destination, nanoseconds */
	TCA_FABRIC_PAD,
	__TCA_FABRIC_MAX,
};

#define TCA_FABRIC_MAX		(__TCA_FABRIC_MAX - 1)

#define FABRIC_CUT_THROUGH	0x1

#define FABRIC_LEAST_BPS	8000
#define FABRIC_MOST_BPS		10000000000000ULL
#define FABRIC_PS_PER_BYTE	(8 * PSEC_PER_SEC)	/* at 1 bit/s */

#ifndef PSEC_PER_SEC
#define PSEC_PER_SEC		1000000000000ULL
#endif

struct tc_fabric_xstats {
	__u64	strangers;	/* dropped: to nobody in the table */
	__u64	overflows;	/* dropped: beyond the limit */
};

struct fabric_table {
	u32	first;
	u32	count;
	u32	delay_ns[];
};

struct fabric_sched {
	u64			rate_bps;
	u32			limit_bytes;
	u32			overhead_bytes;
	u32			flags;
	struct fabric_table	*table;		/* NULL: nobody is apart */
	u64			epoch_ns;	/* picoseconds count from here */
	u64			free_ps;	/* the wire is free from then on */
	struct rb_root_cached	under_way;	/* by instant of departure, then of arrival */
	struct qdisc_watchdog	watchdog;
	struct tc_fabric_xstats	xstats;
};

struct fabric_cb {
	u64	due_ns;
};

static struct fabric_cb *fabric_cb(struct sk_buff *skb)
{
	qdisc_cb_private_validate(skb, sizeof(struct fabric_cb));
	return (struct fabric_cb *)qdisc_skb_cb(skb)->data;
}

/* How far it is to the destination; false if it is nobody's. */
static bool fabric_distance(const struct fabric_table *table, struct sk_buff *skb, u32 *delay_ns)
{
	struct iphdr copy;
	const struct iphdr *ip;
	u32 number;

	*delay_ns = 0;
	if (!table)
		return true;
	if (skb_protocol(skb, true) != htons(ETH_P_IP))
		return false;
	ip = skb_header_pointer(skb, skb_network_offset(skb), sizeof(copy), &copy);
	if (!ip)
		return false;
	number = (ntohl(ip->daddr) & 0xffff) - table->first;	/* wraps below the first */
	if (number >= table->count)
		return false;
	*delay_ns = table->delay_ns[number];
	return true;
}

static void fabric_insert(struct fabric_sched *q, struct sk_buff *skb, u64 due_ns)
{
	struct rb_node **link = &q->under_way.rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	fabric_cb(skb)->due_ns = due_ns;
	while (*link) {
		parent = *link;
		if (due_ns < fabric_cb(rb_to_skb(parent))->due_ns) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&skb->rbnode, parent, link);
	rb_insert_color_cached(&skb->rbnode, &q->under_way, leftmost);
}

static struct sk_buff *fabric_first(struct fabric_sched *q)
{
	struct rb_node *node = rb_first_cached(&q->under_way);

	return node ? rb_to_skb(node) : NULL;
}

static void fabric_erase(struct fabric_sched *q, struct sk_buff *skb, struct Qdisc *sch)
{
	rb_erase_cached(&skb->rbnode, &q->under_way);
	/* The node shares its place with these. */
	skb->next = NULL;
	skb->prev = NULL;
	skb->dev = qdisc_dev(sch);
}

static int fabric_enqueue(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free)
{
	struct fabric_sched *q = qdisc_priv(sch);
	u64 now_ps = (ktime_get_ns() - q->epoch_ns) * 1000;
	u32 len = qdisc_pkt_len(skb), delay_ns;
	u64 took_ps, end_ps, waiting_bytes;

	if (!fabric_distance(q->table, skb, &delay_ns)) {
		q->xstats.strangers++;
		return qdisc_drop(skb, sch, to_free);
	}
	took_ps = div64_u64((u64)(len + q->overhead_bytes) * FABRIC_PS_PER_BYTE, q->rate_bps);
	if (q->flags & FABRIC_CUT_THROUGH)
		end_ps = max(now_ps, q->free_ps + took_ps);
	else
		end_ps = max(now_ps, q->free_ps) + took_ps;
	/* A packet alone is never too much: what is on the wire itself does not wait. */
	waiting_bytes = mul_u64_u64_div_u64(q->free_ps > now_ps ? q->free_ps - now_ps : 0,
					    q->rate_bps, FABRIC_PS_PER_BYTE);
	if (waiting_bytes + len > q->limit_bytes) {
		q->xstats.overflows++;
		return qdisc_drop(skb, sch, to_free);
	}
	q->free_ps = end_ps;
	fabric_insert(q, skb, q->epoch_ns + DIV64_U64_ROUND_UP(end_ps, 1000) + delay_ns);
	qdisc_qstats_backlog_inc(sch, skb);
	sch->q.qlen++;
	return NET_XMIT_SUCCESS;
}

static struct sk_buff *fabric_dequeue(struct Qdisc *sch)
{
	struct fabric_sched *q = qdisc_priv(sch);
	struct sk_buff *skb = fabric_first(q);

	if (!skb)
		return NULL;
	if (fabric_cb(skb)->due_ns > ktime_get_ns()) {
		qdisc_watchdog_schedule_ns(&q->watchdog, fabric_cb(skb)->due_ns);
		return NULL;
	}
	fabric_erase(q, skb, sch);
	qdisc_qstats_backlog_dec(sch, skb);
	sch->q.qlen--;
	qdisc_bstats_update(sch, skb);
	return skb;
}

/* Beyond s16, where NLA_POLICY_MAX keeps its bound: that would be -1, which the kernel warns of. */
static const struct netlink_range_validation fabric_u16 = { .max = U16_MAX };

static const struct nla_policy fabric_policy[TCA_FABRIC_MAX + 1] = {
	[TCA_FABRIC_RATE]	= { .type = NLA_U64 },
	[TCA_FABRIC_LIMIT]	= { .type = NLA_U32 },
	[TCA_FABRIC_OVERHEAD]	= NLA_POLICY_FULL_RANGE(NLA_U32, &fabric_u16),
	[TCA_FABRIC_FLAGS]	= NLA_POLICY_MASK(NLA_U32, FABRIC_CUT_THROUGH),
	[TCA_FABRIC_FIRST]	= NLA_POLICY_FULL_RANGE(NLA_U32, &fabric_u16),
	[TCA_FABRIC_TABLE]	= { .type = NLA_BINARY },
};

static struct fabric_table *fabric_new_table(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct nlattr *given = tb[TCA_FABRIC_TABLE];
	struct fabric_table *table;
	u32 count = nla_len(given) / sizeof(u32);

	if (!count || nla_len(given) % sizeof(u32)) {
		NL_SET_ERR_MSG(extack, "a table has 4 bytes for each destination, and at least one");
		return ERR_PTR(-EINVAL);
	}
	table = kvmalloc(struct_size(table, delay_ns, count), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->first = tb[TCA_FABRIC_FIRST] ? nla_get_u32(tb[TCA_FABRIC_FIRST]) : 0;
	table->count = count;
	memcpy(table->delay_ns, nla_data(given), count * sizeof(u32));
	return table;
}

/* What is not given stays; packets that are under way keep their instants. */
static int fabric_change(struct Qdisc *sch, struct nlattr *options, struct netlink_ext_ack *extack)
{
	struct fabric_sched *q = qdisc_priv(sch);
	struct nlattr *tb[TCA_FABRIC_MAX + 1];
	struct fabric_table *table = NULL;
	u64 rate_bps = q->rate_bps;
	int err;

	err = nla_parse_nested(tb, TCA_FABRIC_MAX, options, fabric_policy, extack);
	if (err)
		return err;
	if (tb[TCA_FABRIC_RATE])
		rate_bps = nla_get_u64(tb[TCA_FABRIC_RATE]);
	if (rate_bps < FABRIC_LEAST_BPS || rate_bps > FABRIC_MOST_BPS) {
		NL_SET_ERR_MSG(extack, "the rate is from 8 kbit/s to 10 Tbit/s");
		return -ERANGE;
	}
	if (tb[TCA_FABRIC_FIRST] && !tb[TCA_FABRIC_TABLE]) {
		NL_SET_ERR_MSG(extack, "a first number without its table");
		return -EINVAL;
	}
	if (tb[TCA_FABRIC_TABLE]) {
		table = fabric_new_table(tb, extack);
		if (IS_ERR(table))
			return PTR_ERR(table);
	}
	sch_tree_lock(sch);
	q->rate_bps = rate_bps;
	if (tb[TCA_FABRIC_LIMIT])
		q->limit_bytes = nla_get_u32(tb[TCA_FABRIC_LIMIT]);
	if (tb[TCA_FABRIC_OVERHEAD])
		q->overhead_bytes = nla_get_u32(tb[TCA_FABRIC_OVERHEAD]);
	if (tb[TCA_FABRIC_FLAGS])
		q->flags = nla_get_u32(tb[TCA_FABRIC_FLAGS]);
	if (table)
		swap(q->table, table);
	sch_tree_unlock(sch);
	kvfree(table);
	return 0;
}

static int fabric_init(struct Qdisc *sch, struct nlattr *options, struct netlink_ext_ack *extack)
{
	struct fabric_sched *q = qdisc_priv(sch);

	q->under_way = RB_ROOT_CACHED;
	q->limit_bytes = U32_MAX;
	q->epoch_ns = ktime_get_ns();
	qdisc_watchdog_init(&q->watchdog, sch);
	if (!options) {
		NL_SET_ERR_MSG(extack, "a port needs a rate");
		return -EINVAL;
	}
	return fabric_change(sch, options, extack);
}

static void fabric_reset(struct Qdisc *sch)
{
	struct fabric_sched *q = qdisc_priv(sch);
	struct sk_buff *skb;

	while ((skb = fabric_first(q))) {
		fabric_erase(q, skb, sch);
		rtnl_kfree_skbs(skb, skb);
	}
	q->free_ps = 0;
	qdisc_watchdog_cancel(&q->watchdog);
}

static void fabric_destroy(struct Qdisc *sch)
{
	struct fabric_sched *q = qdisc_priv(sch);

	qdisc_watchdog_cancel(&q->watchdog);
	kvfree(q->table);
}

static int fabric_dump(struct Qdisc *sch, struct sk_buff *skb)
{
	struct fabric_sched *q = qdisc_priv(sch);
	struct nlattr *nest = nla_nest_start_noflag(skb, TCA_OPTIONS);

	if (!nest)
		return -1;
	if (nla_put_u64_64bit(skb, TCA_FABRIC_RATE, q->rate_bps, TCA_FABRIC_PAD) ||
	    nla_put_u32(skb, TCA_FABRIC_LIMIT, q->limit_bytes) ||
	    nla_put_u32(skb, TCA_FABRIC_OVERHEAD, q->overhead_bytes) ||
	    nla_put_u32(skb, TCA_FABRIC_FLAGS, q->flags))
		goto failed;
	if (q->table && (nla_put_u32(skb, TCA_FABRIC_FIRST, q->table->first) ||
			 nla_put(skb, TCA_FABRIC_TABLE, q->table->count * sizeof(u32), q->table->delay_ns)))
		goto failed;
	return nla_nest_end(skb, nest);

failed:
	nla_nest_cancel(skb, nest);
	return -1;
}

static int fabric_dump_stats(struct Qdisc *sch, struct gnet_dump *d)
{
	struct fabric_sched *q = qdisc_priv(sch);
	struct tc_fabric_xstats xstats;

	sch_tree_lock(sch);
	xstats = q->xstats;
	sch_tree_unlock(sch);
	return gnet_stats_copy_app(d, &xstats, sizeof(xstats));
}

static struct Qdisc_ops fabric_qdisc_ops __read_mostly = {
	.id		= "fabric",
	.priv_size	= sizeof(struct fabric_sched),
	.enqueue	= fabric_enqueue,
	.dequeue	= fabric_dequeue,
	.peek		= qdisc_peek_dequeued,
	.init		= fabric_init,
	.change		= fabric_change,
	.reset		= fabric_reset,
	.destroy	= fabric_destroy,
	.dump		= fabric_dump,
	.dump_stats	= fabric_dump_stats,
	.owner		= THIS_MODULE,
};
MODULE_ALIAS("sch_fabric");

static int __init fabric_module_init(void)
{
	return register_qdisc(&fabric_qdisc_ops);
}

static void __exit fabric_module_exit(void)
{
	unregister_qdisc(&fabric_qdisc_ops);
}

module_init(fabric_module_init)
module_exit(fabric_module_exit)
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A port of a switched fabric");
