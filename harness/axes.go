package harness

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/axis"
	"github.com/optbench/optbench/harness/machine"
	"github.com/optbench/optbench/kernels"
)

// An Axis is a property along which cases may differ.
type Axis struct {
	Name    string `json:"name"`
	Values  string `json:"values"`  // what it may be
	Default string `json:"default"` // what it is where nothing is said
}

// Axes lists them.
var Axes = []Axis{
	{"update", "names, with hyperparameters as in adamw:lr=1e-3:beta1=0.8; all", "all"},
	{"n", "parameters in all: 1e6, 2^20, ranges such as 2^[12:26:2]", "one size in L2, one in L3, one in memory"},
	{"tensors", "how many equal tensors n is cut into; or a model, which sets n too: " + strings.Join(ModelNames(), ", "), "1"},
	{"dtype", "how arrays are stored: " + strings.Join(storageNames(), ", "), "f32"},
	{"backend", strings.Join(backend.Names(), ", ") + "; cpu is the best of them, all what runs here", "cpu"},
	{"threads", "workers that share a step; all", "all"},
	{"cache", "hot, cold; auto is cold where the arrays exceed the caches", "auto"},
	{"clip", "limit on the global norm of the gradients; 0 is none", "0"},
}

// maxCases is the most that one run may have, against a slip in an axis.
const maxCases = 10_000

// ErrMissing is the error of a backend that is known but cannot run here.
var ErrMissing = errors.New("not available here")

// Sizes returns the default sizes for a machine: in its second-level cache, in
// its last, and beyond all caches. They are round numbers, the same for every
// update, so that rows compare: four arrays of the first take at most half of
// the second-level cache, of the second half of the last; one array of the third
// takes about two last caches.
func Sizes(env machine.Environment) []int {
	l2 := env.Caches.L2
	if l2 == 0 {
		l2 = 1 << 20
	}
	return sizesFor(l2, LastCache(env))
}

func sizesFor(l2, l3 int) []int {
	const array = 4
	sizes := []int{roundDown(l2 / 2 / (4 * array)), roundDown(l3 / 2 / (4 * array)), 2 * roundDown(2*l3/array)}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// roundDown returns the largest of 1, 2 and 5 times a power of ten up to n.
func roundDown(n int) int {
	best := 1
	for p := 1; p <= n; p *= 10 {
		for _, f := range []int{1, 2, 5} {
			if f*p <= n {
				best = f * p
			}
		}
	}
	return best
}

// Cases returns the cases that axis settings such as "n=1e6,2^20" span, smallest
// first. An axis that is set twice has the values of both.
func Cases(settings []string, env machine.Environment) ([]Case, error) {
	set := map[string][]string{}
	var names []string
	for _, a := range Axes {
		names = append(names, a.Name)
	}
	for _, s := range settings {
		name, values, err := axis.Parse(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			return nil, Unknown("axis", name, names)
		}
		set[name] = append(set[name], values...)
	}
	x := expansion{set: set, env: env}
	steps := []func() error{x.updates, x.backends, x.threads, x.shapes, x.dtypes, x.caches, x.clips}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(x.cases, func(a, b Case) int {
		return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Tensors, b.Tensors), cmp.Compare(a.Update, b.Update))
	})
	for _, c := range x.cases {
		if err := check(c); err != nil {
			return nil, err
		}
	}
	return x.cases, nil
}

// Settings returns the axis settings that span one case alone: [Cases] of them is
// that case.
func Settings(c Case) []string {
	s := []string{"update=" + c.Update, "tensors=" + c.Model, "dtype=" + c.DType, "backend=" + c.Backend,
		"threads=" + strconv.Itoa(c.Threads), "cache=" + c.Cache, "clip=" + strconv.FormatFloat(c.Clip, 'g', -1, 64)}
	if c.Model == "" {
		s[1] = "tensors=" + strconv.Itoa(c.Tensors)
		s = append(s, "n="+strconv.Itoa(c.N))
	}
	return s
}

