// Package cluster has a coprocessor's tasks computed on several machines.
//
// The machine that follows the log runs a Leader. It puts what a task takes into
// Blobs, packed ciphertexts and input lists of a few kilobytes under their digests,
// and the task itself into a work queue of NATS JetStream. A Worker takes a task,
// computes it, puts the results there, and reports their digests. Its deliveries
// expire unless it says that it is still at work, so that what a dead worker had is
// another's within seconds.
//
// Nothing here is remembered: a leader that starts empties the queue and fills it
// from its store, and a task that is computed twice has the same results twice. Where
// it has not, somebody errs or lies, and the coprocessor is told.
package cluster
