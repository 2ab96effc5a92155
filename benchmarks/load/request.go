package main

import (
	"fmt"
	"strings"
)

// request holds the bytes of a request. With keys, the bearer key is the last header and is put in on use.
type request struct {
	prefix []byte // up to the key
	suffix []byte // behind it
	keys   [][]byte
	bytes  []byte
	key    int // whose key is in bytes
}

func newRequest(o *options) *request {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nhost: %s\r\n", o.method, o.target.RequestURI(), o.target.Host)
	hasType := false
	for _, header := range o.headers {
		hasType = hasType || strings.HasPrefix(strings.ToLower(header), "content-type:")
		head.WriteString(header + "\r\n")
	}
	if len(o.body) > 0 {
		if !hasType {
			head.WriteString("content-type: application/json\r\n")
		}
		fmt.Fprintf(&head, "content-length: %d\r\n", len(o.body))
	}
	r := &request{keys: o.keys, suffix: append([]byte("\r\n"), o.body...), key: -1}
	if len(o.keys) > 0 {
		head.WriteString("authorization: Bearer ")
		r.suffix = append([]byte("\r\n\r\n"), o.body...)
	}
	r.prefix = []byte(head.String())
	r.bytes = append(append([]byte(nil), r.prefix...), r.suffix...)
	return r
}

// with returns the request with the key of a number, valid until the next call.
func (r *request) with(key int) []byte {
	if len(r.keys) == 0 || key == r.key {
		return r.bytes
	}
	secret := r.keys[key]
	if r.key >= 0 && len(secret) == len(r.keys[r.key]) {
		copy(r.bytes[len(r.prefix):], secret)
	} else {
		r.bytes = append(append(append(r.bytes[:0], r.prefix...), secret...), r.suffix...)
	}
	r.key = key
	return r.bytes
}
