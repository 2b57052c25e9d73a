package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runAndDieTogether runs a command that does not outlive this process, even when this process is killed.
func runAndDieTogether(cmd *exec.Cmd) error {
	// the signal comes when the thread that started the command ends, so the thread must stay
	// (https://github.com/golang/go/issues/27505)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd.Run()
}
