package main

import (
	"fmt"
	"os"
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

// servingTime is the processor time of the process's first thread, on which workerd runs the Worker. It is up to date
// when the thread is at rest.
func servingTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, pid))
	if err != nil {
		return 0, err
	}
	var nanoseconds int64
	_, err = fmt.Sscan(string(text), &nanoseconds)
	return time.Duration(nanoseconds), err
}

// dieWithUs has a child end when this process does.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
