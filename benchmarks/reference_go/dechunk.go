package main

import (
	"errors"
	"io"
)

var errChunk = errors.New("a chunk is malformed")

type chunkState uint8

const (
	inSize chunkState = iota
	inExtension
	inData
	afterData
	inTrailer
	inTrailerLine
	ended
)

// A framing finds the body in what comes from a provider, whatever pieces it comes in: chunks (RFC 9112, 7.1), a
// length, or all until the connection ends.
type framing struct {
	chunked bool
	state   chunkState
	left    int64 // of the chunk, or the body; negative: until the end
	digits  int
}

func newFraming(contentLength int) framing {
	switch {
	case contentLength == chunked:
		return framing{chunked: true}
	case contentLength < 0:
		return framing{state: inData, left: -1}
	case contentLength == 0:
		return framing{state: ended}
	}
	return framing{state: inData, left: int64(contentLength)}
}

// decode appends the body that is in raw to dst, and returns how much of raw it took: all, unless the body ended.
func (f *framing) decode(dst, raw []byte) (body []byte, taken int, err error) {
	for taken < len(raw) && f.state != ended {
		if f.state == inData {
			piece := raw[taken:]
			if f.left >= 0 {
				piece = piece[:min(f.left, int64(len(piece)))]
				f.left -= int64(len(piece))
			}
			dst = append(dst, piece...)
			taken += len(piece)
			if f.left == 0 {
				f.state = ended
				if f.chunked {
					f.state = afterData
				}
			}
			continue
		}
		if err := f.control(raw[taken]); err != nil {
			return dst, taken, err
		}
		taken++
	}
	return dst, taken, nil
}

// control takes a byte that is not of the body.
func (f *framing) control(c byte) error {
	switch f.state {
	case inSize:
		if digit := hexDigit(c); digit >= 0 && f.digits < 15 {
			f.left = f.left<<4 | digit
			f.digits++
			return nil
		}
		if f.digits == 0 || c != ';' && c != '\r' && c != '\n' && c != ' ' && c != '\t' {
			return errChunk
		}
		f.state = inExtension
		return f.control(c)
	case inExtension:
		if c == '\n' {
			f.digits = 0
			f.state = inData
			if f.left == 0 {
				f.state = inTrailer
			}
		}
	case afterData:
		switch c {
		case '\r':
		case '\n':
			f.state = inSize
		default:
			return errChunk
		}
	case inTrailer: // at the begin of a line
		switch c {
		case '\r':
		case '\n':
			f.state = ended
		default:
			f.state = inTrailerLine
		}
	case inTrailerLine:
		if c == '\n' {
			f.state = inTrailer
		}
	}
	return nil
}

func hexDigit(c byte) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10
	}
	return -1
}

// finish tells whether the end of the connection is the end of the body.
func (f *framing) finish() error {
	if f.state == ended || !f.chunked && f.left < 0 {
		f.state = ended
		return nil
	}
	return io.ErrUnexpectedEOF
}
