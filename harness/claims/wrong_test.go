package claims

import (
	"math"
	"testing"
)

// TestWrong runs wrong optimizers through the code of claims, by the rule of each: none
// is confirmed.
func TestWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the experiments of twenty claims")
	}
	for _, c := range []struct {
		id, name string
		run      func(*Lab) (Measured, error)
	}{
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
		{"C09d", "the same twice", func(l *Lab) (Measured, error) { return recovery(l, "rmsprop", "rmsprop") }},
		{"C10", "another beta2", func(l *Lab) (Measured, error) { return averages(l, "adam:beta1=0.9:beta2=0.999") }},
		{"C10a", "a constant epsilon", func(l *Lab) (Measured, error) { return epsilonHat(l, func(int) float64 { return 1e-3 }) }},
		{"C12", "bias correction", func(l *Lab) (Measured, error) { return firstSteps(l, corrected, 1) }},
		{"C12b", "bias correction", func(l *Lab) (Measured, error) { return excursions(l, corrected) }},
		{"C14", "LAMB with epsilon and decay", func(l *Lab) (Measured, error) { return sameWay(l, "lamb:weight_decay=0.01:eps=1e-2") }},
		{"C15", "Adam for LAMB", func(l *Lab) (Measured, error) { return stepsByScales(l, "adam") }},
		{"E01", "no clipping", func(l *Lab) (Measured, error) { return excessByTime(l, "sgd", 1.5) }},
		{"E02", "another formula", func(l *Lab) (Measured, error) {
			return unrolled(l, "momentum:beta=0.9:weight_decay=0", func(age int) float64 { return math.Pow(0.9, float64(age)) })
		}},
		{"E08", "a law of another size", func(l *Lab) (Measured, error) { return squaresOfNoise(l, "gaussian:scale=2") }},
		{"E09", "descent for cubic regularisation", func(l *Lab) (Measured, error) { return flatSteps(l, "sgd") }},
		{"E10", "steps that do not shrink with the gradient", func(l *Lab) (Measured, error) { return stuck(l, "adam") }},
	} {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			t.Parallel()
			found, err := Find(c.id)
			if err != nil {
				t.Fatal(err)
			}
			rule := found[0].Rule
			m, err := c.run(NewLab(t.Context(), c.id, true, 1, 2))
			if err != nil {
				t.Fatal(err)
			}
			if v := rule.Judge(m); v != Refuted && v != Inconclusive {
				t.Errorf("%v in %v is %s (%s), want it refuted or inconclusive", m.Value, m.CI, v, rule)
			}
		})
	}
}

// TestSeedSets: verdicts of claims that rest on seeds are those of another seed set.
func TestSeedSets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the experiments of some claims twice")
	}
	list, err := Find("C12b", "E01", "E03", "E08")
	if err != nil {
		t.Fatal(err)
	}
	one, two := run(t, Runner{SeedSet: 1, Workers: 2}, list), run(t, Runner{SeedSet: 2, Workers: 2}, list)
	for i, a := range one {
		b := two[i]
		if a.Verdict != b.Verdict {
			t.Errorf("%s is %s with seed set 1, %s with set 2", a.ID, a.Verdict, b.Verdict)
		}
		if a.ID != "E03" && a.Measured == b.Measured {
			t.Errorf("%s measures %v with both seed sets: it does not use its seeds", a.ID, a.Measured)
		}
	}
}