// Unknown is the error of a name that is not known. It says what was meant, if
// anything is near.
func Unknown(what, got string, known []string) error {
	if near := axis.Suggest(got, known); near != "" {
		return fmt.Errorf("unknown %s %q, did you mean %s? Known: %s", what, got, near, strings.Join(known, ", "))
	}
	return fmt.Errorf("unknown %s %q, want one of %s", what, got, strings.Join(known, ", "))
}

// An expansion multiplies the cases by the values of one axis after another.
type expansion struct {
	set   map[string][]string
	env   machine.Environment
	cases []Case

	devices map[string]*backend.GPU // of backends
}

var errTooMany = fmt.Errorf("the axes span more than %d cases, want fewer values", maxCases)

// times replaces every case by one for each value.
func times[V any](x *expansion, values []V, put func(*Case, V)) error {
	if len(x.cases)*len(values) > maxCases {
		return errTooMany
	}
	x.cases = axis.Times(x.cases, values, put)
	return nil
}

func (x *expansion) values(name, usual string) []string {
	if v := x.set[name]; len(v) > 0 {
		return v
	}
	return []string{usual}
}

func (x *expansion) updates() error {
	x.cases = []Case{{}}
	var texts []string
	for _, v := range x.values("update", "all") {
		name, _, _ := strings.Cut(v, ":")
		switch {
		case v == "all":
			texts = append(texts, kernels.Names()...)
			continue
		case kernels.Find(name) == nil && strings.Contains(v, "="):
			return fmt.Errorf("axis update: unknown update %q; hyperparameters follow their update after colons, as in adamw:lr=1e-3:beta1=0.8", v)
		case kernels.Find(name) == nil:
			return fmt.Errorf("axis update: %w", Unknown("update", name, kernels.Names()))
		}
		u, err := kernels.Parse(v)
		if err != nil {
			return fmt.Errorf("axis update: %w", err)
		}
		texts = append(texts, kernels.Format(u))
	}
	return times(x, axis.Unique(texts), func(c *Case, v string) { c.Update = v })
}

func (x *expansion) backends() error {
	names, err := BackendNames(x.values("backend", "cpu"))
	if err != nil {
		return err
	}
	return times(x, names, func(c *Case, v string) { c.Backend = v })
}

// BackendNames returns the backends that the values of an axis name, repeats
// removed: cpu is the best of the CPU's, all is what runs here.
func BackendNames(values []string) ([]string, error) {
	var names []string
	for _, v := range values {
		if v == "all" {
			for _, l := range backend.List() {
				if l.Missing == "" {
					names = append(names, l.Name)
				}
			}
			continue
		}
		switch l, ok := backend.Lookup(v); {
		case !ok:
			return nil, fmt.Errorf("axis backend: %w", Unknown("backend", v, append(backend.Names(), "cpu", "all")))
		case l.Missing != "":
			return nil, fmt.Errorf("axis backend: %s is %w: %s", v, ErrMissing, l.Missing)
		default:
			names = append(names, l.Name)
		}
	}
	return axis.Unique(names), nil
}

func (x *expansion) threads() error {
	counts, err := ThreadCounts(x.values("threads", "all"), x.env.UsableThreads)
	if err != nil {
		return err
	}
	if err := times(x, counts, func(c *Case, v int) { c.Threads = v }); err != nil {
		return err
	}
	for i := range x.cases {
		if x.device(x.cases[i]) != nil {
			x.cases[i].Threads = 1 // it queues, and the device computes
		}
	}
	x.cases = axis.Unique(x.cases)
	return nil
}

// device returns what is known of the device of a case, or nil.
func (x *expansion) device(c Case) *backend.GPU {
	if _, ok := x.devices[c.Backend]; !ok {
		if x.devices == nil {
			x.devices = map[string]*backend.GPU{}
		}
		x.devices[c.Backend] = Device(c.Backend)
	}
	return x.devices[c.Backend]
}

// ThreadCounts returns the numbers of threads that the values of an axis name, of
// those that may be used; repeats removed.
func ThreadCounts(values []string, usable int) ([]int, error) {
	var counts []int
	for _, v := range values {
		if v == "all" {
			counts = append(counts, usable)
			continue
		}
		ns, err := axis.Ints([]string{v})
		if err != nil {
			return nil, fmt.Errorf("axis threads: %w", err)
		}
		for _, n := range ns {
			if n > int64(usable) {
				return nil, fmt.Errorf("axis threads: %d, but this process may use %d", n, usable)
			}
			counts = append(counts, int(n))
		}
	}
	return axis.Unique(counts), nil
}

