// Package netpoll is the event loop under the load generator and the simulated provider: one thread,
// edge-triggered epoll with waits in nanoseconds, non-blocking TCP sockets, deadlines.
//
// It is not Go's own poller because that rounds every wait up to a millisecond and costs a switch of
// goroutines per read, and a generator must neither send late nor take the processor from what it measures.
package netpoll

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

const batch = 128

// Forever is a wait without an end.
const Forever = math.MaxInt64

// Poller waits for sockets. It belongs to one thread.
type Poller struct {
	fd     int
	events [batch]unix.EpollEvent
}

// NewPoller also takes the calling thread's timer slack away, which is 50 us by default.
func NewPoller() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("timer slack: %w", err)
	}
	return &Poller{fd: fd}, nil
}

// Add reports every change of a socket's readiness under token until the socket is closed.
func (p *Poller) Add(fd int, token int32) error {
	const changes = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	return p.control(fd, token, changes)
}

// AddListener reports a listening socket for as long as it has connections to accept.
func (p *Poller) AddListener(fd int, token int32) error {
	return p.control(fd, token, unix.EPOLLIN)
}

func (p *Poller) control(fd int, token int32, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: token}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// Wait returns what is ready, after at most the given nanoseconds. The slice is valid until the next call.
func (p *Poller) Wait(nanoseconds int64) ([]unix.EpollEvent, error) {
	var limit *unix.Timespec
	if nanoseconds != Forever {
		until := unix.NsecToTimespec(max(nanoseconds, 0))
		limit = &until
	}
	// Raw: if Go's scheduler knew of each wait, it would wake its monitor thread after each, which costs
	// more than the work. It interrupts this call by a signal when it needs the thread.
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		batch, uintptr(unsafe.Pointer(limit)), 0, 0)
	switch errno {
	case 0:
		return p.events[:n], nil
	case unix.EINTR:
		return nil, nil
	default:
		return nil, fmt.Errorf("epoll_pwait2 (Linux 5.11): %w", errno)
	}
}

// Close releases the poller, not the sockets.
func (p *Poller) Close() error { return unix.Close(p.fd) }

// Until is the wait that ends at a moment of Now.
func Until(moment int64) int64 {
	if moment == Forever {
		return Forever
	}
	return max(moment-Now(), 0)
}
