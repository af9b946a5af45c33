package audit

import "sync"

// queue is the records that wait to be written, in the order in which they came.
type queue struct {
	mu      sync.Mutex
	waiting []*entry
}

// entry is a record on its way to the disk. Whoever writes sets the outcome, under the
// log's lock.
type entry struct {
	record *Record
	size   int // of its frame

	done bool
	err  error
}

// enter adds a record, which has no number and no time as yet, or says why it cannot
// be encoded.
func (q *queue) enter(r *Record) (*entry, error) {
	body, err := r.Encode()
	if err != nil {
		return nil, err
	}
	e := &entry{record: r, size: len(body) + frameExtra}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, e)
	return e, nil
}

// leave takes the first entries: one at least, and no more than leaves a write within
// maxTail.
func (q *queue) leave() []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.waiting[n].size <= maxFrame) {
		size += q.waiting[n].size
		n++
	}
	taken := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return taken
}
