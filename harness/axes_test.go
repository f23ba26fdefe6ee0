package harness

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/kernels"
)

func environment(l2, l3, threads int) machine.Environment {
	return machine.Environment{Caches: machine.Caches{L2: l2, L3: l3}, UsableThreads: threads}
}

var testEnv = environment(1<<20, 32<<20, 2)

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		c          Case
		tensors, n int
	}{
		{Case{Model: "gpt2"}, 148, 124_439_808},
		{Case{Model: "bert-large"}, 391, 335_141_888},
		{Case{Model: "resnet50"}, 161, 25_557_032},
		{Case{N: 10, Tensors: 3}, 3, 10},
		{Case{N: 1, Tensors: 1}, 1, 1},
	} {
		sizes, err := Shapes(c.c)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, s := range sizes {
			n += s
		}
		if len(sizes) != c.tensors || n != c.n {
			t.Errorf("%+v: %d tensors of %d parameters, want %d of %d", c.c, len(sizes), n, c.tensors, c.n)
		}
		if c.c.Model == "" && slices.Max(sizes)-slices.Min(sizes) > 1 {
			t.Errorf("%+v: unequal tensors %v", c.c, sizes)
		}
	}
	for _, c := range []Case{{N: 2, Tensors: 3}, {N: 1, Tensors: 0}, {Model: "gpt9"}} {
		if _, err := Shapes(c); err == nil {
			t.Errorf("%+v gives no error", c)
		}
		c.Update = "sgd"
		if _, err := Footprint(c); err == nil {
			t.Errorf("the footprint of %+v gives no error", c)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		l2, l3 int
		want   []int
	}{
		{1 << 20, 32 << 20, []int{20_000, 1_000_000, 20_000_000}},
		{512 << 10, 16 << 20, []int{10_000, 500_000, 10_000_000}},
		{0, 0, []int{20_000, 1_000_000, 20_000_000}},
	} {
		if got := Sizes(environment(c.l2, c.l3, 1)); !slices.Equal(got, c.want) {
			t.Errorf("L2 %d, L3 %d: sizes %v, want %v", c.l2, c.l3, got, c.want)
		}
	}
}

func TestCasesDefault(t *testing.T) {
	cases, err := Cases(nil, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 * len(kernels.Names()); len(cases) != want {
		t.Fatalf("%d cases, want %d", len(cases), want)
	}
	for i, c := range cases {
		if i > 0 && c.N < cases[i-1].N {
			t.Errorf("case %d of n=%d follows n=%d, want the smallest first", i, c.N, cases[i-1].N)
		}
		if c.Backend != firstAvailable(t) || c.Threads != 2 || c.DType != "f32" || c.Tensors != 1 || c.Clip != 0 {
			t.Errorf("case %+v is not of the defaults", c)
		}
		if want := map[bool]string{true: Cold, false: Hot}[c.N == 20_000_000]; c.Cache != want {
			t.Errorf("case %+v is %s, want %s", c, c.Cache, want)
		}
	}
}

func firstAvailable(t *testing.T) string {
	t.Helper()
	for _, l := range backend.List() {
		if l.Missing == "" {
			return l.Name
		}
	}
	t.Fatal("no backend is available")
	return ""
}

func TestCases(t *testing.T) {
	for _, c := range []struct {
		settings string
		want     int
	}{
		{"update=adam,adam,adamw:lr=1 n=100", 2},
		{"update=adam n=2^[4:8:2]", 3},
		{"update=adam n=100 tensors=1,2,gpt2", 3},
		{"update=adam n=100 threads=1,2,all", 2},
		{"update=adam n=100 cache=hot,cold,auto", 2},
		{"update=adam n=100 clip=0,1,1", 2},
		{"update=adam n=100 dtype=f32,f64 backend=cpu:go", 2},
		{"update=adam n=100 n=200", 2},
	} {
		var settings []string
		settings = append(settings, strings.Fields(c.settings)...)
		cases, err := Cases(settings, testEnv)
		if err != nil || len(cases) != c.want {
			t.Errorf("%s: %d cases (%v), want %d", c.settings, len(cases), err, c.want)
		}
	}
}

func TestCasesRefuses(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"updat=adam", "did you mean update"},
		{"update=adamm", "did you mean adam"},
		{"update=adam:lr=-1", "want [0,inf)"},
		{"n=0", "positive whole number"},
		{"tensors=2 n=1", "at least one parameter each"},
		{"tensors=gpt3", "or a model: gpt2"},
		{"tensors=gpt2 n=5", "the model sets n"},
		{"backend=gpu", "unknown backend"},
		{"threads=3", "may use 2"},
		{"threads=0", "axis threads"},
		{"cache=warm", "cache"},
		{"dtype=f16", "dtype"},
		{"clip=-1", "axis clip"},
		{"n=[1:1000] clip=1,2,3 cache=hot,cold", "more than 10000 cases"},
		{"n=[1001:2000] tensors=[1:1000]", "more than 10000 cases"}, // at once: not after comparing a million
	} {
		if _, err := Cases(strings.Fields(c.settings), testEnv); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.settings, err, c.want)
		}
	}
	for _, l := range backend.List() {
		if l.Missing != "" {
			if _, err := Cases([]string{"backend=" + l.Name}, testEnv); !errors.Is(err, ErrMissing) {
				t.Errorf("%s: got %v, want %v", l.Name, err, ErrMissing)
			}
		}
		if l.Missing == "" && l.Name != "cpu:go" {
			if _, err := Cases([]string{"backend=" + l.Name, "dtype=f64"}, testEnv); err == nil {
				t.Errorf("f64 on %s gives no error", l.Name)
			}
		}
	}
}

// TestSettings spans every case again by itself.
func TestSettings(t *testing.T) {
	env := machine.Environment{UsableThreads: 2}
	cases, err := Cases([]string{"update=sgd,adamw:lr=0.1:beta1=0.5,lamb", "n=7,1e6", "tensors=1,3,resnet50", "backend=cpu:go", "threads=1,2", "cache=hot,cold", "clip=0,1e-05", "dtype=f32,f64"}, env)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		again, err := Cases(Settings(c), env)
		if err != nil || len(again) != 1 || again[0] != c {
			t.Fatalf("%+v: settings %q give %+v, %v", c, Settings(c), again, err)
		}
	}
}
