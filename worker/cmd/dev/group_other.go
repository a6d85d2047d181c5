//go:build unix && !linux

package main

import "syscall"

// ownGroup gives a child a process group, which can be ended as a whole.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
