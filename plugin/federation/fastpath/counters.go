package fastpath

import (
	"slices"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// counters count answers in the metrics of the prometheus plugin, as that plugin
// does, with everything looked up beforehand. It is for one goroutine, which
// makes the counters of what it sees for the first time.
type counters struct {
	server, zone, plugin string
	requests             [2][int(dns.TypeNAPTR) + 1]prometheus.Counter // by family and type
	responses            [dns.RcodeNameError + 1]prometheus.Counter
	duration             prometheus.Observer
	request, response    prometheus.Observer
}

// newCounters returns nil for a server block without prometheus.
func newCounters(p *Path, s *dnsserver.Server) *counters {
	m, ok := p.Conf.Handler("prometheus").(*metrics.Metrics)
	if !ok {
		return nil
	}
	t := &counters{server: s.Addr, zone: plugin.Zones(m.ZoneNames()).Matches(p.Origin)}
	handlers := p.Conf.Handlers() // the metric names the plugin right behind prometheus
	i := slices.IndexFunc(handlers, func(h plugin.Handler) bool { return h.Name() == m.Name() })
	t.plugin = handlers[i+1].Name()
	t.duration = vars.RequestDuration.WithLabelValues(t.server, t.zone, "")
	t.request = vars.RequestSize.WithLabelValues(t.server, t.zone, "", "udp")
	t.response = vars.ResponseSize.WithLabelValues(t.server, t.zone, "", "udp")
	return t
}

// count counts one answer: the family is 0 for IPv4, 1 for IPv6; the sizes
// are those on the wire, without what UDP puts around them.
func (t *counters) count(family int, qtype uint16, rcode, request, response int, start time.Time) {
	c := &t.requests[family][qtype]
	if *c == nil {
		name := "other" // as the plugin has it
		if qtype != dns.TypeNAPTR {
			name = dns.TypeToString[qtype]
		}
		*c = vars.RequestCount.WithLabelValues(t.server, t.zone, "", "udp", []string{"1", "2"}[family], name)
	}
	(*c).Inc()
	r := &t.responses[rcode]
	if *r == nil {
		*r = vars.ResponseRcode.WithLabelValues(t.server, t.zone, "", dns.RcodeToString[rcode], t.plugin)
	}
	(*r).Inc()
	t.request.Observe(float64(request))
	t.response.Observe(float64(response))
	t.duration.Observe(time.Since(start).Seconds())
}
