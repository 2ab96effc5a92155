package main

// queue is a ring of as many tokens as there are connections.
type queue struct {
	tokens []int32
	head   int
	size   int
}

func newQueue(capacity int) queue { return queue{tokens: make([]int32, capacity)} }

func (q *queue) push(token int32) {
	q.tokens[(q.head+q.size)%len(q.tokens)] = token
	q.size++
}

func (q *queue) pop() int32 {
	token := q.tokens[q.head]
	q.head = (q.head + 1) % len(q.tokens)
	q.size--
	return token
}
