package simulation

import (
	"math"

	"github.com/asterfed/asterfed/zone/peer"
)

// line is the straight line that fits measurements best (least squares).
type line struct {
	A, B float64 // y = A + B·x
	R2   float64 // how much of the variation it explains, 0 to 1
}

// fit returns the line through (xs, ys). Of a single point it is the line
// through the origin.
func fit(xs, ys []float64) line {
	if len(xs) == 1 {
		return line{B: ys[0] / xs[0], R2: 1}
	}
	n := float64(len(xs))
	var mx, my float64
	for i := range xs {
		mx += xs[i] / n
		my += ys[i] / n
	}
	var sxx, sxy, syy float64
	for i := range xs {
		sxx += (xs[i] - mx) * (xs[i] - mx)
		sxy += (xs[i] - mx) * (ys[i] - my)
		syy += (ys[i] - my) * (ys[i] - my)
	}
	l := line{B: sxy / sxx, R2: 1}
	l.A = my - l.B*mx
	if syy > 0 {
		l.R2 = sxy * sxy / (sxx * syy)
	}
	return l
}

// exponent returns p where y grows as x to the power of p; NaN if some y is
// not positive or there is one point only.
func exponent(xs, ys []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	lx, ly := make([]float64, len(xs)), make([]float64, len(ys))
	for i := range xs {
		lx[i], ly[i] = math.Log(xs[i]), math.Log(ys[i])
		if ys[i] <= 0 {
			return math.NaN()
		}
	}
	return fit(lx, ly).B
}

// model says what a fully connected node spends, per second, on its
// connections: for each link and heartbeat of its pair, and for each change that
// it takes or tells.
type model struct {
	BeatOctets, BeatCPU     float64 // for each link and heartbeat
	ChangeOctets, ChangeCPU float64 // for each change in the federation
}

// beats is how many heartbeats a second there are on the links of a node of so
// many, one for each pair: they slow down as peers become many.
func beats(nodes int) float64 {
	peers := nodes - 1
	return float64(peers) / peer.LAN.Among(peers).Heartbeat.Seconds()
}

// learn fits the model to reports.
func learn(reports []*report) model {
	var sent, octets, cpu []float64
	var m model
	for _, r := range reports {
		sent = append(sent, beats(r.Nodes))
		octets = append(octets, r.Quiet.TransferOctets)
		cpu = append(cpu, r.Quiet.CPU-r.Gossip.CPU)
		k := float64(len(reports)) * r.Changes
		m.ChangeOctets += (r.Busy.TransferOctets - r.Quiet.TransferOctets) / k
		m.ChangeCPU += (r.Busy.CPU - r.Quiet.CPU) / k
	}
	m.BeatOctets, m.BeatCPU = through(sent, octets), through(sent, cpu)
	return m
}

// through returns the slope of the line through the origin that fits best.
func through(xs, ys []float64) float64 {
	var xy, xx float64
	for i := range xs {
		xy += xs[i] * ys[i]
		xx += xs[i] * xs[i]
	}
	return xy / xx
}

// The bounds that the model is asked for.
const (
	cpuBound  = 0.02      // of one core
	wireBound = 1e6 / 8.0 // octets per second, each way
)

// endless is more nodes than a full mesh is made for.
const endless = 10_000

// limits returns up to how many nodes a node stays within either bound when the
// federation changes so often; 1 means that it never does, endless that it always
// does, since heartbeats cost no more from a number of nodes on.
func (m model) limits(changes float64) (cpu, wire int) {
	at := func(bound, change, beat float64) int {
		for n := 2; n < endless; n++ {
			if changes*change+beats(n)*beat > bound {
				return n - 1 // the last that does not
			}
		}
		return endless
	}
	return at(cpuBound, m.ChangeCPU, m.BeatCPU), at(wireBound, m.ChangeOctets, m.BeatOctets)
}
