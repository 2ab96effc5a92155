package http1

import "errors"

var errChunk = errors.New("malformed chunk")

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerLine
	trailerLF
	lastLF
)

const maxChunk = 1 << 40

// chunked decodes a chunked body (RFC 9112, section 7.1) from pieces of any size.
type chunked struct {
	state     chunkState
	digits    int
	remaining int64
}

// step returns the first run of body bytes in data, what is behind it, and whether the body is over.
func (c *chunked) step(data []byte) (body, rest []byte, done bool, err error) {
	for i := 0; i < len(data); i++ {
		if c.state == chunkData {
			take := min(c.remaining, int64(len(data)-i))
			c.remaining -= take
			if c.remaining == 0 {
				c.state = chunkDataCR
			}
			end := i + int(take)
			return data[i:end], data[end:], false, nil
		}
		if done, err = c.take(data[i]); done || err != nil {
			return nil, data[i+1:], done, err
		}
	}
	return nil, nil, false, nil
}

// take consumes one byte of framing.
func (c *chunked) take(b byte) (done bool, err error) {
	switch c.state {
	case chunkSize:
		return false, c.size(b)
	case chunkExtension:
		if b == '\r' {
			c.state = chunkSizeLF
		}
		return false, nil
	case chunkSizeLF:
		c.state, c.digits = chunkData, 0
		if c.remaining == 0 {
			c.state = trailerStart
		}
		return false, expect(b, '\n')
	case chunkDataCR:
		c.state = chunkDataLF
		return false, expect(b, '\r')
	case chunkDataLF:
		c.state = chunkSize
		return false, expect(b, '\n')
	case trailerStart:
		c.state = trailerLine
		if b == '\r' {
			c.state = lastLF
		}
		return false, nil
	case trailerLine:
		if b == '\r' {
			c.state = trailerLF
		}
		return false, nil
	case trailerLF:
		c.state = trailerStart
		return false, expect(b, '\n')
	default: // lastLF
		*c = chunked{}
		return true, expect(b, '\n')
	}
}

func (c *chunked) size(b byte) error {
	if digit, ok := hex(b); ok {
		c.remaining = c.remaining<<4 | digit
		c.digits++
		if c.remaining > maxChunk {
			return errChunk
		}
		return nil
	}
	if c.digits == 0 {
		return errChunk
	}
	switch b {
	case '\r':
		c.state = chunkSizeLF
	case ';', ' ', '\t':
		c.state = chunkExtension
	default:
		return errChunk
	}
	return nil
}

func hex(b byte) (int64, bool) {
	switch {
	case '0' <= b && b <= '9':
		return int64(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int64(b|0x20-'a') + 10, true
	default:
		return 0, false
	}
}

func expect(got, want byte) error {
	if got != want {
		return errChunk
	}
	return nil
}
