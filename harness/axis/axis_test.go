package axis_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/harness/axis"
)

func TestParse(t *testing.T) {
	tests := []struct {
		arg    string
		name   string
		values []string
		err    string
	}{
		{arg: "n=1e6", name: "n", values: []string{"1e6"}},
		{arg: "n=1e6,2^[12:26:2]", name: "n", values: []string{"1e6", "2^[12:26:2]"}},
		{arg: " update = adamw , lamb ", name: "update", values: []string{"adamw", "lamb"}},
		{arg: "where=a=b", name: "where", values: []string{"a=b"}},
		{arg: "", err: `got ""`},
		{arg: "n", err: "want name=value"},
		{arg: "=1", err: "want name=value"},
		{arg: "n=", err: "axis n: got an empty value"},
		{arg: "n=1,,2", err: "axis n: got an empty value"},
		{arg: "n=1,", err: "axis n: got an empty value"},
		{arg: "n=2^[12,14]", err: "cannot stand inside"},
	}
	for _, tt := range tests {
		name, values, err := axis.Parse(tt.arg)
		if !says(err, tt.err) || name != tt.name || !reflect.DeepEqual(values, tt.values) {
			t.Errorf("Parse(%q) = %q, %q, %v; want %q, %q, error %q", tt.arg, name, values, err, tt.name, tt.values, tt.err)
		}
	}
}

