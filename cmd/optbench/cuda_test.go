//go:build cuda && linux && (amd64 || arm64)

package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/record"
)

// TestNoDriverNeeded reads the program that tests run, which is linked as optbench
// is: it must start where there is no driver, and no library may be bound to the
// entry points that stand in for the driver's.
func TestNoDriverNeeded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) == 0 {
		t.Fatalf("the program needs %q: %v", libraries, err)
	}
	for _, l := range libraries {
		if strings.Contains(l, "cuda") || strings.Contains(l, "nvidia") {
			t.Errorf("the program needs %s to start", l)
		}
	}
	flags, err := f.DynValue(elf.DT_FLAGS)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range flags {
		if elf.DynFlag(x)&elf.DF_BIND_NOW != 0 {
			t.Error("all functions are looked up as the program starts: link with CGO_LDFLAGS=-Wl,-z,lazy")
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "cuMem") || strings.HasPrefix(s.Name, "cuCtx") {
			t.Errorf("%s is visible to libraries", s.Name)
		}
	}
}

// TestWhyNoCUDA runs optbench list with drivers that are of no use, and expects one
// line that says why, and all else as ever.
func TestWhyNoCUDA(t *testing.T) {
	const entries = `
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *v) { *v = VERSION; return 0; }
int cuDeviceGetCount(int *n) { *n = 0; return 0; }
int cuGetErrorName(int result, const char **name) { *name = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; return 0; }
`
	dir := t.TempDir()
	source := filepath.Join(dir, "driver.c")
	if err := os.WriteFile(source, []byte(entries), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, init, version, want string }{
		{"missing", "", "", "no driver: OPTBENCH_LIBCUDA: "},
		{"old", "0", "9020", "the driver is too old: it is for CUDA 9.2, want 10.0 or later"},
		{"nodevice", "100", "12040", "no device: the driver is there and finds none"},
		{"none", "0", "12040", "no device: the driver is there and finds none"},
		{"mismatch", "803", "12040", "the driver does not start: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"},
	} {
		library := filepath.Join(dir, c.name+".so")
		if c.init != "" {
			build := exec.Command("cc", "-shared", "-fPIC", "-DINIT="+c.init, "-DVERSION="+c.version, "-o", library, source)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		cmd := exec.Command(self, "list", "--json")
		cmd.Args[0] = "optbench"
		cmd.Env = append(os.Environ(), "OPTBENCH_LIBCUDA="+library)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), `{"name":"cuda:0","missing":"`+c.want) || !strings.Contains(string(out), `{"name":"cpu:go"}`) {
			t.Errorf("%s: want %q in\n%s%s%v", c.name, c.want, out, stderr.String(), err)
		}
	}
}

// TestCUDACopy holds what is said of a device's copies to its record.
func TestCUDACopy(t *testing.T) {
	g := record.GPU{GPU: backend.GPU{BytesPerSecond: 4.8e12}, CopyBytesPerSecond: 4.32e12}
	const want = "cuda:0 copies large arrays at 4320 GB/s, reading and writing: 90% of what its memory could give at best"
	if got := copying("cuda:0", g); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	g.BytesPerSecond = 0 // a driver may not say
	if got := copying("cuda:0", g); got != want[:len(want)-len(": 90% of what its memory could give at best")] {
		t.Errorf("got %q, want no share", got)
	}
}
