package claims

import (
	"fmt"
	"testing"
)

var descentSteps = exactRun{"sgd", func(eps float64) flatRun { return still(eps, "sgd", 0.5) }, byStep}

// TestWrongMethods runs what lacks the idea of a claim through its experiment: clipping,
// the exponent, noise, momentum, second order.
func TestWrongMethods(t *testing.T) {
	if testing.Short() {
		t.Skip("measures claims")
	}
	for _, c := range []struct {
		name string
		rule Rule
		run  func(*Lab) (Measured, error)
	}{
		{"SGD in place of clipping", AsPrinted{strong(1.5), 2 * strong(1.5), 0.06}, func(l *Lab) (Measured, error) { return lastRate(l, "sgd", skewed(1.5)) }},
		{"the schedule of another tail", SlopeWithin(weak(1.3), 0.025), func(l *Lab) (Measured, error) { return waveRate(l, "cclip:alpha=0", skewed(1.3), 2) }},
		{"clipping in place of SGD", Proportion{0, 1}, func(l *Lab) (Measured, error) { return tailOfErrors(l, bowl, "cclip:alpha=1.5", 1, 1.5, excess) }},
		{"octopus without noise", Proportion{1, 1.5}, func(l *Lab) (Measured, error) { return octopusByDim(l, "sgd") }},
		{"momentum without momentum", SlopeWithin(0.5, 0.05), func(l *Lab) (Measured, error) {
			return escapeByCurvature(l, func(_, noise float64) string { return fmt.Sprintf("perturbed-momentum:gamma=2:radius=%v", noise) })
		}},
		{"SGD in place of RMSProp", AtLeast{10}, func(l *Lab) (Measured, error) { return escapeRatio(l, "sgd", 1000) }},
		{"gradients in place of cubic steps", SlopeWithin(1.5, 0.05), func(l *Lab) (Measured, error) {
			return stepsByEps(l, descentSteps)
		}},
		{"gradients in place of Hessian-vector products", AtMost{1.75}, func(l *Lab) (Measured, error) { return stepsByEps(l, descentSteps) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.run(NewLab(t.Context(), "C00", true, 1, 2))
			if err != nil {
				t.Fatal(err)
			}
			v := c.rule.Judge(m)
			if v != Refuted && v != Inconclusive {
				t.Errorf("%v in %v is %s by %s, want it refuted or inconclusive", m.Value, m.CI, v, c.rule)
			}
		})
	}
}

// sample are claims with seeds that are measured in little time.
var sample = []string{"C24a", "C25a", "C29a", "C34b", "C34c", "C34f", "C35b", "C36a", "C36c", "C37a"}

// TestSample: neither the number of workers nor the set of seeds changes a verdict of
// some claims, and the workers no bit.
func TestSample(t *testing.T) {
	if testing.Short() {
		t.Skip("measures claims")
	}
	list, err := Find(sample...)
	if err != nil {
		t.Fatal(err)
	}
	one, two := run(t, Runner{SeedSet: 1, Workers: 1}, list), run(t, Runner{SeedSet: 1, Workers: 2}, list)
	if a, b := fmt.Sprintf("%+v", one), fmt.Sprintf("%+v", two); a != b {
		t.Errorf("one worker:\n%s\ntwo:\n%s", a, b)
	}
	for i, other := range run(t, Runner{SeedSet: 2, Workers: 2}, list) {
		if other.Verdict != one[i].Verdict {
			t.Errorf("%s: %s by the first set of seeds, %s by the second", other.ID, one[i].Verdict, other.Verdict)
		}
	}
}
