package kernels

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	adamw := Find("adamw").Cases[0].(AdamW)
	changed := adamw
	changed.LR, changed.WeightDecay = 3e-4, 0
	for text, want := range map[string]Update{
		"adamw":                        adamw,
		"adamw:lr=3e-4:weight_decay=0": changed,
		"adamw:weight_decay=0:lr=3e-4": changed,
		"adam:correction=epsilon-hat":  Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction: EpsilonHat},
		"cclip:alpha=2":                CClip{LR: 1e-2, Alpha: 2},
		"lars:trust=1":                 LARS{LR: 1, Beta: 0.9, WeightDecay: 1e-4, Trust: 1, Eps: 1e-8},
		"lamb:no_debias=true:lr=0:pre_clip=1": LAMB{
			Beta1: 0.9, Beta2: 0.999, Eps: 1e-6, WeightDecay: 1e-2, NoDebias: true, PreClip: 1,
		},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) is %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestParseErrors: an error names what was got and what was wanted.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"":                          {`unknown update ""`, "adamw"},
		"adamx":                     {`"adamx"`, "adamw", "sgd"},
		"Adam":                      {`"Adam"`},
		"adamw:":                    {`""`, "name=value"},
		"adamw:lr":                  {`"lr"`, "name=value"},
		"adamw::lr=1":               {`""`, "name=value"},
		"adamw:gamma=1":             {`"gamma"`, "lr, beta1, beta2, eps, weight_decay"},
		"adamw:lr=fast":             {"lr", `"fast"`, "a number"},
		"adamw:lr=":                 {"lr", `""`, "a number"},
		"adamw:lr=NaN":              {"lr is NaN", "[0,inf)"},
		"adamw:lr=Inf":              {"lr is +Inf", "[0,inf)"},
		"adamw:lr=1e999":            {"lr", "1e999"},
		"adamw:lr=-1e-9":            {"lr is -1e-09", "[0,inf)"},
		"adamw:beta1=1":             {"beta1 is 1", "[0,1)"},
		"adamw:beta2=-0.1":          {"beta2 is -0.1", "[0,1)"},
		"acclip:alpha=3":            {"alpha is 3", "[1,2]"},
		"acclip:alpha=0.99":         {"alpha is 0.99", "[1,2]"},
		"clipped-gd:max_norm=0":     {"max_norm is 0", "(0,inf)"},
		"lars:trust=0":              {"trust is 0", "(0,inf)"},
		"adam:correction=corrupted": {"correction", `"corrupted"`, "corrected, uncorrected, epsilon-hat"},
		"lamb:no_debias=maybe":      {"no_debias", `"maybe"`, "true or false"},
	} {
		u, err := Parse(text)
		if err == nil {
			t.Errorf("Parse(%q) is %+v, want an error", text, u)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("Parse(%q): %q does not say %q", text, err, w)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	for _, d := range All() {
		if got := Format(d.Cases[0]); got != d.Name {
			t.Errorf("the default of %s formats as %q", d.Name, got)
		}
		for _, u := range d.Cases {
			if back, err := Parse(Format(u)); err != nil || back != u {
				t.Errorf("Parse(%q) is %+v, %v, want %+v", Format(u), back, err, u)
			}
		}
	}
	third := SGD{LR: 1.0 / 3, WeightDecay: 5e-324}
	if got, want := Format(third), "sgd:lr=0.3333333333333333:weight_decay=5e-324"; got != want {
		t.Errorf("Format(%+v) is %q, want %q", third, got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range All() {
		for _, u := range d.Cases {
			f.Add(Format(u))
		}
	}
	for _, text := range []string{"", ":", "adam:", "adam:=", "adam:lr=-0", "adam:lr=0x1p-3:lr=1_0", "lamb:no_debias=1", "adam:eps=5e-324"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			if u != nil {
				t.Errorf("Parse(%q) returns both %+v and %v", text, u, err)
			}
			return
		}
		if err := Check(u); err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if back, err := Parse(Format(u)); err != nil || back != u {
			t.Errorf("Parse(%q) is %+v, which formats as %q and parses as %+v, %v", text, u, Format(u), back, err)
		}
	})
}

// net has fields of the types that no update has.
type net struct {
	Width int     `json:"width" range:"[1,64]"`
	Init  string  `json:"init" range:"zeros|he"`
	Decay float64 `json:"decay" range:"[0,inf)"`
}

func (net) Name() string { return "net" }

// TestAmong: what Parse and Format do for updates holds for any named structs.
func TestAmong(t *testing.T) {
	nets := []net{{Width: 8, Init: "he"}}
	for text, want := range map[string]net{
		"net":                           {8, "he", 0},
		"net:width=64:init=zeros":       {64, "zeros", 0},
		"net:width=6.4e1":               {64, "he", 0},
		"net:width=1:init=he:decay=0.5": {1, "he", 0.5},
	} {
		got, err := ParseAmong("objective", nets, text)
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
		if back, err := ParseAmong("objective", nets, FormatAmong(nets, got)); err != nil || back != want {
			t.Errorf("%q formats as %q, which is %+v, %v", text, FormatAmong(nets, got), back, err)
		}
	}
	if got := FormatAmong(nets, net{8, "he", 0.5}); got != "net:decay=0.5" {
		t.Errorf("what is default is in %q", got)
	}
	for text, want := range map[string]string{
		"nest":          `unknown objective "nest", want one of net`,
		"net:width=0":   `objective "net:width=0": width is 0, want [1,64]`,
		"net:width=1.5": `objective "net:width=1.5": width is "1.5", want a whole number`,
		"net:width=NaN": `objective "net:width=NaN": width is "NaN", want a whole number`,
		"net:width=1e9": `objective "net:width=1e9": width is 1000000000, want [1,64]`,
		"net:init=one":  `objective "net:init=one": init is one, want one of zeros, he`,
		"net:decay=-1":  `objective "net:decay=-1": decay is -1, want [0,inf)`,
	} {
		if _, err := ParseAmong("objective", nets, text); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// structs are those whose tags are read: updates, noise laws and maps.
func structs() []any {
	var all []any
	for _, d := range All() {
		all = append(all, d.Cases[0])
	}
	for _, d := range Noises() {
		all = append(all, d.Cases[0])
	}
	return append(all, ClipNorm{}, InverseNorm{})
}

func TestTags(t *testing.T) {
	for _, u := range structs() {
		typ := reflect.TypeOf(u)
		var names []string
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := f.Tag.Get("json")
			if !f.IsExported() || name == "" || strings.ContainsAny(name, ":=, ") || slices.Contains(names, name) {
				t.Errorf("%v.%s: its name is %q", typ, f.Name, name)
			}
			names = append(names, name)
			if r := f.Tag.Get("range"); r != "" {
				if !strings.Contains("[(", r[:1]) || !strings.Contains("])", r[len(r)-1:]) {
					t.Errorf("%v.%s: range %q is not an interval", typ, f.Name, r)
				}
				lo, hi, _ := strings.Cut(r[1:len(r)-1], ",")
				if !(bound(lo) < bound(hi)) {
					t.Errorf("%v.%s: range %q has the bounds %v and %v", typ, f.Name, r, bound(lo), bound(hi))
				}
			} else if f.Type.Kind() == reflect.Float64 {
				t.Errorf("%v.%s has no range", typ, f.Name)
			}
		}
		if params := Params(u); len(params) != len(names) {
			t.Errorf("%v has %d fields, Params lists %d", typ, len(names), len(params))
		}
	}
}

func TestParams(t *testing.T) {
	want := []Param{
		{"lr", "0.001", "[0,inf)"},
		{"beta1", "0.9", "[0,1)"},
		{"beta2", "0.999", "[0,1)"},
		{"eps", "1e-08", "[0,inf)"},
		{"correction", "corrected", ""},
	}
	u := Find("adam").Cases[0]
	if got := Params(u); !slices.Equal(got, want) {
		t.Errorf("Params(%+v) is %v, want %v", u, got, want)
	}
	adam := u.(Adam)
	if got := Params(&adam); !slices.Equal(got, want) {
		t.Errorf("Params of a pointer is %v, want %v", got, want)
	}
}

func TestCheck(t *testing.T) {
	type anywhere struct {
		X float64 `json:"x"`
	}
	if err := Check(anywhere{-1e300}); err != nil {
		t.Error(err)
	}
	for _, u := range []any{anywhere{math.Inf(-1)}, anywhere{math.NaN()}, SGD{LR: -1}, &SGD{LR: math.Inf(1)}} {
		if Check(u) == nil {
			t.Errorf("Check(%+v) is content", u)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		interval string
		in, out  []float64
	}{
		{"", []float64{-1e300, 0, 1e300}, nil},
		{"[0,1)", []float64{0, 0.5, math.Nextafter(1, 0)}, []float64{-1e-300, 1, math.NaN()}},
		{"(0,inf)", []float64{1e-300, 1e300}, []float64{0, -1, math.Inf(1)}},
		{"[1,2]", []float64{1, 2}, []float64{0.999, 2.001}},
		{"[zero,1]", nil, []float64{0, 0.5, 1}},
	} {
		for _, x := range c.in {
			if !within(x, c.interval) {
				t.Errorf("%v is not within %s", x, c.interval)
			}
		}
		for _, x := range c.out {
			if within(x, c.interval) {
				t.Errorf("%v is within %s", x, c.interval)
			}
		}
	}
}
