package main

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuTime is the processor time that a process has used, all its threads
// together, in nanoseconds: /proc/PID/stat counts the same in hundredths of a
// second. (workerd has no child processes.) The number of another process's
// clock is made as clock_getcpuclockid(3) makes it.
func cpuTime(pid int) (time.Duration, error) {
	var t syscall.Timespec
	clock := ^int64(pid)<<3 | 2
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)),
		0); errno != 0 {
		return 0, errno
	}
	return time.Duration(t.Nano()), nil
}

// dieWithUs has a child end when this process does.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
