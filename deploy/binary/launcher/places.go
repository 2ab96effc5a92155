package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	unpackDir = "FASTGATE_UNPACK_DIR"
	perm      = 0o755
)

// unpacked is where the files of the archive are, in the first place that serves. It stays locked as long as
// the process lives that this one becomes.
func unpacked(archive *zip.File, variable func(string) string) (string, error) {
	failed := fmt.Errorf("found no place to unpack to; %s=/some/directory names one", unpackDir)
	for _, root := range roots(variable) {
		tree, err := unpackedIn(root, archive)
		if err == nil {
			return tree, nil
		}
		failed = fmt.Errorf("%w\n  %s: %w", failed, root, err)
	}
	return "", failed
}

// roots are the directories that may hold the trees of all versions.
func roots(variable func(string) string) []string {
	if named := variable(unpackDir); named != "" {
		return []string{named}
	}
	var found []string
	if directories := variable("CACHE_DIRECTORY"); directories != "" { // systemd's
		first, _, _ := strings.Cut(directories, ":")
		found = append(found, filepath.Join(first, "unpacked"))
	}
	if cache := variable("XDG_CACHE_HOME"); cache != "" {
		found = append(found, filepath.Join(cache, "fastgate"))
	} else if home := variable("HOME"); home != "" {
		found = append(found, filepath.Join(home, ".cache", "fastgate"))
	}
	return append(found, fmt.Sprintf("/var/tmp/fastgate-%d", os.Geteuid()))
}

func unpackedIn(root string, archive *zip.File) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	// What was written before the machine went down may be there in part.
	tree := filepath.Join(root, strings.TrimSuffix(archive.Name, ".tar.zst")+"-"+string(boot[:8]))
	for {
		fd, err := lock(tree, unix.LOCK_SH)
		if err != nil {
			return "", err
		}
		if fd >= 0 {
			return tree, checked(root, tree)
		}
		if err := os.MkdirAll(root, perm); err != nil {
			return "", err
		}
		if err := checked(root); err != nil {
			return "", err
		}
		if err := unpack(archive, root, tree); err != nil {
			return "", err
		}
		removeOthers(root, tree)
	}
}

// checked refuses what another user may have written, or could: it would be run in the name of this one.
func checked(directories ...string) error {
	for _, directory := range directories {
		var info unix.Stat_t
		if err := unix.Lstat(directory, &info); err != nil {
			return err
		}
		if info.Mode&unix.S_IFMT == unix.S_IFLNK {
			if err := unix.Stat(directory, &info); err != nil {
				return err
			}
		}
		if info.Uid != 0 && int(info.Uid) != os.Geteuid() {
			return fmt.Errorf("belongs to another user (%d)", info.Uid)
		}
		if info.Mode&0o022 != 0 {
			return errors.New("can be written by other users")
		}
		var system unix.Statfs_t
		if err := unix.Statfs(directory, &system); err != nil {
			return err
		}
		if system.Flags&unix.ST_NOEXEC != 0 {
			return errors.New("is on a file system that nothing can be run from (noexec)")
		}
	}
	return nil
}

// lock returns the descriptor that holds it; a process that this one becomes inherits it. -1: the directory is
// not there (any more), or somebody else has a lock that excludes this one.
func lock(directory string, how int) (int, error) {
	fd, err := unix.Open(directory, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	err = unix.Flock(fd, how)
	if err == nil {
		var locked, there unix.Stat_t
		err = unix.Fstat(fd, &locked)
		if err == nil && unix.Stat(directory, &there) == nil && locked.Ino == there.Ino {
			return fd, nil
		}
	}
	unix.Close(fd)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return -1, err
}
