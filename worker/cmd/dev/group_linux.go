package main

import "syscall"

// ownGroup gives a child a process group, which can be ended as a whole, and ends it when we die without a chance
// to do so.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
