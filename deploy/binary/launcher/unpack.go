package main

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// unpack makes `tree` at once: it is there whole, or not at all, also when several processes try, or one of them
// is killed.
func unpack(archive *zip.File, root, tree string) error {
	work, err := os.MkdirTemp(root, ".unpacking-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, perm); err != nil {
		return err
	}
	fd, err := lock(work, unix.LOCK_SH)
	if err != nil || fd < 0 {
		return err // without one: it was taken for the remains of another process, so the caller tries again
	}
	defer unix.Close(fd)
	if err := write(archive, work); err != nil {
		return err
	}
	err = os.Rename(work, tree)
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) {
		return nil // another process was faster
	}
	return err
}

func write(archive *zip.File, below string) error {
	packed, err := archive.Open()
	if err != nil {
		return err
	}
	defer packed.Close()
	unpacking, err := zstd.NewReader(packed)
	if err != nil {
		return err
	}
	defer unpacking.Close()
	files := tar.NewReader(unpacking)
	for {
		file, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(below, file.Name)
		if file.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, perm)
		} else {
			err = writeOne(files, path, os.FileMode(file.Mode))
		}
		if err != nil {
			return err
		}
	}
}

func writeOne(content io.Reader, path string, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// removeOthers takes away the trees of other versions and boots that no process is using, and what is left of an
// unpacking that was killed. What cannot be removed is left for the next one.
func removeOthers(root, tree string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, entry := range entries {
		other := filepath.Join(root, entry.Name())
		if other == tree || !entry.IsDir() {
			continue
		}
		fd, err := lock(other, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil || fd < 0 {
			continue
		}
		// Under another name first, so that nobody takes a half of it for the whole.
		going := filepath.Join(root, ".unpacking-old-"+filepath.Base(other))
		if os.Rename(other, going) == nil {
			os.RemoveAll(going)
		}
		unix.Close(fd)
	}
}
