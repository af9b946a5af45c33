package node

import (
	"errors"
	"net/http"

	"fhevm/coprocessor"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics count what happens, for Prometheus. Labels are of few values, and never
// those of users: no handles, no addresses. docs/metrics.md lists them; a test keeps
// it, and the dashboard in deploy/, in step.
type metrics struct {
	registry *prometheus.Registry

	computations *prometheus.CounterVec
	computation  prometheus.Histogram
	latency      prometheus.Histogram
	blockLatency prometheus.Histogram
	squashes     *prometheus.CounterVec
	squash       prometheus.Histogram
	decryptions  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		computations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fhevm_computations_total", Help: "Finished evaluations of operations and input lists."}, []string{"operation", "outcome"}),
		computation: histogram("fhevm_computation_duration_seconds", "Time of an evaluation, with others at its side.", -8),
		latency: histogram("fhevm_ciphertext_latency_seconds",
			"Time from the arrival of a block at the coprocessor to the stored ciphertext of a handle that the block wants.", -7),
		blockLatency: histogram("fhevm_block_to_ciphertext_seconds",
			"Time from the timestamp of a block to the stored ciphertext of a handle that the block wants; 0 where the chain's time is ahead of the clock.", -7),
		squashes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fhevm_squashes_total", Help: "Values prepared for decryption: squashed now, kept from before, or failed."}, []string{"outcome"}),
		squash: histogram("fhevm_squash_duration_seconds", "Time to prepare a value for decryption that was not kept, with the wait for its turn.", -7),
		decryptions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fhevm_decryptions_total", Help: "Requests for decryption by wallets, by kind and how they ended."}, []string{"kind", "outcome"}),
	}
	m.registry.MustRegister(m.computations, m.computation, m.latency, m.blockLatency, m.squashes, m.squash, m.decryptions,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// histogram has buckets of powers of two, from 2^first seconds to some minutes.
func histogram(name, help string, first int) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds(first)})
}

// seconds are powers of two, from 2^first to some minutes.
func seconds(first int) (buckets []float64) {
	for e := first; e <= 10; e++ {
		buckets = append(buckets, power(e))
	}
	return buckets
}

func power(e int) float64 {
	if e < 0 {
		return 1 / power(-e)
	}
	return float64(uint64(1) << e)
}

// The outcomes of computations and squashes.
const (
	outcomeOK     = "ok"
	outcomeFailed = "failed"
	outcomeKept   = "kept"
)

func outcome(failed bool) string {
	if failed {
		return outcomeFailed
	}
	return outcomeOK
}

func (m *metrics) computed(t coprocessor.Trace) {
	m.computations.WithLabelValues(t.Kind, outcome(t.Failure != nil)).Inc()
	m.computation.Observe(t.Duration.Seconds())
}

func (m *metrics) settled(l coprocessor.Latency) {
	m.latency.Observe(l.SinceArrival.Seconds())
	m.blockLatency.Observe(l.SinceBlock.Seconds())
}

func (m *metrics) squashed(t coprocessor.SquashTrace) {
	if t.Kept {
		m.squashes.WithLabelValues(outcomeKept).Inc()
		return
	}
	m.squashes.WithLabelValues(outcome(t.Err != nil)).Inc()
	if t.Err == nil {
		m.squash.Observe(t.Duration.Seconds())
	}
}

// Kinds of decryptions.
const (
	userDecryption   = "user"
	publicDecryption = "public"
)

// decrypted counts a request of a wallet. Codes come from parties too, so the
// label is the class that HTTP has for them.
func (m *metrics) decrypted(kind string, err error) {
	m.decryptions.WithLabelValues(kind, decryptionOutcome(err)).Inc()
}

func decryptionOutcome(err error) string {
	if err == nil {
		return outcomeOK
	}
	switch httpStatus(threshold.FaultOf("node", err).Code) {
	case http.StatusBadRequest:
		return "bad_request"
	case http.StatusForbidden:
		return "not_allowed"
	case http.StatusTooManyRequests:
		return "busy"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "internal"
}

// watchNode adds what is read off the node when somebody looks.
func (m *metrics) watchNode(n *Node) error {
	return errors.Join(m.registry.Register(newGauges(n)), m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fhevm_bootstrap_batch_capacity", Help: "Bootstraps that a full batch has."}, func() float64 { return tfhe.MaxBatch })))
}
