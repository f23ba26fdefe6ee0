package cuda

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/optbench/optbench/kernels"
)

// names returns the stems of the files that match a pattern.
func names(t *testing.T, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob("*" + suffix)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, suffix)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shipped are the kernels that exist for CUDA: all but copies, which the driver makes,
// and those that keep something in a cache of a core between their passes. The
// persistent form computes it again.
func shipped() []*kernels.Kernel {
	return slices.DeleteFunc(kernels.Kernels(), func(k *kernels.Kernel) bool {
		return k == kernels.Copying || slices.ContainsFunc(k.Slots, func(s kernels.Slot) bool { return s.Role == kernels.Scratch })
	})
}

// defined are the names of all kernels and maps, and that of the streams.
func defined() []string {
	out := []string{StreamModule}
	for _, k := range shipped() {
		out = append(out, strings.TrimSuffix(k.Name, "_scaled"))
	}
	for _, m := range []kernels.Map{kernels.ClipNorm{}, kernels.InverseNorm{}} {
		out = append(out, m.Name())
	}
	for _, d := range kernels.All() {
		for _, u := range d.Cases {
			if s, ok := u.(kernels.Scaler); ok && s.Scale() != nil {
				out = append(out, s.Scale().Name())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestComplete holds the folder to one source for each kernel and map that is
// defined, its PTX, and no other.
func TestComplete(t *testing.T) {
	want := defined()
	for _, suffix := range []string{".cu", ".ptx"} {
		got := names(t, suffix)
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("no %s%s: want its source, and make ptx", name, suffix)
			}
		}
		for _, name := range got {
			if !slices.Contains(want, name) {
				t.Errorf("%s%s, and nothing defines %s", name, suffix, name)
			}
		}
	}
	entries := map[string][]string{} // of modules
	for _, f := range forms() {
		if len(f.Types) > MaxArrays {
			t.Errorf("%s in %s has %d arrays, and a table has room for %d", f.Name, f.Storage.Name, len(f.Types), MaxArrays)
		}
		module := strings.TrimSuffix(f.Name, "_scaled")
		for _, p := range f.Passes {
			entries[module] = append(entries[module], Entry(f, p.Name))
		}
		bound := []*Bound{{kernel: f}}
		if f.Scalar != nil {
			entries[module] = append(entries[module], Entry(f, "group"))
			bound = append(bound, &Bound{kernel: f, options: Options{Form: Persistent}})
		}
		for _, b := range bound {
			for _, s := range b.Streams() {
				entries[StreamModule] = append(entries[StreamModule], s.Launches()[0].Entry)
			}
		}
	}
	for module, want := range entries {
		text, err := PTX(module)
		if err != nil {
			continue // reported above
		}
		var got []string
		for _, m := range visible.FindAllStringSubmatch(text, -1) {
			got = append(got, m[1])
		}
		slices.Sort(got)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%s.ptx has entries\n%q, want\n%q", module, got, want)
		}
	}
}

var visible = regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(`)

// TestFresh holds PTX to the sources that lie beside it, by their hash.
func TestFresh(t *testing.T) {
	var headers string
	for _, name := range names(t, ".cuh") {
		headers += read(t, name+".cuh")
	}
	for _, name := range names(t, ".cu") {
		want := fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, name+".cu")+headers)))
		if !strings.Contains(read(t, name+".ptx"), want+"\n") {
			t.Errorf("%s.ptx is not of the sources beside it, want make ptx", name)
		}
	}
}

// TestCompiler makes the PTX anew, byte for byte, where nvcc 11.8 is installed.
func TestCompiler(t *testing.T) {
	nvcc, err := exec.LookPath("nvcc")
	if err != nil {
		t.Skip("nvcc is not installed; hashes were compared")
	}
	version, err := exec.Command(nvcc, "--version").CombinedOutput()
	if err != nil || !bytes.Contains(version, []byte("release 11.8")) {
		t.Skipf("%s is not release 11.8; hashes were compared", nvcc)
	}
	dir := t.TempDir()
	if out, err := exec.Command("sh", "ptx.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("ptx.sh: %v\n%s", err, out)
	}
	for _, name := range names(t, ".cu") {
		if read(t, name+".ptx") != read(t, filepath.Join(dir, name+".ptx")) {
			t.Errorf("%s.ptx is not what nvcc makes of its source, want make ptx", name)
		}
	}
}

var (
	opcode   = regexp.MustCompile(`(?m)^\s*(?:@!?%p\d+\s+)?([a-z]\w*(?:\.\w+)+)`)
	rounding = regexp.MustCompile(`^(add|sub|mul|div|sqrt|rcp|fma|mad)\b.*\.f(32|64)$|^cvt\.(\w+\.)*f32\.f64$`)
	fusing   = regexp.MustCompile(`^(fma|mad)\b.*\.f(32|64)$`)
)

// loose says what of an entry could give other bits than its definition: an
// approximation, a flush to zero, arithmetic that is not rounded once to nearest
// and that the driver may therefore fuse. Of fused operations there may be some that
// blocks take, and besides whole copies of those that its source has, or none.
func loose(entry string, fused, blocks int) []string {
	var out []string
	count := 0
	for _, m := range opcode.FindAllStringSubmatch(entry, -1) {
		op := m[1]
		switch {
		case strings.Contains(op, ".approx") || strings.Contains(op, ".ftz") || strings.Contains(op, ".full"):
			out = append(out, op+" is not exact")
		case rounding.MatchString(op) && !strings.Contains(op, ".rn."):
			out = append(out, op+" does not say how it rounds")
		case fusing.MatchString(op):
			count++
		}
	}
	switch rest := count - blocks; {
	case fused == 0 && rest != 0:
		out = append(out, fmt.Sprintf("%d fused operations, want %d", count, blocks))
	case fused > 0 && (rest <= 0 || rest%fused != 0):
		out = append(out, fmt.Sprintf("%d fused operations, want %d and a multiple of %d", count, blocks, fused))
	}
	if strings.Contains(entry, ".local") {
		out = append(out, "it uses local memory")
	}
	return out
}

var (
	deviceFunction = regexp.MustCompile(`(?ms)^__device__[^\n]*?(\w+)\([^\n]*?\) (\{[^\n]*\}$|\{\n.*?^\})`)
	call           = regexp.MustCompile(`(\w+)\(`)
)

// fusedIn counts the fused operations of a device function, with those of all that
// it calls.
func fusedIn(name string, bodies map[string]string) int {
	count := 0
	for _, m := range call.FindAllStringSubmatch(bodies[name], -1) {
		if m[1] == "__fmaf_rn" {
			count++
		} else {
			count += fusedIn(m[1], bodies)
		}
	}
	return count
}

// inBlocks returns how many fused operations it takes to widen and to round the
// blocks of each entry: one for each of the eight numbers that a lane has at a time.
func inBlocks() map[string]int {
	out := map[string]int{}
	for _, f := range forms() {
		for i, d := range f.Types {
			if a := f.Access(0)[i]; d.Grain() > 1 {
				out[Entry(f, "")] += 8 * (int(a&1) + int(a>>1))
			}
		}
	}
	return out
}

// TestExact holds all modules to exact arithmetic.
func TestExact(t *testing.T) {
	blocks := inBlocks()
	for _, name := range names(t, ".ptx") {
		module, err := PTX(name)
		if err != nil {
			t.Fatal(err)
		}
		source := read(t, name+".cu")
		for _, header := range names(t, ".cuh") {
			source += read(t, header+".cuh")
		}
		bodies := map[string]string{}
		for _, m := range deviceFunction.FindAllStringSubmatch(source, -1) {
			if bodies[m[1]] == "" {
				bodies[m[1]] = m[2] // the kernel's own come first
			}
		}
		fused := fusedIn(name, bodies)
		starts := visible.FindAllStringSubmatchIndex(module, -1)
		for i, m := range starts {
			end := len(module)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			entry := module[m[2]:m[3]]
			for _, problem := range loose(module[m[0]:end], fused, blocks[entry]) {
				t.Errorf("%s.ptx: %s: %s", name, entry, problem)
			}
		}
		if !strings.Contains(module, "\n.version 6.3\n.target sm_70\n") {
			t.Errorf("%s.ptx is not version 6.3 for sm_70", name)
		}
	}
}

// TestLoose makes sure that TestExact would find something.
func TestLoose(t *testing.T) {
	for _, c := range []struct {
		line  string
		fused int
		want  int // problems
	}{
		{"\tadd.rn.f32 \t%f1, %f2, %f3;", 0, 0},
		{"\tadd.s32 \t%r1, %r2, %r3;\n\tmul.lo.s64 %rd1, %rd2, %rd3;", 0, 0},
		{"\tadd.f32 \t%f1, %f2, %f3;", 0, 1},
		{"\t@%p1 mul.f32 \t%f1, %f2, %f3;", 0, 1},
		{"\tsub.f64 \t%fd1, %fd2, %fd3;", 0, 1},
		{"\tdiv.full.f32 \t%f1, %f2, %f3;", 0, 1},
		{"\tsqrt.approx.ftz.f32 \t%f1, %f2;", 0, 1},
		{"\tmul.rn.ftz.f32 \t%f1, %f2, %f3;", 0, 1},
		{"\tcvt.rz.f32.f64 \t%f1, %fd2;", 0, 1},
		{"\tfma.rn.f32 \t%f1, %f2, %f3, %f4;", 0, 1},
		{"\tfma.rn.f32 \t%f1, %f2, %f3, %f4;", 1, 0},
		{"\tfma.rn.f32 \t%f1, %f2, %f3, %f4;", 2, 1},
		{"\t.local .align 4 .b8 \t__local_depot0[16];", 0, 1},
	} {
		if got := loose(c.line+"\n", c.fused, 0); len(got) != c.want {
			t.Errorf("%q: %q, want %d problems", c.line, got, c.want)
		}
	}
	if got := loose("\tfma.rn.f32 \t%f1, %f2, %f3, %f4;\n", 0, 1); len(got) != 0 {
		t.Errorf("a fused operation that blocks take: %q", got)
	}
}
