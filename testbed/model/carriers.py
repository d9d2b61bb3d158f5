"""How small and how large a quantity may be: as far as what carries it to a kernel or a program does.

A value that nothing carries must not pass `check` and end the run. So the types of the model take their
bounds from here, and a test encodes the extreme values of every field by what carries it.
"""

LEAST_RATE_BPS = 8_000
"""HTB and sch_fabric count in bytes a second and HTB forgets debts of more than a minute (`mbuffer` in
net/sched/sch_htb.c): at 8 kbit/s the largest frame of 9 kB takes nine seconds, and a byte a second is a
thousandth."""
MOST_RATE_BPS = 10 * 10**12
"""What sch_fabric takes. HTB's 64 bits of bytes a second hold more, and its burst of 10 us fits 32 bits."""

MOST_INSTANT_NS = 4 * 10**18
"""126 years. An instant is added to CLOCK_REALTIME and handed to timerfd and clock_nanosleep, where the
kernel has signed 64 bits of nanoseconds since 1970 (KTIME_MAX); netem's latency and the records have as
many."""

MOST_QUEUE_BYTES = 2 * 10**9
"""bfifo's limit and cake's memory have 32 bits, and fq_codel takes at most half of their range
(fq_codel_change in net/sched/sch_fq_codel.c)."""

MOST_SIZE_BYTES = 4 * 10**18
"""Of what is only counted: records, events and columns of tables have signed 64 bits."""

MOST_LENGTH_M = MOST_INSTANT_NS // 5
"""Light takes 4.9 ns for a metre of fibre, and that is a latency of netem."""

MOST_FABRIC_DELAY_NS = 2**32 - 1
"""Distances of a fabric are a table of 32 bits (sch_fabric): 4.29 s."""

MOST_OVERHEAD_BYTES = 2**16 - 1
"""`overhead` of struct tc_ratespec has 16 bits, and so has that of sch_fabric."""

LEAST_MTU_BYTES, MOST_MTU_BYTES = 576, 65_535
"""IPv4's least that every host takes (RFC 791), and the most that a veth has (ETH_MAX_MTU)."""

MOST_INTERFACE_NAME = 15
"""IFNAMSIZ less the byte that ends it."""

MOST_FRAME_PACKETS = 2**16 - 1
"""Packets of a video frame: their count has 16 bits in the header of each (`VIDEO_HEADER`)."""

MOST_ARGUMENT_BYTES = 2**17 - 1
"""One argument of execve: MAX_ARG_STRLEN, 32 pages, with the byte that ends it."""

MOST_PATH_BYTES = 4095
"""PATH_MAX less the byte that ends it."""

MOST_COUNT = 2**62
"""Of a number that is only compared or drawn from: exact in JSON, in Parquet and in a float's exponent."""