// A shape is what the axes n and tensors say together.
type shape struct {
	n, tensors int
	model      string
}

func (x *expansion) shapes() error {
	sizes := Sizes(x.env)
	if g := x.device(x.cases[0]); g != nil {
		sizes = sizesFor(g.L2, g.L2)
	}
	if v := x.set["n"]; len(v) > 0 {
		ns, err := axis.Ints(v)
		if err != nil {
			return fmt.Errorf("axis n: %w", err)
		}
		sizes = nil
		for _, n := range ns {
			sizes = append(sizes, int(n))
		}
	}
	var shapes []shape
	onlyModels := true
	for _, v := range x.values("tensors", "1") {
		if sizesOf, ok := models[v]; ok {
			s := shape{model: v}
			for _, n := range sizesOf() {
				s.n += n
				s.tensors++
			}
			shapes = append(shapes, s)
			continue
		}
		onlyModels = false
		counts, err := axis.Ints([]string{v})
		if err != nil {
			return fmt.Errorf("axis tensors: %w, or a model: %s", err, strings.Join(ModelNames(), ", "))
		}
		if len(counts)*len(sizes) > maxCases {
			return errTooMany
		}
		for _, k := range counts {
			for _, n := range sizes {
				if k > int64(n) {
					return fmt.Errorf("axis tensors: %d tensors of n=%d parameters, want at least one parameter each", k, n)
				}
				shapes = append(shapes, shape{n: n, tensors: int(k)})
			}
		}
	}
	if onlyModels && len(x.set["n"]) > 0 {
		return fmt.Errorf("axis n: the model sets n, want -a tensors=%s without -a n", shapes[0].model)
	}
	return times(x, axis.Unique(shapes), func(c *Case, s shape) { c.N, c.Tensors, c.Model = s.n, s.tensors, s.model })
}

func (x *expansion) dtypes() error {
	types, err := axis.Choose("dtype", x.values("dtype", "f32"), storageNames())
	if err != nil {
		return err
	}
	if err := times(x, types, func(c *Case, v string) { c.DType = v }); err != nil {
		return err
	}
	// All updates are all that can be stored so; one that was named must be.
	named := !slices.Contains(x.values("update", "all"), "all")
	var out []Case
	for _, c := range x.cases {
		_, err := form(c)
		switch {
		case err == nil:
			out = append(out, c)
		case named:
			return fmt.Errorf("axis dtype: %w", err)
		}
	}
	x.cases = out
	return nil
}

func (x *expansion) caches() error {
	states, err := axis.Choose("cache", x.values("cache", "auto"), []string{Hot, Cold, "auto"})
	if err != nil {
		return err
	}
	if err := times(x, states, func(c *Case, v string) { c.Cache = v }); err != nil {
		return err
	}
	for i := range x.cases {
		c := &x.cases[i]
		if c.Cache != "auto" {
			continue
		}
		footprint, err := Footprint(*c)
		if err != nil {
			return err
		}
		c.Cache = Hot
		last := LastCache(x.env)
		if g := x.device(*c); g != nil {
			last = g.L2
		}
		if footprint > int64(last) {
			c.Cache = Cold
		}
	}
	x.cases = axis.Unique(x.cases)
	return nil
}

func (x *expansion) clips() error {
	limits, err := axis.Floats(x.values("clip", "0"))
	if err != nil {
		return fmt.Errorf("axis clip: %w", err)
	}
	return times(x, limits, func(c *Case, v float64) { c.Clip = v })
}

// storageNames lists the names of [kernels.Storages].
func storageNames() []string {
	var names []string
	for _, s := range kernels.Storages {
		names = append(names, s.Name)
	}
	return names
}

// check refuses a case that no backend can run.
func check(c Case) error {
	if c.DType == "f64" && c.Backend != "cpu:go" {
		return fmt.Errorf("axis dtype: f64 does not run on %s, want -a backend=cpu:go", c.Backend)
	}
	return nil
}
