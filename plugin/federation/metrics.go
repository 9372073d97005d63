package federation

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const subsystem = "federation"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: name, Help: help}, append([]string{"zone"}, labels...))
}

var (
	requestCount      = counter("requests_total", "Requests for names at or below the federation zone.")
	unsettledCount    = counter("unsettled_total", "Questions answered SERVFAIL because not every node was known yet.")
	badSignatureCount = counter("bad_signatures_total", "Requests whose TSIG did not verify.")
	updateCount       = counter("updates_total", "DNS UPDATE requests, by the rcode of the answer.", "rcode")
	transferOutCount  = counter("transfers_out_total", "Transfers of home zones answered.")
	withheldCount     = counter("records_withheld_total", "Records left out of transfers of home zones because no DNS message can carry them.")
	outwardCount      = counter("zone_transfers_total", "Transfers of the federation zone answered, by kind.", "kind")
)

// collector exports the state of every runtime as it is when it is asked for.
type collector struct{ g *Registry }

// Describe implements prometheus.Collector. It names nothing in advance, since
// which metrics there are depends on the runtimes that run then.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.g.running() {
		r.Collect(ch)
	}
}
