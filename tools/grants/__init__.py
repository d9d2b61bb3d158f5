"""A PON's upstream line in pure Python: ONU queues like those of `sch_pon`, grants by `testbed.pon.dba`."""
