package node

import (
	"strconv"

	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// partyMetrics count what a committee party does. As with a node's, no label names a
// user or a handle.
type partyMetrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	fresh    prometheus.Counter
	blames   *prometheus.CounterVec
}

func newPartyMetrics() *partyMetrics {
	m := &partyMetrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fhevm_party_requests_total", Help: "Requests that the party decided, by kind and by how they ended."}, []string{"kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fhevm_party_request_duration_seconds", Help: "Time from a request to its answer or refusal.", Buckets: seconds(-8)}, []string{"kind"}),
		fresh: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fhevm_party_opened_blocks_total", Help: "Squashed blocks that were opened for the first time, since the start."}),
		blames: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fhevm_party_blames_total", Help: "Wrong shares that another party sent, by party."}, []string{"party"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.fresh, m.blames,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a decision. A party's own refusals are few; those that come from
// coprocessors are theirs to name.
func (m *partyMetrics) observe(e committee.Event) {
	outcome := outcomeOK
	if e.Refusal != "" {
		if outcome = string(e.Refusal); !e.Refusal.Known() {
			outcome = "other"
		}
	}
	m.requests.WithLabelValues(e.Method.String(), outcome).Inc()
	m.duration.WithLabelValues(e.Method.String()).Observe(e.Duration.Seconds())
	m.fresh.Add(float64(e.Fresh))
}

func (m *partyMetrics) blamed(id threshold.PartyID) {
	m.blames.WithLabelValues(strconv.Itoa(int(id))).Inc()
}

// watch adds what is read off the party at each scrape, and shows kinds of requests
// that have not come yet.
func (m *partyMetrics) watch(w *partyWatch) error {
	for _, kind := range []audit.Method{audit.User, audit.Public, audit.Share} {
		m.requests.WithLabelValues(kind.String(), outcomeOK)
		m.requests.WithLabelValues(kind.String(), string(threshold.QuotaExceeded))
		m.duration.WithLabelValues(kind.String())
	}
	if now := w.of(); now != nil {
		for id, peer := range now.peers {
			m.blames.WithLabelValues(strconv.Itoa(int(id)))
			connected(peer) // so that there is a connection when somebody looks
		}
	}
	return m.registry.Register(newPartyGauges(w))
}

// partyGauges are read at each scrape.
type partyGauges struct {
	watch *partyWatch
	rows  []partyRow
	info  *prometheus.Desc
	peers *prometheus.Desc
}

type partyRow struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*PartyStatus) float64
}

func newPartyGauges(w *partyWatch) *partyGauges {
	g := &partyGauges{watch: w,
		info: prometheus.NewDesc("fhevm_party_info", "Always 1; the labels say what runs.", []string{"party", "epoch"}, prometheus.Labels{
			"version": w.version, "chain_id": strconv.FormatUint(w.network.ChainID, 10), "key_id": w.network.KeyID.String()}),
		peers: prometheus.NewDesc("fhevm_party_peer_connected", "1 while there is a connection to another party, else 0.", []string{"party"}, nil),
	}
	add := func(kind prometheus.ValueType, name, help string, value func(*PartyStatus) float64) {
		g.rows = append(g.rows, partyRow{prometheus.NewDesc(name, help, nil, nil), kind, value})
	}
	gauge := func(name, help string, value func(*PartyStatus) float64) {
		add(prometheus.GaugeValue, name, help, value)
	}
	gauge("fhevm_party_ready", "1 while the party can answer, else 0.", func(s *PartyStatus) float64 { return boolean(s.OK) })
	gauge("fhevm_party_head_block", "Number of the newest block of the chain that the party follows.", func(s *PartyStatus) float64 { return float64(s.Head) })
	gauge("fhevm_party_final_block", "Number of the last final block, on which the party decides.", func(s *PartyStatus) float64 { return float64(s.Final) })
	add(prometheus.CounterValue, "fhevm_party_openings_total", "Squashed blocks that the party ever opened of its key.", func(s *PartyStatus) float64 { return float64(s.Openings) })
	gauge("fhevm_party_openings_limit", "Number of openings at which the party stops for good.", func(s *PartyStatus) float64 { return float64(s.Limit) })
	add(prometheus.CounterValue, "fhevm_party_audit_records_total", "Records of the party's audit log.", func(s *PartyStatus) float64 { return float64(s.Audit.Seq) })
	return g
}

// Describe implements prometheus.Collector.
func (g *partyGauges) Describe(out chan<- *prometheus.Desc) {
	for _, r := range g.rows {
		out <- r.desc
	}
	out <- g.info
	out <- g.peers
}

// Collect implements prometheus.Collector.
func (g *partyGauges) Collect(out chan<- prometheus.Metric) {
	s := g.watch.status()
	out <- prometheus.MustNewConstMetric(g.info, prometheus.GaugeValue, 1, strconv.Itoa(int(s.Party)), strconv.FormatUint(s.Epoch, 10))
	for _, r := range g.rows {
		out <- prometheus.MustNewConstMetric(r.desc, r.kind, r.value(s))
	}
	for id, up := range s.Peers {
		out <- prometheus.MustNewConstMetric(g.peers, prometheus.GaugeValue, boolean(up), strconv.Itoa(int(id)))
	}
}
