package limits

import "golang.org/x/sys/unix"

const bootClock = unix.CLOCK_MONOTONIC // Darwin's counts sleep, other than CLOCK_UPTIME_RAW