func TestInts(t *testing.T) {
	tests := []struct {
		arg  string // values, separated by spaces
		want []int64
		err  string
	}{
		{arg: "1000", want: []int64{1000}},
		{arg: "007", want: []int64{7}},
		{arg: "+5", want: []int64{5}},
		{arg: "1e6 2.5e7 2.50E1 1200e-2", want: []int64{1e6, 25e6, 25, 12}},
		{arg: "64k 1.5M 2G", want: []int64{64e3, 15e5, 2e9}},
		{arg: "64Ki 0.5Mi 2Gi", want: []int64{65536, 524288, 1 << 31}},
		{arg: "2^20 10^3 7^0 1^9007199254740992 2^53", want: []int64{1 << 20, 1000, 1, 1 << 53}},
		{arg: "1k^2", want: []int64{1e6}},
		{arg: "2^[12:26:2]", want: []int64{1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26}},
		{arg: "10^[3:6]", want: []int64{1e3, 1e4, 1e5, 1e6}},
		{arg: "2^[0:2]", want: []int64{1, 2, 4}},
		{arg: "[1:8]", want: []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{arg: "[1:9:2] 2", want: []int64{1, 3, 5, 7, 9, 2}},
		{arg: "[1:8:3]", want: []int64{1, 4, 7}},
		{arg: "[4:4]", want: []int64{4}},
		{arg: "[1Ki:3Ki:1Ki]", want: []int64{1024, 2048, 3072}},
		{arg: "8 2^3 [7:9]", want: []int64{8, 7, 9}},
		{arg: "9007199254740992", want: []int64{1 << 53}},
		{arg: "9007199254740993", err: "above 2^53"},
		{arg: "1e30", err: "above 2^53"},
		{arg: "1e99999", err: "exponent 99999 is out of range"},
		{arg: "9Gi^9", err: "above 2^53"},
		{arg: "2^54", err: "2^54 is above 2^53"},
		{arg: "2^[50:60]", err: "2^54 is above 2^53"},
		{arg: "0", err: `got "0": 0 is below 1; want a positive whole number such as 1e6, 2^20 or 2^[12:26:2]`},
		{arg: "-3", err: "-3 is below 1"},
		{arg: "0^3", err: "0 is below 1"},
		{arg: "2^-3", err: "-3 is below 0"},
		{arg: "[0:3]", err: "0 is below 1"},
		{arg: "[1:3:0]", err: "0 is below 1"},
		{arg: "1.5", err: "1.5 is not whole"},
		{arg: "1.0000000000000000000000001", err: "not whole"},
		{arg: "15e-1", err: "not whole"},
		{arg: "1.0001k", err: "not whole"},
		{arg: "NaN", err: "NaN is not finite"},
		{arg: "inf", err: "+Inf is not finite"},
		{arg: "-Inf", err: "-Inf is not finite"},
		{arg: "[8:1]", err: "runs from 8 down to 1"},
		{arg: "[1:1e15]", err: "has 1000000000000000 values"},
		{arg: "[1:600] [601:1200]", err: "more than 1000 values"},
		{arg: "[1]", err: "[1] is not [low:high]"},
		{arg: "[1:2:3:4]", err: "is not [low:high]"},
		{arg: "[1:2", err: "not a number"},
		{arg: "2^3^4", err: "not a number"},
		{arg: "0x10", err: "not a number"},
		{arg: "1_000", err: "not a number"},
		{arg: "1K", err: "not a number"},
		{arg: "abc", err: `"abc" is not a number`},
		{arg: ".", err: "not a number"},
		{arg: "^", err: "not a number"},
	}
	for _, tt := range tests {
		got, err := axis.Ints(strings.Fields(tt.arg))
		if !says(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("Ints(%s) = %v, %v; want %v, error %q", tt.arg, got, err, tt.want, tt.err)
		}
	}
}

func TestFloats(t *testing.T) {
	tests := []struct {
		arg  string
		want []float64
		err  string
	}{
		{arg: "0.5 1 1e-3 1.0", want: []float64{0.5, 1, 1e-3}},
		{arg: "0 -0", want: []float64{0}},
		{arg: "-1", err: `got "-1": -1 is negative; want a finite number, zero or more`},
		{arg: "NaN", err: "NaN is not finite"},
		{arg: "Inf", err: "+Inf is not finite"},
		{arg: "1e999", err: "+Inf is not finite"},
		{arg: "big", err: `"big" is not a number`},
		{arg: strings.Repeat("1 ", 1001), err: "got 1001 values"},
	}
	for _, tt := range tests {
		got, err := axis.Floats(strings.Fields(tt.arg))
		if !says(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("Floats(%s) = %v, %v; want %v, error %q", tt.arg, got, err, tt.want, tt.err)
		}
	}
}

func TestFormatInt(t *testing.T) {
	for n, want := range map[int64]string{
		1: "1", 10: "10", 64: "64", 100: "100", 1000: "1e3", 1024: "1024", 1500: "1500", 8192: "8192",
		65536: "2^16", 12345: "12345", 120000: "1.2e5", 123000: "123000", 1e6: "1e6", 1 << 20: "2^20",
		25e6: "2.5e7", 1<<20 + 1: "1048577", 1 << 53: "2^53", 0: "0", -1000: "-1000",
	} {
		if got := axis.FormatInt(n); got != want {
			t.Errorf("FormatInt(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFormatFloat(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 12345: "12345", 123456: "1.23e5", 1e5: "1e5", 1234567: "1.23e6", 0.5: "0.5", 0.01234: "0.0123",
		0.001: "0.001", 0.0001: "1e-4", 0.00012345: "1.23e-4", 1e-30: "1e-30", 999.9: "1000", 99999.5: "1e5", 1.5e100: "1.5e100",
		math.Inf(1): "+Inf",
	} {
		if got := axis.FormatFloat(x, 3); got != want {
			t.Errorf("FormatFloat(%v, 3) = %q, want %q", x, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	known := []string{"adam", "adamw", "lamb", "sgd"}
	tests := []struct {
		got  []string
		want []string
		err  string
	}{
		{got: []string{"lamb", "adam", "lamb"}, want: []string{"lamb", "adam"}},
		{got: []string{"all"}, want: known},
		{got: []string{"sgd", "all"}, want: []string{"sgd", "adam", "adamw", "lamb"}},
		{got: []string{"adam", "adamv"}, err: `axis update: got "adamv" (did you mean "adam"?), want all or some of: adam, adamw, lamb, sgd`},
		{got: []string{"rmsprop"}, err: `axis update: got "rmsprop", want all or some of: adam, adamw, lamb, sgd`},
	}
	for _, tt := range tests {
		got, err := axis.Choose("update", tt.got, known)
		if !says(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("Choose(%q) = %q, %v; want %q, error %q", tt.got, got, err, tt.want, tt.err)
		}
	}
	if !slices.Equal(known, []string{"adam", "adamw", "lamb", "sgd"}) {
		t.Errorf("Choose changed the known names to %q", known)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"adam", "adamw", "lamb", "momentum", "cpu:avx2", "cpu:avx512"}
	for word, want := range map[string]string{
		"adamw": "adamw", "AdamW": "adamw", "adma": "adam", "momentm": "momentum", "mmoentum": "momentum",
		"cpu:avx51": "cpu:avx512", "cpu-avx2": "cpu:avx2", "lam": "lamb", "l": "", "": "", "cuda": "", "nesterov": "",
	} {
		if got := axis.Suggest(word, known); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzInts(f *testing.F) {
	for _, s := range []string{"1000", "1e6,2.5e7", "2^[12:26:2]", "[1:9:2]", "64Ki,1.5M", "1^9e15", "-0", "NaN", "[::]", "9e9999^[", "2^53"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ns, err := axis.Ints(strings.Split(s, ","))
		if err != nil {
			return
		}
		if len(ns) == 0 || len(ns) > 1000 {
			t.Fatalf("Ints(%q) returned %d values, want 1 to 1000", s, len(ns))
		}
		for _, n := range ns {
			if n < 1 || n > 1<<53 {
				t.Fatalf("Ints(%q) returned %d, want 1 to 2^53", s, n)
			}
			form := axis.FormatInt(n)
			if back, err := axis.Ints([]string{form}); err != nil || len(back) != 1 || back[0] != n {
				t.Fatalf("FormatInt(%d) = %q, which reads as %v, %v", n, form, back, err)
			}
		}
	})
}

// says reports whether err contains want, or is nil where nothing is wanted.
func says(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want)
}
