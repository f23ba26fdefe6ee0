//go:build amd64 && !purego

package cpu

import (
	"bufio"
	"bytes"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// gates are what each instruction set's functions may use, by their suffix.
var gates = map[string][]extension{"AVX512": avx512Gate, "AVX2": avx2Gate}

// implied are the extensions that come with another: every amd64 has CMOV, and
// MMX+ of which PREFETCH is said to be; no processor has AVX2 or AVX-512 without AVX.
var implied = []string{"AVX", "CMOV", "MMX+"}

// TestGates holds the gate of an instruction set to no less than its code
// requires: by what the generator says, and by the registers that appear. It is
// the generator that is distrusted here, so the code is read as text.
func TestGates(t *testing.T) {
	functions := assembly(t)
	for _, isa := range isas() {
		suffix := strings.ToUpper(isa.Name)
		for name := range isa.kernels {
			if functions[camel(name)+suffix] == nil {
				t.Errorf("the table of %s has %s, whose function %s is not in the assembly", isa.Name, name, camel(name)+suffix)
			}
		}
	}
	for name, f := range functions {
		if name == "spin" {
			continue // PAUSE: every amd64
		}
		suffix := name[strings.LastIndex(name, "AVX"):]
		for _, problem := range f.problems(suffix) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// TestGatesProblems makes sure that TestGates would find something.
func TestGatesProblems(t *testing.T) {
	for _, c := range []struct {
		suffix string
		f      function
		want   int
	}{
		{"AVX2", function{requires: []string{"AVX", "AVX2", "FMA3"}, code: []string{"VADDPS Y1, Y2, Y15"}}, 0},
		{"AVX2", function{requires: []string{"BMI2"}}, 1},
		{"AVX2", function{code: []string{"VADDPS Y1, Y2, Y16"}}, 1},
		{"AVX2", function{code: []string{"VADDPS Z1, Z2, Z3"}}, 1},
		{"AVX2", function{code: []string{"VMOVUPS (AX)(CX*4), K1, Y2"}}, 1},
		{"AVX512", function{requires: []string{"AVX512F", "BMI2", "CMOV"}, code: []string{"VCVTPS2PD Y17, Z20", "VADDSD X16, X6, X6", "KMOVW AX, K1"}}, 0},
		{"AVX512", function{requires: []string{"AVX512VL"}}, 1},
		{"AVX512", function{requires: []string{"AVX512DQ"}}, 1},
		{"AVX512", function{code: []string{"VADDPS Y1, Y2, Y16"}}, 1},
		{"AVX512", function{code: []string{"VMOVUPS (AX), K1, Y2"}}, 1},
	} {
		if got := c.f.problems(c.suffix); len(got) != c.want {
			t.Errorf("%s, %+v: problems %q, want %d", c.suffix, c.f, got, c.want)
		}
	}
}

// A function of the assembly.
type function struct {
	requires []string
	code     []string // one instruction each
}

var (
	vector = regexp.MustCompile(`\b([XYZ])(\d+)\b`)
	opmask = regexp.MustCompile(`\bK[0-7]\b`)
	scalar = regexp.MustCompile(`^V?[A-Z0-9]*(SS|SD|S[SD]2S[SD])(\.|\s)`)
)

// problems says what of f the gate of a suffix does not cover.
func (f *function) problems(suffix string) []string {
	var out []string
	gate := gates[suffix]
	if gate == nil {
		return []string{"no gate is known for the suffix " + suffix}
	}
	for _, name := range f.requires {
		if !slices.Contains(implied, name) && !slices.ContainsFunc(gate, func(e extension) bool { return e.name == name }) {
			out = append(out, "requires "+name+", which the gate lacks")
		}
	}
	for _, line := range f.code {
		widest, high := "", false
		for _, m := range vector.FindAllStringSubmatch(line, -1) {
			n, _ := strconv.Atoi(m[2])
			widest, high = max(widest, m[1]), high || n >= 16
		}
		masked := opmask.MatchString(line)
		switch {
		case suffix == "AVX2" && (widest == "Z" || high || masked):
			out = append(out, "uses registers of AVX-512: "+line)
		case suffix == "AVX512" && (widest == "X" || widest == "Y") && (high || masked) && !scalar.MatchString(line):
			// On part of a register, masks and registers from 16 on take AVX-512VL.
			out = append(out, "needs AVX512VL: "+line)
		}
	}
	return out
}

// assembly reads the functions of the generated file.
func assembly(t *testing.T) map[string]*function {
	t.Helper()
	text, err := os.ReadFile("zz_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*function{}
	var f *function
	var requires []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if list, ok := strings.CutPrefix(line, "// Requires: "); ok {
			requires = strings.Split(list, ", ")
		} else if rest, ok := strings.CutPrefix(line, "TEXT ·"); ok {
			name, _, _ := strings.Cut(rest, "(")
			f = &function{requires: requires}
			functions[name], requires = f, nil
		} else if f != nil && line != "" && !strings.HasPrefix(line, "//") && !strings.HasSuffix(line, ":") {
			f.code = append(f.code, line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return functions
}

// camel turns a symbol such as lamb_norms_bf16-states into lambNormsBf16States.
func camel(symbol string) string {
	words := strings.FieldsFunc(strings.TrimSuffix(symbol, "_f32"), func(r rune) bool { return r == '_' || r == '-' })
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}
