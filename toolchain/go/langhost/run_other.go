//go:build !linux

package main

import "os/exec"

// runAndDieTogether runs a command. Only Linux can end it together with a killed parent.
func runAndDieTogether(cmd *exec.Cmd) error {
	return cmd.Run()
}
