package coprocessor

import (
	"errors"
	"fmt"

	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// errStays refuses a task whose jobs have to be done here.
var errStays = errors.New("the task cannot leave this machine")

// taskOf makes a task of a part's jobs. The ordered jobs are those of the task; the
// constants among them are nil.
func (g *graph) taskOf(jobs []*job) (t *Task, ordered []*job, err error) {
	b := taskBuilder{g: g, task: &Task{Domain: g.store.Domain()}, member: make(map[*job]bool), made: make(map[store.ID]bool), given: make(map[store.ID]bool)}
	for _, j := range jobs {
		b.member[j] = true
	}
	for _, j := range jobs {
		if err := b.add(j); err != nil {
			return nil, nil, err
		}
	}
	return b.task, b.jobs, nil
}

// taskBuilder orders jobs.
type taskBuilder struct {
	g           *graph
	task        *Task
	jobs        []*job
	member      map[*job]bool // not added yet
	made, given map[store.ID]bool
}

// add appends j behind what it takes bare. A part's weight bounds the recursion.
func (b *taskBuilder) add(j *job) error {
	if !b.member[j] {
		return nil
	}
	delete(b.member, j)
	for _, o := range j.operands {
		if err := b.add(o); err != nil {
			return err
		}
	}
	for _, o := range j.node.Operands {
		if o.Kind == fhe.Clear || o.Kind == fhe.Made && b.made[store.ID(o.Word)] {
			continue
		}
		if err := b.operand(store.ID(o.Word), o.Kind == fhe.Made); err != nil {
			return err
		}
	}
	contents, err := b.contents(j)
	b.append(j.node, j, contents)
	return err
}

// contents are all that j makes. A list that a condemned result has left without
// its encoding stays, and so does one that never came.
func (b *taskBuilder) contents(j *job) ([]store.ID, error) {
	if j.node.Kind != store.Input {
		return j.results, nil
	}
	enc, err := b.g.store.List(j.node.List)
	if err != nil {
		return nil, err
	}
	if enc == nil || fhe.IsAttested(enc) {
		return nil, errStays
	}
	list, err := store.ParseList(enc)
	if err != nil {
		return nil, fmt.Errorf("input list %s: %w", j.node.List, err)
	}
	return store.ListContents(list), nil
}

func (b *taskBuilder) append(n *store.Node, j *job, contents []store.ID) {
	b.jobs = append(b.jobs, j)
	b.task.Jobs, b.task.contents = append(b.task.Jobs, n), append(b.task.contents, contents)
	for _, id := range contents {
		b.made[id] = true
	}
}

// operand adds what no job of the part makes.
func (b *taskBuilder) operand(id store.ID, bare bool) error {
	n, err := b.g.store.Node(id)
	switch {
	case err != nil:
		return err
	case bare && constant(n):
		b.append(n, nil, []store.ID{id})
		return nil
	case b.given[id]:
		return nil
	}
	r, err := b.g.store.Result(id)
	if err != nil {
		return err
	}
	if !r.Ready {
		return fmt.Errorf("content %s is not ready for a task", id)
	}
	b.given[id] = true
	b.task.Inputs = append(b.task.Inputs, TaskInput{id, n.Index, r.Digest})
	return nil
}
