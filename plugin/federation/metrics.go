package federation

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/view"
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
	outboundCount     = counter("zone_transfers_total", "Transfers of the federation zone answered, by kind.", "kind")
)

// collector exports the state of every authority as it is when it is asked for.
type collector struct{ g *Registry }

// Describe implements prometheus.Collector. It names nothing in advance, since
// which metrics there are depends on the authorities that run then.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.g.running() {
		r.Collect(ch)
	}
}

// The names of metrics begin as those of CoreDNS's plugins do.
const (
	namespace     = "coredns"
	subsystemName = "federation"
)

var notifyCount = promauto.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystemName,
	Name: "notifies_total", Help: "NOTIFYs of the federation zone to each secondary, by what came of it."}, []string{"zone", "secondary", "result"})

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystemName, name), help,
		append([]string{"zone"}, labels...), nil)
}

var (
	infoDesc     = desc("node_info", "1 for each node, with the version of asterfed that it runs.", "node", "version")
	bindingsDesc = desc("bindings", "Bindings held, by home node.", "node")
	reachDesc    = desc("node_reach", "1 for the reach of each node: alive, orphan or gone.", "node", "reach")
	rttDesc      = desc("node_rtt_seconds", "Smoothed round-trip time to each node.", "node")
	lagDesc      = desc("replication_lag_seconds", "Seconds since what is held of each node was last known to be what that node has.", "node")
	pulledDesc   = desc("transfers_in_total", "Transfers that brought news, by kind.", "node", "kind")
	failedDesc   = desc("transfers_failed_total", "Transfers of a node's home zone that were refused or broken off.", "node")
	refusedDesc  = desc("records_refused_total", "Records of a node that are refused, by cause.", "node", "cause")
	leftOutDesc  = desc("records_left_out_total", "Bindings and values that this node's sources have, and that cannot be published.")
	aheadDesc    = desc("stamps_ahead_total", "Stamps of a node more than a minute in the future.", "node")
	comparedDesc = desc("comparisons_total", "Comparisons of a home zone as held here with its home, by result.", "node", "result")
	differsDesc  = desc("differs", "1 while a home zone as held here differs from its home at the same serial.", "node")
	serialDesc   = desc("serial", "Serial of each home zone as held here.", "node")
	skewDesc     = desc("clock_skew_seconds", "How far each node's clock is ahead of this one's, 0 within what TSIG tolerates (300 s).", "node")
	trunkDesc    = desc("trunk_up", "1 while calls can leave by a trunk of this node's file, 0 while they cannot.", "trunk")
	serviceDesc  = desc("services", "Conference rooms in use, queues and parked calls that this node publishes.", "kind")
	amiDesc      = desc("ami_up", "1 while AMI is connected and the registrations are listed.")
	amiReadDesc  = desc("ami_events_total", "Events of Asterisk that asterfed has read.")
	amiListsDesc = desc("ami_listings_total", "Listings of registrations over AMI, by kind: full, aor, or refused.", "kind")
	amiLoginDesc = desc("ami_reconnects_total", "Attempts to connect to AMI after the first.")
	amiAORsDesc  = desc("ami_refused_aors_total", "AORs of Asterisk that cannot be published.")
	amiGoneDesc  = desc("ami_unconfigured_aors", "AORs that were deleted from Asterisk's configuration while they have contacts.")
	amiSizeDesc  = desc("ami_contacts", "Contacts in the last full listings.")
	amiTimeDesc  = desc("ami_listing_seconds", "How long the last full listing of PJSIP contacts took.")
	diskDesc     = desc("disk_ok", "1 while the home zone can be kept on disk.")
	settledDesc  = desc("settled", "1 once every node is known.")
	trimmedDesc  = desc("answers_trimmed_total", "Answers that left homes out, since Asterisk reads 4096 octets at most.")
	signedDesc   = desc("signatures_total", "DNSSEC signatures given, by whether they were made for it.", "cached")
	badLinesDesc = desc("directory_bad_lines", "Lines of the directory that were left out.")
	homelessDesc = desc("directory_homeless_lines", "Lines of the directory that nobody publishes, since no node has a home that they name.")
	publicDesc   = desc("zone_serial", "Serial of the federation zone as answered here.")
	forgotDesc   = desc("history_dropped_total", "Changes that the history lacks, since the disk was too slow or full.")
	contestDesc  = desc("contested", "AORs bound here that another node claims newer.")
)

