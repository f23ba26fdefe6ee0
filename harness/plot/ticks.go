package plot

import (
	"math"

	"gonum.org/v1/plot"

	"github.com/optbench/optbench/harness/axis"
)

// mostTicks is how many ticks of an axis are labelled at most.
const mostTicks = 7

// Ticks implements [plot.Ticker]: labels at decades, at every few of them where there
// are many, and at 1, 2 and 5 where there are few; a linear axis has round steps.
func (s scale) Ticks(lo, hi float64) []plot.Tick {
	if s.empty {
		return nil
	}
	if !s.log {
		return linear(lo, hi)
	}
	var out []plot.Tick
	for _, t := range logarithmic(math.Pow(10, lo), math.Pow(10, hi)) {
		out = append(out, plot.Tick{Value: math.Log10(t.Value), Label: t.Label})
	}
	return out
}

func logarithmic(lo, hi float64) []plot.Tick {
	first, last := math.Ceil(math.Log10(lo)-1e-9), math.Floor(math.Log10(hi)+1e-9)
	decades := last - first + 1
	if decades < 2 || hi < 50*lo {
		return few(lo, hi)
	}
	every := math.Ceil(decades / mostTicks)
	var out []plot.Tick
	for d := first - 1; d <= last; d++ {
		v := decade(d)
		if d >= first {
			text := ""
			if math.Mod(d, every) == 0 {
				text = label(v)
			}
			out = append(out, plot.Tick{Value: v, Label: text})
		}
		for k := 2.0; k < 10 && every == 1; k++ {
			if v*k >= lo && v*k <= hi {
				out = append(out, plot.Tick{Value: v * k})
			}
		}
	}
	return out
}

// few are the ticks of a logarithmic axis of at most two decades.
func few(lo, hi float64) []plot.Tick {
	if hi < 3*lo {
		return linear(lo, hi)
	}
	var out []plot.Tick
	for d := math.Floor(math.Log10(lo)); decade(d) <= hi; d++ {
		for k := 1.0; k < 10; k++ {
			v := decade(d) * k
			if v < lo || v > hi {
				continue
			}
			text := ""
			if k == 1 || k == 2 || k == 5 {
				text = label(v)
			}
			out = append(out, plot.Tick{Value: v, Label: text})
		}
	}
	return out
}

// linear are ticks at round steps: 1, 2 or 5 times a power of ten.
func linear(lo, hi float64) []plot.Tick {
	step := decade(math.Floor(math.Log10((hi - lo) / mostTicks)))
	for _, k := range []float64{2, 2.5, 2} { // to 2, 5 and 10
		if (hi-lo)/step <= mostTicks {
			break
		}
		step *= k
	}
	var out []plot.Tick
	for i := math.Ceil(lo / step); i*step <= hi; i++ {
		v := i*step + 0 // no -0
		out = append(out, plot.Tick{Value: v, Label: label(v)})
	}
	return out
}

// decade is a power of ten, exact where it can be.
func decade(d float64) float64 { return math.Pow10(int(d)) }

func label(v float64) string { return axis.FormatFloat(v, 4) }
