package node

import (
	"context"
	"strconv"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/fhe/tfhe"

	"github.com/prometheus/client_golang/prometheus"
)

// gauges are the metrics that are read off a node's parts at each scrape.
type gauges struct {
	node    *Node
	rows    []row
	info    *prometheus.Desc
	batches *prometheus.Desc
	store   *prometheus.Desc
}

// row is a metric of one number.
type row struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*reading) float64
}

// reading is the state of a node at one scrape.
type reading struct {
	*Status
	stats    coprocessor.Stats
	batches  [tfhe.MaxBatch]uint64
	waiting  int    // bootstraps in the engine's queue
	disk     uint64 // bytes of the store
	memory   uint64 // of the store, in bytes
	watchers int64
}

func newGauges(n *Node) *gauges {
	return &gauges{node: n, rows: rows(),
		info: prometheus.NewDesc("fhevm_info", "Always 1; the labels say what runs.", nil,
			prometheus.Labels{"version": n.config.Version, "network": string(n.network.Network),
				"chain_id": strconv.FormatUint(n.network.ChainID, 10), "key_id": n.network.KeyID.String()}),
		batches: prometheus.NewDesc("fhevm_bootstrap_batch_size", "Bootstraps that ran together in a batch.", nil, nil),
		store:   prometheus.NewDesc("fhevm_store_table_bytes", "Disk that a kind of record takes in the ciphertext store, estimated.", []string{"kind"}, nil),
	}
}

func rows() (out []row) {
	add := func(kind prometheus.ValueType, name, help string, value func(*reading) float64) {
		out = append(out, row{prometheus.NewDesc(name, help, nil, nil), kind, value})
	}
	gauge := func(name, help string, value func(*reading) float64) { add(prometheus.GaugeValue, name, help, value) }
	counter := func(name, help string, value func(*reading) float64) {
		add(prometheus.CounterValue, name, help, value)
	}
	gauge("fhevm_head_block", "Number of the chain's last final block.", func(r *reading) float64 { return float64(r.Head) })
	gauge("fhevm_cursor_block", "Number of the last block that the coprocessor has stored; -1 before the first.", func(r *reading) float64 {
		if r.Cursor == nil {
			return -1
		}
		return float64(r.Cursor.Number)
	})
	gauge("fhevm_missing_ciphertexts", "Wanted handles whose ciphertext is missing.", func(r *reading) float64 { return float64(r.Queue.Missing) })
	gauge("fhevm_queued_computations", "Computations that are loaded and not finished.", func(r *reading) float64 { return float64(r.Queue.Computations) })
	gauge("fhevm_running_computations", "Evaluations in flight.", func(r *reading) float64 { return float64(r.Queue.Running) })
	gauge("fhevm_queued_bootstraps", "Bootstraps of the queued computations, by the cost table.", func(r *reading) float64 { return float64(r.Queue.Bootstraps) })
	counter("fhevm_bootstraps_total", "Bootstraps that the engine has run.", func(r *reading) float64 { return float64(bootstraps(r.batches)) })
	gauge("fhevm_waiting_bootstraps", "Bootstraps in the engine's queue that no worker has begun.", func(r *reading) float64 { return float64(r.waiting) })
	gauge("fhevm_capacity_bootstraps_per_second", "Measured rate of the machine when it is full; 0 while it is unknown.", func(r *reading) float64 { return r.BootstrapsPerSec })
	gauge("fhevm_estimated_delay_seconds", "Time until the queued computations are done at that rate; 0 while it is unknown.", func(r *reading) float64 { return r.DelaySeconds })
	gauge("fhevm_max_delay_seconds", "Estimated delay above which transactions that order computation are refused; 0 for none.", func(r *reading) float64 { return r.MaxDelaySeconds })
	gauge("fhevm_accepting_transactions", "1 while transactions that order computation are taken, else 0.", func(r *reading) float64 { return boolean(r.Accepting) })
	counter("fhevm_refused_transactions_total", "Transactions refused for the estimated delay.", func(r *reading) float64 { return float64(r.RefusedTransactions) })
	gauge("fhevm_evaluation_memory_bytes", "Memory of the evaluations in flight, estimated.", func(r *reading) float64 { return float64(r.Status.memory) })
	gauge("fhevm_cached_ciphertext_bytes", "Memory of the ciphertexts at hand, unpacked and squashed.", func(r *reading) float64 { return float64(r.cached) })
	gauge("fhevm_store_bytes", "All files of the ciphertext store.", func(r *reading) float64 { return float64(r.disk) })
	gauge("fhevm_store_memory_bytes", "Memory of the ciphertext store for what is not in its tables yet.", func(r *reading) float64 { return float64(r.memory) })
	gauge("fhevm_cluster_workers", "Workers of the cluster that are there.", func(r *reading) float64 { return float64(r.stats.Workers) })
	gauge("fhevm_cluster_tasks", "Tasks that workers of the cluster have.", func(r *reading) float64 { return float64(r.stats.Away) })
	counter("fhevm_cluster_cross_checks_total", "Tasks that were computed twice on purpose.", func(r *reading) float64 { return float64(r.stats.CrossChecked) })
	counter("fhevm_cluster_late_reports_total", "Reports of tasks that another worker had reported: one was slow, or cut off for a while.", func(r *reading) float64 { return float64(r.stats.LateReports) })
	counter("fhevm_disagreements_total", "Results on which machines disagreed: each needs a person.", func(r *reading) float64 { return float64(r.stats.Disagreements) })
	counter("fhevm_store_damaged_records_total", "Records that were found damaged, to be computed again.", func(r *reading) float64 { return float64(r.stats.Damaged) })
	counter("fhevm_store_pruned_records_total", "Records that were dropped, to be computed again when they are needed.", func(r *reading) float64 { return float64(r.stats.Pruned) })
	gauge("fhevm_subscriptions", "Open subscriptions to handles.", func(r *reading) float64 { return float64(r.watchers) })
	return out
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, r := range g.rows {
		out <- r.desc
	}
	out <- g.info
	out <- g.batches
	out <- g.store
}

