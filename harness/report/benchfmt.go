package report

import (
	"fmt"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/optbench/optbench/harness/record"
)

// benchFormat writes the Go benchmark format, a line per sample, so that
// benchstat sees how they spread. Names are key=value, for its filters.
type benchFormat struct{ *benchfmt.Writer }

// Run does nothing: what a run is goes before each of its results, where a
// reader of several runs needs it.
func (b benchFormat) Run(r *record.Run) error { return nil }

func (b benchFormat) Write(t *record.Throughput) error {
	c := t.Case
	name := fmt.Sprintf("Step/update=%s/n=%d/tensors=%s/dtype=%s/backend=%s/threads=%d/cache=%s",
		// A slash would start another key, a space end the name.
		strings.NewReplacer("/", "_", " ", "_").Replace(c.Update), c.N, tensors(c), c.DType, c.Backend, c.Threads, c.Cache)
	if c.Clip > 0 {
		name += "/clip=" + clip(c)
	}
	for _, s := range t.Samples {
		result := &benchfmt.Result{
			Name:  benchfmt.Name(name),
			Iters: 1,
			Values: []benchfmt.Value{
				{Value: s, Unit: "sec/op"},
				{Value: float64(t.Bytes) / s, Unit: "B/s"},
				{Value: t.LimitBytesPerSecond, Unit: "limit-B/s"},
			},
		}
		if err := b.Writer.Write(result); err != nil {
			return fmt.Errorf("benchfmt: %w", err)
		}
	}
	return nil
}

func (b benchFormat) Close() error { return nil }
