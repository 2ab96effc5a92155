package netpoll

// Deadlines is a heap of moments, each with the token of what is due then.
// Not container/heap, which would allocate for each entry.
type Deadlines struct {
	entries []deadline
}

type deadline struct {
	at    int64
	token int32
}

// Add makes token due at a moment.
func (d *Deadlines) Add(at int64, token int32) {
	d.entries = append(d.entries, deadline{at, token})
	child := len(d.entries) - 1
	for child > 0 {
		parent := (child - 1) / 2
		if d.entries[parent].at <= d.entries[child].at {
			return
		}
		d.entries[parent], d.entries[child] = d.entries[child], d.entries[parent]
		child = parent
	}
}

// Next is the earliest moment, Forever if there is none.
func (d *Deadlines) Next() int64 {
	if len(d.entries) == 0 {
		return Forever
	}
	return d.entries[0].at
}

// Pop removes and returns the earliest token of at least one.
func (d *Deadlines) Pop() int32 {
	token := d.entries[0].token
	last := len(d.entries) - 1
	d.entries[0] = d.entries[last]
	d.entries = d.entries[:last]
	parent := 0
	for {
		child := 2*parent + 1
		if child >= last {
			return token
		}
		if right := child + 1; right < last && d.entries[right].at < d.entries[child].at {
			child = right
		}
		if d.entries[parent].at <= d.entries[child].at {
			return token
		}
		d.entries[parent], d.entries[child] = d.entries[child], d.entries[parent]
		parent = child
	}
}