// Collect implements prometheus.Collector. A part that cannot be read makes the
// scrape fail, and says why.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(g.info, prometheus.GaugeValue, 1)
	r, usage, err := g.read()
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.info, err)
		return
	}
	for _, row := range g.rows {
		out <- prometheus.MustNewConstMetric(row.desc, row.kind, row.value(r))
	}
	out <- batchSizes(g.batches, r.batches)
	for kind, bytes := range usage.Kinds {
		out <- prometheus.MustNewConstMetric(g.store, prometheus.GaugeValue, float64(bytes), kind)
	}
}

func (g *gauges) read() (*reading, store.Usage, error) {
	usage, err := g.node.coprocessor.Usage()
	if err != nil {
		return nil, usage, err
	}
	s, err := g.node.Status(context.Background())
	r := &reading{Status: s, stats: g.node.Stats(), disk: usage.Disk, memory: usage.Memory, watchers: g.node.watches.number.Load()}
	if c := g.node.compute; c != nil { // a node may leave the arithmetic to others
		r.batches, r.waiting = c.engine.Batches(), c.engine.Waiting()
	}
	return r, usage, err
}

// batchSizes is the histogram of the numbers of bootstraps in batches.
func batchSizes(desc *prometheus.Desc, counts [tfhe.MaxBatch]uint64) prometheus.Metric {
	buckets := make(map[float64]uint64, len(counts))
	batches := uint64(0)
	for i, n := range counts {
		batches += n
		buckets[float64(i+1)] = batches
	}
	return prometheus.MustNewConstHistogram(desc, batches, float64(bootstraps(counts)), buckets)
}

func bootstraps(counts [tfhe.MaxBatch]uint64) (sum uint64) {
	for i, n := range counts {
		sum += n * uint64(i+1)
	}
	return sum
}
