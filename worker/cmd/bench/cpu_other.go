//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

func cpuTime(int) (time.Duration, error) {
	return 0, errors.New("the processor time of another process is only known on Linux: run this there, or in a container")
}

func servingTime(pid int) (time.Duration, error) { return cpuTime(pid) }

func dieWithUs() *syscall.SysProcAttr { return nil }
