package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/optbench/optbench/harness/record"
)

// tracked collects records for a service that tracks benchmarks, in its format:
// the array of github-action-benchmark's customSmallerIsBetter, or the Bencher
// Metric Format.
type tracked struct {
	w      io.Writer
	format string
	values []trackedValue
}

// A trackedValue is a time with its interval, in ns per step.
type trackedValue struct {
	name   string
	n      int // parameters
	ns     float64
	lo, hi float64
	extra  string
}

func (t *tracked) Run(*record.Run) error { return nil }

func (t *tracked) Write(r *record.Throughput) error {
	t.add(r.Case, r.Median, r.CI95, fmt.Sprintf("%s, %s of the limit", r.Kernel, percent(r.LimitShare)))
	return nil
}

func (t *tracked) add(c record.Case, seconds float64, interval [2]float64, extra string) {
	t.values = append(t.values, trackedValue{
		name: benchName(c), n: c.N, ns: 1e9 * seconds, lo: 1e9 * interval[0], hi: 1e9 * interval[1], extra: extra,
	})
}

func (t *tracked) Close() error {
	type point struct {
		Name  string  `json:"name"`
		Unit  string  `json:"unit"`
		Value float64 `json:"value"`
		Range string  `json:"range"`
		Extra string  `json:"extra,omitempty"`
	}
	type metric struct {
		Value float64 `json:"value"`
		Lower float64 `json:"lower_value"`
		Upper float64 `json:"upper_value"`
	}
	var out any
	if t.format == "bencher" {
		all := map[string]map[string]metric{}
		for _, v := range t.values {
			all[v.name] = map[string]metric{"latency": {v.ns, v.lo, v.hi}}
		}
		out = all
	} else {
		all := []point{}
		for _, v := range t.values {
			all = append(all, point{v.name, "ns/param", v.ns / float64(v.n), "± " + percent((v.hi-v.lo)/2/v.ns), v.extra})
		}
		out = all
	}
	e := json.NewEncoder(t.w)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("%s: %w", t.format, err)
	}
	return nil
}
