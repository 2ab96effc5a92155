// Package stamp is the text of a simulated chunk: its sequence number and the moment it was written.
//
// A stamp is `SEQ:SENT_NS `, zero-padded, so that a template keeps its length and any dialect can carry
// it as text. SENT_NS is CLOCK_MONOTONIC.
package stamp

import "bytes"

const (
	seqDigits  = 6
	sentDigits = 19

	// Size of every stamp in bytes.
	Size = seqDigits + 1 + sentDigits + 1
	// MaxSeq is the highest sequence number.
	MaxSeq = 999_999
)

// Put writes a stamp into the first Size bytes of text.
func Put(text []byte, seq int, sent int64) {
	decimal(text[:seqDigits], int64(seq))
	text[seqDigits] = ':'
	decimal(text[seqDigits+1:Size-1], sent)
	text[Size-1] = ' '
}

func decimal(digits []byte, value int64) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + value%10)
		value /= 10
	}
}

type place uint8

const (
	outside place = iota
	boundary
	inSeq
	inSent
)

// Scanner finds stamps in a text that comes in pieces of any size. A stamp stands behind a quotation mark
// or behind another stamp, so that chunks that a gateway joined are found too.
type Scanner struct {
	place  place
	digits int
	seq    int64
	sent   int64
}

// Next returns the first stamp that ends in data and the bytes behind it; found is false at data's end.
func (s *Scanner) Next(data []byte) (seq, sent int64, rest []byte, found bool) {
	for i := 0; i < len(data); i++ {
		if s.place == outside {
			quote := bytes.IndexByte(data[i:], '"')
			if quote < 0 {
				return 0, 0, nil, false
			}
			i += quote
			s.place = boundary
			continue
		}
		if s.take(data[i]) {
			return s.seq, s.sent, data[i+1:], true
		}
	}
	return 0, 0, nil, false
}

// take is true when the byte ends a stamp.
func (s *Scanner) take(b byte) bool {
	digit := b - '0'
	switch {
	case b == '"':
		s.place = boundary
	case s.place == boundary && digit <= 9:
		s.place, s.seq, s.digits = inSeq, int64(digit), 1
	case s.place == inSeq && digit <= 9 && s.digits < seqDigits:
		s.seq = s.seq*10 + int64(digit)
		s.digits++
	case s.place == inSeq && b == ':' && s.digits == seqDigits:
		s.place, s.sent, s.digits = inSent, 0, 0
	case s.place == inSent && digit <= 9 && s.digits < sentDigits:
		s.sent = s.sent*10 + int64(digit)
		s.digits++
	case s.place == inSent && b == ' ' && s.digits == sentDigits:
		s.place = boundary
		return true
	default:
		s.place = outside
	}
	return false
}
