// The single binary: unpacks the interpreter at its own end, once for each version, and becomes it.
//
// The process stays the one that was started: nothing stands between fastgate and whoever sends signals,
// waits for the exit code or passes descriptors.
package main

import (
	"archive/zip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func main() {
	fmt.Fprintf(os.Stderr, "fastgate: %v\n", run())
	os.Exit(1)
}

// run returns only where fastgate could not be started.
func run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	archive, err := zip.OpenReader(self)
	if err != nil || len(archive.File) != 1 {
		return fmt.Errorf("%s is not complete", self)
	}
	tree, err := unpacked(archive.File[0], os.Getenv)
	if err != nil {
		return err
	}
	python := filepath.Join(tree, "bin", "python")
	command := []string{python, "-P", "-X", "fastgate=" + startedAs(self), "-m", "fastgate"}
	err = unix.Exec(python, append(command, os.Args[1:]...), environment(os.Environ(), tree))
	return fmt.Errorf("%s: %w", python, err)
}

// startedAs is the path that a successor is started by, which may be a link to another version by then.
func startedAs(self string) string {
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self
	}
	called, err = filepath.Abs(called)
	if err != nil {
		return self
	}
	this, err := os.Stat(self)
	if err != nil {
		return self
	}
	if that, err := os.Stat(called); err != nil || !os.SameFile(this, that) {
		return self
	}
	return called
}
