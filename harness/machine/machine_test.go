package machine

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// files makes a file system of names and contents.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestCapture(t *testing.T) {
	e := Capture()
	if e.OS != runtime.GOOS || e.Arch != runtime.GOARCH || e.Go != runtime.Version() {
		t.Errorf("captured %s/%s %s, want %s/%s %s", e.OS, e.Arch, e.Go, runtime.GOOS, runtime.GOARCH, runtime.Version())
	}
	if e.UsableThreads < 1 || e.CoresLogical < 1 || e.GOMAXPROCS < 1 {
		t.Errorf("captured %d usable threads, %d logical cores, GOMAXPROCS %d, want at least 1 of each", e.UsableThreads, e.CoresLogical, e.GOMAXPROCS)
	}
	if e.MemoryAvailable > e.MemoryTotal {
		t.Errorf("captured %d bytes available of %d", e.MemoryAvailable, e.MemoryTotal)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back Environment
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, e) {
		t.Errorf("read back %+v, want %+v", back, e)
	}
}

func TestFromFiles(t *testing.T) {
	root := files(
		"proc/cpuinfo", "processor : 0\nmodel name : Some\tCPU\ncpu MHz : 1200.5\n\nprocessor : 1\ncpu MHz : 3400\n",
		"proc/pressure/cpu", "some avg10=4.91 avg60=3.41 avg300=6.31 total=46155506\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"sys/devices/system/cpu/online", "0-3\n",
		"sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n",
		"sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,3\n",
		"sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n",
		"sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n",
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n",
		"sys/devices/system/cpu/intel_pstate/no_turbo", "0\n",
		"sys/devices/system/cpu/smt/active", "1\n",
		"sys/devices/system/cpu/cpu0/cache/index0/level", "1\n",
		"sys/devices/system/cpu/cpu0/cache/index0/type", "Data\n",
		"sys/devices/system/cpu/cpu0/cache/index0/size", "48K\n",
		"sys/devices/system/cpu/cpu0/cache/index1/level", "1\n",
		"sys/devices/system/cpu/cpu0/cache/index1/type", "Instruction\n",
		"sys/devices/system/cpu/cpu0/cache/index1/size", "32K\n",
		"sys/devices/system/cpu/cpu0/cache/index2/level", "2\n",
		"sys/devices/system/cpu/cpu0/cache/index2/type", "Unified\n",
		"sys/devices/system/cpu/cpu0/cache/index2/size", "2M\n",
		"sys/devices/system/node/online", "0-1\n",
		"sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n",
		"proc/self/cgroup", "0::/\n",
		"sys/fs/cgroup/cpu.max", "150000 100000\n",
	)
	got := Environment{CoresPhysical: 1, Caches: Caches{L3: 5 << 20}}
	got.fromFiles(root)
	want := Environment{
		CPU: "SomeCPU", MHz: 3400, PressureCPU: 4.91,
		Caches:        Caches{L1D: 48 << 10, L2: 2 << 20, L3: 5 << 20},
		CoresPhysical: 2, CoresLogical: 4, NUMANodes: 2, CgroupQuota: 1.5,
		Governor: "performance,powersave", Boost: "on", SMT: "on", TransparentHugepage: "madvise",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	var none Environment
	none.fromFiles(files())
	if !reflect.DeepEqual(none, Environment{}) {
		t.Errorf("without any file got %+v, want nothing", none)
	}
}

func TestGuest(t *testing.T) {
	tests := []struct {
		name                  string
		vm                    bool
		announced, system     string
		role                  string
		hypervisor, container string
	}{
		{"bare metal", false, "", "", "", "", ""},
		{"a host of guests is no guest", false, "", "kvm", "host", "", ""},
		{"container on bare metal", false, "", "docker", "guest", "", "docker"},
		{"container in a guest", true, "kvm", "docker", "guest", "kvm", "docker"},
		{"guest without CPUID", false, "", "xen", "guest", "xen", ""},
		{"guest of something", false, "", "", "guest", "unknown", ""},
		{"announced without a name", true, "", "", "", "unknown", ""},
	}
	for _, tt := range tests {
		hypervisor, container := guest(tt.vm, tt.announced, tt.system, tt.role)
		if hypervisor != tt.hypervisor || container != tt.container {
			t.Errorf("%s: got %q and %q, want %q and %q", tt.name, hypervisor, container, tt.hypervisor, tt.container)
		}
	}
}

func TestParseBrand(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"processor\t: 0\nmodel name\t: AMD EPYC\n":                       "AMD EPYC",
		"processor : 0\nuarch : sifive,u74-mc\n":                         "sifive,u74-mc",
		"CPU implementer\t: 0x41\nCPU variant : 0x3\nCPU part : 0xd40\n": "implementer 0x41 part 0xd40",
		"CPU implementer : 0x41\n":                                       "",
	} {
		if got := parseBrand(text); got != want {
			t.Errorf("parseBrand(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestParseNumbers(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "0\n": 1, "0-3,8\n": 5, "0-127": 128, "3-1": 0, "a-b": 0, "0-99999999999": 0, "-1": 0,
	} {
		if got := parseList(text); got != want {
			t.Errorf("parseList(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]int{
		"": 0, "32K\n": 32 << 10, "1M": 1 << 20, "1G": 1 << 30, "512": 512, "9G": 0, "-1K": 0, "99999999999999999999K": 0, "xK": 0,
	} {
		if got := parseSize(text); got != want {
			t.Errorf("parseSize(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]float64{
		"": 0, "some avg10=4.91 avg60=3.41\n": 4.91, "full avg10=2 x\n": 0, "some avg10=NaN avg60=1": 0, "some avg10=-3": 0,
	} {
		if got := parsePressure(text); got != want {
			t.Errorf("parsePressure(%q) = %g, want %g", text, got, want)
		}
	}
	for text, want := range map[string]float64{
		"": 0, "cpu MHz\t\t: 2596.150\ncpu MHz : 3000\n": 3000, "cpu MHz : Inf\n": 0, "cpu MHz : \n": 0,
	} {
		if got := parseMHz(text); got != want {
			t.Errorf("parseMHz(%q) = %g, want %g", text, got, want)
		}
	}
}

func TestParseChoices(t *testing.T) {
	for text, want := range map[string]string{
		"always [madvise] never\n": "madvise", "[always] madvise never": "always", "always madvise": "", "[never": "", "": "",
	} {
		if got := parseSelected(text); got != want {
			t.Errorf("parseSelected(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"1\n": "on", "0": "off", "": "", "2": ""} {
		if got := parseSwitch(text, "1", "0"); got != want {
			t.Errorf("parseSwitch(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSteal(t *testing.T) {
	const before = "cpu  100 0 50 800 10 0 5 35 7 0\ncpu0 1 2 3\n" // 1000 ticks
	tests := []struct {
		name, before, after string
		want                float64
	}{
		{"two percent", before, "cpu 180 0 60 900 10 0 5 45 99 99\n", 100 * 10. / 200},
		{"none", before, "cpu 200 0 50 800 10 0 5 35 7 0\n", 0},
		{"same", before, before, 0},
		{"backwards", before, "cpu 1 0 0 0 0 0 0 0 0 0\n", 0},
		{"unknown", "", "", 0},
		{"old kernel without steal", "cpu 1 2 3 4\n", "cpu 5 6 7 8\n", 0},
		{"only one CPU", "cpu0 1 2 3 4 5 6 7 8\n", "cpu0 2 3 4 5 6 7 8 9\n", 0},
	}
	for _, tt := range tests {
		if got := Steal(parseStat(tt.before), parseStat(tt.after)); got != tt.want {
			t.Errorf("%s: stole %g %%, want %g", tt.name, got, tt.want)
		}
	}
	if got := Steal(Snapshot(), Snapshot()); got < 0 || got > 100 {
		t.Errorf("here: stole %g %%, want 0 to 100", got)
	}
}

func TestCoreToCore(t *testing.T) {
	for _, threads := range []int{-1, 0, 1} {
		if got := CoreToCore(threads); got != 0 {
			t.Errorf("CoreToCore(%d) = %v, want 0", threads, got)
		}
	}
	if got := CoreToCore(2); got < 0 || got > attempts*latencyBudget {
		t.Errorf("CoreToCore(2) = %v, want 0 to %v", got, attempts*latencyBudget)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := CoreToCore(2); got != 0 {
		t.Errorf("CoreToCore(2) = %v with one thread at a time, want 0", got)
	}
}

func TestWarnings(t *testing.T) {
	quiet := Environment{
		CoresPhysical: 8, CoresLogical: 8, UsableThreads: 8, Governor: "performance", Boost: "off", SMT: "off",
		TransparentHugepage: "madvise", MemoryTotal: 64 << 30, MemoryAvailable: 60 << 30,
		Load1: 2, StealPercent: 1, CoreToCoreNS: 100, CgroupQuota: 8, Container: "docker",
	}
	tests := []struct {
		code string
		set  func(*Environment)
		says string
	}{
		{"", func(*Environment) {}, ""},
		{"", func(e *Environment) { *e = Environment{} }, ""},
		{"virtualised", func(e *Environment) { e.Virtualisation = "kvm" }, "(kvm)"},
		{"steal", func(e *Environment) { e.StealPercent = 3.25 }, "3.2 %"},
		{"load", func(e *Environment) { e.Load1 = 2.01 }, "2.01 on 8 logical CPUs"},
		{"quota", func(e *Environment) { e.CgroupQuota = 2.5 }, "2.50 of 8"},
		{"governor", func(e *Environment) { e.Governor = "performance,powersave" }, "performance,powersave"},
		{"boost", func(e *Environment) { e.Boost = "on" }, "no_turbo"},
		{"smt", func(e *Environment) { e.SMT = "on" }, "8 physical cores"},
		{"thp", func(e *Environment) { e.TransparentHugepage = "never" }, "madvise"},
		{"memory", func(e *Environment) { e.MemoryAvailable = 1 << 30 }, "1.0 of 64.0 GiB"},
		{"core-to-core", func(e *Environment) { e.CoreToCoreNS = 140 }, "140 ns"},
	}
	for _, tt := range tests {
		e := quiet
		tt.set(&e)
		got := Warnings(e)
		if tt.code == "" {
			if len(got) != 0 {
				t.Errorf("%+v: warned %v, want nothing", e, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Code != tt.code || !strings.Contains(got[0].Text, tt.says) || strings.Contains(got[0].Text, "\n") {
			t.Errorf("warned %q, want one line with code %q that says %q", got, tt.code, tt.says)
		}
	}
}
