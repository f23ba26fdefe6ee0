package converge

import (
	"math"

	"github.com/optbench/optbench/harness"
)

// Schedules of the learning rate, by name: what multiplies it at step t of a
// budget.
var schedules = []struct {
	name  string
	ends  bool // it depends on the budget
	scale func(t, budget int) float64
}{
	{"constant", false, func(int, int) float64 { return 1 }},
	{"inverse", false, func(t, _ int) float64 { return 1 / float64(t) }},
	{"inverse-sqrt", false, func(t, _ int) float64 { return 1 / math.Sqrt(float64(t)) }},
	{"warmup", true, func(t, budget int) float64 { return min(1, float64(t)/warmup(budget)) }},
	{"cosine", true, cosine},
	{"warmup-cosine", true, func(t, budget int) float64 {
		return min(1, float64(t)/warmup(budget)) * cosine(t, budget)
	}},
}

// NeedsSteps reports whether a schedule has no meaning where time alone is limited.
func NeedsSteps(name string) bool {
	for _, s := range schedules {
		if s.name == name {
			return s.ends
		}
	}
	return false
}

// warmup is how many steps the learning rate rises: a twentieth of all.
func warmup(budget int) float64 { return max(1, float64(budget)/20) }

// cosine falls from 1 to 0 along half a wave (Loshchilov, Hutter 2017,
// arXiv:1608.03983, without restarts).
func cosine(t, budget int) float64 {
	return (1 + math.Cos(math.Pi*float64(t-1)/float64(budget))) / 2
}

// Schedules lists the names of the schedules.
func Schedules() []string {
	var names []string
	for _, s := range schedules {
		names = append(names, s.name)
	}
	return names
}

// findSchedule returns the schedule of that name; "" is a constant one.
func findSchedule(name string) (func(t, budget int) float64, error) {
	if name == "" {
		name = "constant"
	}
	for _, s := range schedules {
		if s.name == name {
			return s.scale, nil
		}
	}
	return nil, harness.Unknown("schedule", name, Schedules())
}
