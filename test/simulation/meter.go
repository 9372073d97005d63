package simulation

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// cost is what one node spends in one second of virtual time. Octets and
// messages are those it sends; it receives as many.
type cost struct {
	GossipMessages, GossipOctets     float64
	TransferMessages, TransferOctets float64
	CPU                              float64 // seconds
}

// reading is the state of all counters at one instant.
type reading struct {
	at                               time.Time
	cpu                              time.Duration
	gossipMessages, gossipOctets     int64 // of all nodes
	transferMessages, transferOctets int64 // of the sample
}

func (f *federation) read() reading {
	r := reading{at: time.Now(), cpu: cpu()}
	for i, n := range f.nodes {
		r.gossipMessages += n.host.Gossip.Messages.Load()
		r.gossipOctets += n.host.Gossip.Octets.Load()
		if i < f.sample {
			r.transferMessages += n.host.Transfer.Messages.Load()
			r.transferOctets += n.host.Transfer.Octets.Load()
		}
	}
	return r
}

// cpu is what this process has used, kernel included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure lets a window of virtual time pass and returns its cost per node;
// CPU is still that of the whole process. It has one core meanwhile, so that
// nothing is done for want of anything better.
func (f *federation) measure(window time.Duration) cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // as asterfed has it
	runtime.GC()
	a := f.read()
	time.Sleep(window)
	b := f.read()
	s := b.at.Sub(a.at).Seconds()
	all, some := float64(len(f.nodes))*s, float64(f.sample)*s
	return cost{
		GossipMessages: float64(b.gossipMessages-a.gossipMessages) / all,
		GossipOctets:   float64(b.gossipOctets-a.gossipOctets) / all,

		TransferMessages: float64(b.transferMessages-a.transferMessages) / some,
		TransferOctets:   float64(b.transferOctets-a.transferOctets) / some,

		CPU: (b.cpu - a.cpu).Seconds() / s,
	}
}

// perNode turns what the whole process has used into what one fully connected
// node uses: its Serf, and of each of its N-1 connections either way the end
// that is its own. With all nodes in the sample that is just an N-th.
func (f *federation) perNode(gossip, all float64) float64 {
	n := float64(len(f.nodes))
	return gossip/n + (all-gossip)*(n-1)/float64(f.connections())
}

// memory is what is in use after a collection: heap and stacks.
func memory() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
