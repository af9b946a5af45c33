package coprocessor

import (
	"container/heap"
	"math"
)

const (
	// ageBlocks is the width of an age class: no job waits for work that blocks
	// of a later class ordered, however deep that is.
	ageBlocks = 32
	// maxPath bounds the length of paths that are told apart, in layers, and so
	// the work of keeping them.
	maxPath = 512
)

// anyClass is behind every age class.
const anyClass = math.MaxUint64

// class is the age class of j.
func (j *job) class() uint64 { return j.order.Block / ageBlocks }

// precedes is the order in which ready jobs begin: those of older classes, then
// those that the longest path of bootstraps waits for, then those of older wants.
func (j *job) precedes(k *job) bool {
	switch {
	case j.class() != k.class():
		return j.class() < k.class()
	case j.path != k.path:
		return j.path > k.path
	case j.order != k.order:
		return j.order.Less(k.order)
	}
	return string(j.id[:]) < string(k.id[:])
}

func (j *job) place() *int { return &j.at }

// nowhere is the place of what is in no queue.
const nowhere = -1

// ranked is what a queue holds.
type ranked[T any] interface {
	precedes(T) bool
	place() *int
}

var (
	_ ranked[*job]  = (*job)(nil)
	_ ranked[*part] = (*part)(nil)
)

// queue is a heap of what knows its place in it.
type queue[T interface {
	comparable
	ranked[T]
}] []T

func (q queue[T]) Len() int           { return len(q) }
func (q queue[T]) Less(i, k int) bool { return q[i].precedes(q[k]) }

func (q queue[T]) Swap(i, k int) {
	q[i], q[k] = q[k], q[i]
	*q[i].place(), *q[k].place() = i, k
}

func (q *queue[T]) Push(x any) {
	*x.(T).place() = len(*q)
	*q = append(*q, x.(T))
}

func (q *queue[T]) Pop() any {
	var none T
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = none
	*q = old[:len(old)-1]
	*x.place() = nowhere
	return x
}

// first is the zero value if nothing waits.
func (q queue[T]) first() (x T) {
	if len(q) > 0 {
		x = q[0]
	}
	return x
}

func (g *graph) queueOf(j *job) heap.Interface {
	if j.part.stays {
		return &g.home
	}
	return &g.away
}

// reorder follows a change of j's path.
func (g *graph) reorder(j *job) {
	if j.at != nowhere {
		heap.Fix(g.queueOf(j), j.at)
	}
	if p := j.part; p.at != nowhere {
		p.promote(j)
		heap.Fix(&g.whole, p.at)
	}
}

// oldest is the first age class of what may leave this machine, anyClass if
// nothing may.
func (g *graph) oldest() uint64 {
	if p := g.whole.first(); p != nil {
		return p.head.class()
	}
	return anyClass
}
