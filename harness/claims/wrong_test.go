package claims

import (
	"fmt"
	"math"
	"testing"
)

var descentSteps = exactRun{"sgd", func(eps float64) flatRun { return still(eps, "sgd", 0.5) }, byStep}

// TestWrong runs what lacks the idea of a claim (clipping, the exponent, noise, momentum,
// the correction of bias, second order) through its experiment, by its rule: none is
// confirmed.
func TestWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("measures claims")
	}
	judged := map[string]bool{} // kinds of rules
	for _, c := range []struct {
		id, name string
		run      func(*Lab) (Measured, error)
	}{
		{"C02a", "momentum for descent", func(l *Lab) (Measured, error) { return fixedOverBound(l, "momentum:beta=0.5:weight_decay=0") }},
		{"C03", "no clipping", func(l *Lab) (Measured, error) { return ratioOfSteps(l, "sgd") }},
		{"C06", "momentum for descent", func(l *Lab) (Measured, error) {
			return unrolled(l, "momentum:beta=0.9:weight_decay=0", func(int) float64 { return 1 })
		}},
		{"C07", "heavy ball without its momentum", func(l *Lab) (Measured, error) { return stepsByCondition(l, "sgd", bestStep, small) }},
		{"C07b", "a momentum that is ignored", func(l *Lab) (Measured, error) { return longestStable(l, "sgd:weight_decay=%v") }},
		{"C08", "descent for Adagrad", func(l *Lab) (Measured, error) { return regretRatio(l, 2, "sgd") }},
		{"C08b", "the diagonal for the full matrix", func(l *Lab) (Measured, error) { return stepsRotated(l, "adagrad", "adagrad") }},
		{"C09", "an average for the sum of squares", func(l *Lab) (Measured, error) { return lengthByTime(l, "rmsprop") }},
		{"C09a", "a sum for the average of squares", func(l *Lab) (Measured, error) { return lengthByTime(l, "adagrad") }},
		{"C09b", "an average for the sum of squares", func(l *Lab) (Measured, error) { return lagByTime(l, "rmsprop", 0.05, 0.01) }},
		{"C09d", "the same twice", func(l *Lab) (Measured, error) { return recovery(l, "rmsprop", "rmsprop") }},
		{"C10", "another beta2", func(l *Lab) (Measured, error) { return averages(l, "adam:beta1=0.9:beta2=0.999") }},
		{"C10a", "a constant epsilon", func(l *Lab) (Measured, error) { return epsilonHat(l, func(int) float64 { return 1e-3 }) }},
		{"C12", "bias correction", func(l *Lab) (Measured, error) { return firstSteps(l, corrected, 1) }},
		{"C12b", "bias correction", func(l *Lab) (Measured, error) { return excursions(l, corrected) }},
		{"C14", "LAMB with epsilon and decay", func(l *Lab) (Measured, error) { return sameWay(l, "lamb:weight_decay=0.01:eps=1e-2") }},
		{"C15", "Adam for LAMB", func(l *Lab) (Measured, error) { return stepsByScales(l, "adam") }},
		{"C16", "clipping for SGD", func(l *Lab) (Measured, error) {
			return tailOfErrors(l, bowl, "cclip:alpha=1.5", 1, 1.5, excess)
		}},
		{"C18", "no clipping", func(l *Lab) (Measured, error) { return lastRate(l, "sgd", skewed(1.5)) }},
		{"C20a", "the schedule of another tail", func(l *Lab) (Measured, error) { return waveRate(l, "cclip:alpha=0", skewed(1.3), 2) }},
		{"C22", "the same twice", func(l *Lab) (Measured, error) { return tunedRatio(l, heavy, adam99, adam99) }},
		{"C26", "no noise", func(l *Lab) (Measured, error) { return octopusByDim(l, "sgd") }},
		{"C31", "the schedule of averaging", func(l *Lab) (Measured, error) { return gradientsByEps(l, []float64{8, 16, 32}, averagedSGD) }},
		{"C33", "SGD for SPIDER", func(l *Lab) (Measured, error) { return gradientsByEps(l, []float64{10, 14, 20}, perturbedSGD) }},
		{"C34", "descent for cubic regularisation", func(l *Lab) (Measured, error) { return stepsByEps(l, descentSteps) }},
		{"C34b", "momentum without momentum", func(l *Lab) (Measured, error) {
			return escapeByCurvature(l, func(_, noise float64) string { return fmt.Sprintf("perturbed-momentum:gamma=2:radius=%v", noise) })
		}},
		{"C34e", "gradients for Hessian-vector products", func(l *Lab) (Measured, error) { return stepsByEps(l, descentSteps) }},
		{"C36", "SGD for RMSProp", func(l *Lab) (Measured, error) { return escapeRatio(l, "sgd", 1000) }},
		{"E01", "no clipping", func(l *Lab) (Measured, error) { return excessByTime(l, "sgd", 1.5) }},
		{"E02", "another formula", func(l *Lab) (Measured, error) {
			return unrolled(l, "momentum:beta=0.9:weight_decay=0", func(age int) float64 { return math.Pow(0.9, float64(age)) })
		}},
		{"E08", "a law of another size", func(l *Lab) (Measured, error) { return squaresOfNoise(l, "gaussian:scale=2") }},
		{"E09", "descent for cubic regularisation", func(l *Lab) (Measured, error) { return flatSteps(l, "sgd") }},
		{"E10", "steps that do not shrink with the gradient", func(l *Lab) (Measured, error) { return stuck(l, "adam") }},
	} {
		found, err := Find(c.id)
		if err != nil {
			t.Fatal(err)
		}
		rule := found[0].Rule
		judged[fmt.Sprintf("%T", rule)] = true
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			t.Parallel()
			m, err := c.run(NewLab(t.Context(), c.id, true, 1, 2))
			if err != nil {
				t.Fatal(err)
			}
			if v := rule.Judge(m); v != Refuted && v != Inconclusive {
				t.Errorf("%v in %v is %s (%s), want it refuted or inconclusive", m.Value, m.CI, v, rule)
			}
		})
	}
	for _, c := range All() {
		kind := fmt.Sprintf("%T", c.Rule)
		if _, decides := c.Rule.(Stated); !decides && !judged[kind] {
			t.Errorf("no wrong optimizer is held to the rule %s, which %s has", kind, c.ID)
			judged[kind] = true
		}
	}
}

// sample are claims that are measured in little time, most of them with seeds.
var sample = []string{
	"C07", "C12b", "C14", "C24a", "C25a", "C29a", "C34b", "C34c", "C34f", "C35b", "C36a", "C36c", "C37a", "E01", "E03", "E08",
}

// TestSample: of some claims the number of workers changes no bit, and the set of seeds
// no verdict, though it changes what is measured.
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
	for i, b := range run(t, Runner{SeedSet: 2, Workers: 2}, list) {
		a := one[i]
		if a.Verdict != b.Verdict {
			t.Errorf("%s is %s with seed set 1, %s with set 2", a.ID, a.Verdict, b.Verdict)
		}
		if share := a.Measured == 0 || a.Measured == 1; a.Seeds > 0 && !share && a.Measured == b.Measured {
			t.Errorf("%s measures %v with both seed sets: it does not use its seeds", a.ID, a.Measured)
		}
	}
}