// Collect exports the state of the node as it is now.
func (r *authority) Collect(ch chan<- prometheus.Metric) {
	z := r.cfg.Origin
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{z}, labels...)...)
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{z}, labels...)...)
	}
	figures := r.node.Metrics()
	for name, version := range figures.Versions {
		gauge(infoDesc, 1, name, version)
	}
	for _, h := range r.zone.Homes() {
		gauge(bindingsDesc, float64(h.Len()), h.Name)
		gauge(serialDesc, float64(h.Version().Serial), h.Name)
		s, known := figures.Peers[h.Name]
		if !known && h.Name != r.cfg.Node { // it left: nobody is to be alarmed
			continue
		}
		for _, reach := range []view.Reach{view.Alive, view.Orphan, view.Gone} {
			gauge(reachDesc, truth(h.Reach() == reach), h.Name, reach.String())
		}
		if !known {
			continue
		}
		gauge(rttDesc, s.RTT.Seconds(), h.Name)
		gauge(lagDesc, time.Since(s.Level).Seconds(), h.Name)
		gauge(skewDesc, s.Skew.Seconds(), h.Name)
		count(pulledDesc, s.Full, h.Name, "full")
		count(pulledDesc, s.Incremental, h.Name, "incremental")
		count(failedDesc, s.Failed, h.Name)
		count(refusedDesc, s.Refused-s.Unreadable, h.Name, "content")
		count(refusedDesc, s.Unreadable, h.Name, "unreadable")
		count(refusedDesc, h.Surplus(), h.Name, "surplus")
		count(aheadDesc, s.Ahead, h.Name)
		gauge(differsDesc, truth(s.Differs), h.Name)
		count(comparedDesc, s.Alike, h.Name, "equal")
		count(comparedDesc, s.Unlike, h.Name, "different")
		count(comparedDesc, s.Overtaken, h.Name, "overtaken")
	}
	gauge(settledDesc, truth(r.zone.Settled()))
	count(trimmedDesc, r.zone.Trimmed())
	gauge(publicDesc, float64(r.zone.Serial()))
	gauge(contestDesc, float64(len(r.zone.Contested())))
	gauge(diskDesc, truth(figures.Disk == nil))
	count(leftOutDesc, r.primary.LeftOut())
	if r.signer != nil {
		asked, made := r.signer.Stats()
		count(signedDesc, asked-made, "yes")
		count(signedDesc, made, "no")
	}
	if r.cfg.History != (config.History{}) {
		count(forgotDesc, figures.Dropped)
	}
	if r.cfg.Directory != "" {
		gauge(badLinesDesc, float64(figures.BadLines))
		gauge(homelessDesc, float64(figures.Homeless))
	}
	for name, up := range figures.Trunks {
		gauge(trunkDesc, truth(up), name)
	}
	for kind, n := range figures.Services {
		gauge(serviceDesc, float64(n), kind)
	}
	if r.cfg.Asterisk.Addr != "" {
		gauge(amiDesc, truth(figures.AMI))
		c, s := figures.Client, figures.Registrations
		count(amiReadDesc, int64(c.Events))
		count(amiListsDesc, int64(s.Listings), "full")
		count(amiListsDesc, int64(s.AORListings), "aor")
		count(amiListsDesc, int64(s.Refusals), "refused")
		count(amiLoginDesc, int64(c.Reconnects))
		count(amiAORsDesc, int64(s.RefusedAORs))
		gauge(amiGoneDesc, float64(s.Unconfigured))
		gauge(amiSizeDesc, float64(s.LastSize))
		gauge(amiTimeDesc, s.LastDuration.Seconds())
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
