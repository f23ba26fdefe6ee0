package claims

import "testing"

// TestWrong runs wrong optimizers through the code of claims: no rule confirms them.
func TestWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		rule Rule
		run  func(*Lab) (Measured, error)
	}{
		{"heavy ball without its momentum", SlopeWithin(0.5, 0.05), func(l *Lab) (Measured, error) {
			return stepsByCondition(l, "sgd", bestStep)
		}},
		{"a momentum that is ignored", Exact{1, 1e-3}, func(l *Lab) (Measured, error) {
			return longestStable(l, "sgd:weight_decay=%v")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.run(NewLab(t.Context(), "C00", true, 1, 2))
			if err != nil {
				t.Fatal(err)
			}
			if v := c.rule.Judge(m); v != Refuted && v != Inconclusive {
				t.Errorf("%v in %v is %s by %s, want it refuted or inconclusive", m.Value, m.CI, v, c.rule)
			}
		})
	}
}
