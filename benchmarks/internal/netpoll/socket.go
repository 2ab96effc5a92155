package netpoll

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const backlog = 16384

// ErrWouldBlock says that a socket takes or has no more bytes for now.
var ErrWouldBlock = errors.New("would block")

// Dial starts a connection; the socket turns writable when it stands, then Connected tells how it went.
func Dial(address netip.AddrPort) (int, error) {
	fd, target, err := socket(address)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, target); err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// Connected returns the error of a connection attempt that is over.
func Connected(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return unix.Errno(code)
	}
	return nil
}

// Listen opens a listening socket; shared lets other sockets of this user listen there too and divides
// the connections among them.
func Listen(address netip.AddrPort, shared bool) (int, error) {
	fd, target, err := socket(address)
	if err != nil {
		return -1, err
	}
	options := []int{unix.SO_REUSEADDR}
	if shared {
		options = append(options, unix.SO_REUSEPORT)
	}
	for _, option := range options {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("socket option: %w", err)
		}
	}
	if err := unix.Bind(fd, target); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen: %w", err)
	}
	return fd, nil
}

// Accept takes one connection, or returns ErrWouldBlock.
func Accept(listener int) (int, error) {
	fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil:
		return fd, noDelay(fd)
	case unix.EAGAIN, unix.EINTR, unix.ECONNABORTED:
		return -1, ErrWouldBlock
	default:
		return -1, fmt.Errorf("accept: %w", err)
	}
}

// Read fills buffer with what has come; io.EOF when the peer is done, ErrWouldBlock when nothing is there.
func Read(fd int, buffer []byte) (int, error) {
	// Raw: a call that cannot block need not tell Go's scheduler.
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	if errno != 0 {
		return 0, retryable(errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

// Write returns how much of a non-empty data the socket took, ErrWouldBlock when it took nothing.
func Write(fd int, data []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)),
		unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, retryable(errno)
	}
	return int(n), nil
}

// Resolve returns the address of a host and port; without a host, all of IPv4.
func Resolve(hostport string) (netip.AddrPort, error) {
	resolved, err := net.ResolveTCPAddr("tcp", hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	found := resolved.AddrPort()
	if resolved.IP == nil {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), found.Port()), nil
	}
	return netip.AddrPortFrom(found.Addr().Unmap(), found.Port()), nil
}

// socket returns a new socket and the address in the form that the system calls want.
func socket(address netip.AddrPort) (int, unix.Sockaddr, error) {
	var family int
	var target unix.Sockaddr
	if address.Addr().Is4() {
		family, target = unix.AF_INET, &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}
	} else {
		family, target = unix.AF_INET6, &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("socket: %w", err)
	}
	return fd, target, noDelay(fd)
}

func noDelay(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(fd)
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	return nil
}

func retryable(errno unix.Errno) error {
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return ErrWouldBlock
	}
	return errno
}
