"""A long mixed load with faults, after which nothing may be left over."""
