// Package machine says what the machine is, and what on it makes figures noisy.
//
// Everything is read from the system's own files and from the CPU, without
// privileges. What cannot be known stays empty: a missing value is never a guess.
// Nothing that names the machine, its users or its files is read.
package machine

import (
	"cmp"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/optbench/optbench/internal/cgroup"
)

// Environment is what a figure depends on besides the code. A zero value or an
// empty string means unknown.
type Environment struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel,omitempty"` // release of the operating system's kernel

	CPU      string   `json:"cpu,omitempty"` // as the CPU names itself
	Vendor   string   `json:"vendor,omitempty"`
	ISA      []string `json:"isa,omitempty"`          // vector extensions that CPU and system support: avx2, neon
	X86Level int      `json:"x86_64_level,omitempty"` // 1 to 4, as in GOAMD64
	MHz      float64  `json:"mhz,omitempty"`          // fastest core, when captured
	Caches   Caches   `json:"caches,omitzero"`

	CoresPhysical int `json:"cores_physical,omitempty"`
	CoresLogical  int `json:"cores_logical,omitempty"`
	NUMANodes     int `json:"numa_nodes,omitempty"`

	UsableThreads int     `json:"usable_threads"`         // the affinity mask, bounded by CgroupQuota
	CgroupQuota   float64 `json:"cgroup_quota,omitempty"` // CPUs that the control group allows

	Governor            string `json:"governor,omitempty"` // of the clock frequency; distinct ones joined by commas
	Boost               string `json:"boost,omitempty"`    // clocks beyond the nominal one: "on" or "off"
	SMT                 string `json:"smt,omitempty"`      // several threads on a core: "on" or "off"
	TransparentHugepage string `json:"transparent_hugepage,omitempty"`

	MemoryTotal     uint64 `json:"memory_total_bytes,omitempty"`     // as [Memory] returns it
	MemoryAvailable uint64 `json:"memory_available_bytes,omitempty"` // as [Memory] returns it

	Load1        float64 `json:"load1,omitempty"`              // runnable tasks, mean of about a minute
	PressureCPU  float64 `json:"psi_cpu_some_avg10,omitempty"` // percent of 10 s in which a task waited for a CPU
	StealPercent float64 `json:"steal_percent,omitempty"`      // left to the caller: see [Steal]
	CoreToCoreNS float64 `json:"core_to_core_ns,omitempty"`    // as [CoreToCore] returns it

	Virtualisation string `json:"virtualisation,omitempty"` // the hypervisor below: kvm
	Container      string `json:"container,omitempty"`      // the container round the process: docker

	Go         string `json:"go"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	GOAMD64    string `json:"goamd64,omitempty"` // that the program was built for
}

// Caches are the sizes in bytes of the data caches that one core sees.
type Caches struct {
	L1D int `json:"l1d,omitempty"`
	L2  int `json:"l2,omitempty"`
	L3  int `json:"l3,omitempty"`
	// L3Instances is how many such caches the cores have together.
	L3Instances int `json:"l3_instances,omitempty"`
}

// system is the root of the file system, where Linux says what it is.
var system = os.DirFS("/")

// Capture describes this machine as it is now. It takes milliseconds, of which
// [CoreToCore] keeps two threads busy for at most 5.
func Capture() Environment {
	e := Environment{
		OS:         runtime.GOOS,
		Arch:       runtime.GOARCH,
		Go:         runtime.Version(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		GOAMD64:    buildSetting("GOAMD64"),
	}
	e.fromCPU(&cpuid.CPU)
	e.fromFiles(system)

	kernel, _ := host.KernelVersion()
	e.Kernel = clean(kernel)
	if avg, err := load.Avg(); err == nil {
		e.Load1 = finite(avg.Load1)
	}
	name, role, _ := host.Virtualization()
	e.Virtualisation, e.Container = guest(cpuid.CPU.VM(), hypervisor(&cpuid.CPU), name, role)

	e.CoresLogical = cmp.Or(e.CoresLogical, runtime.NumCPU())
	e.UsableThreads = cgroup.Threads()
	e.MemoryTotal, e.MemoryAvailable = Memory()
	e.CoreToCoreNS = float64(CoreToCore(e.UsableThreads)) / float64(time.Nanosecond)
	return e
}

// Memory returns the bytes of main memory, and those that can be had without
// swapping, of the machine or of the process's control group, whichever is less.
// Both are 0 where they are unknown.
func Memory() (total, available uint64) {
	if vm, err := mem.VirtualMemory(); err == nil {
		total, available = vm.Total, vm.Available
	}
	return cgroup.Memory(system, total, available)
}

// CPUTime is the time that all CPUs of the machine have spent since it started.
type CPUTime struct{ steal, total uint64 }

// Snapshot returns the CPU time spent so far; its difference to a later one is
// what [Steal] wants.
func Snapshot() CPUTime { return parseStat(read(system, "proc/stat")) }

// Steal returns the percentage of CPU time between two snapshots in which a
// hypervisor ran something else although this machine had work to do; 0 where it
// is unknown.
func Steal(before, after CPUTime) float64 {
	if after.total <= before.total || after.steal <= before.steal {
		return 0
	}
	return min(100, 100*float64(after.steal-before.steal)/float64(after.total-before.total))
}

// fromCPU fills in what the CPU says of itself.
func (e *Environment) fromCPU(c *cpuid.CPUInfo) {
	e.CPU, e.Vendor = clean(c.BrandName), clean(c.VendorString)
	e.X86Level = c.X64Level()
	e.CoresPhysical = max(0, c.PhysicalCores)
	e.Caches = Caches{L1D: max(0, c.Cache.L1D), L2: max(0, c.Cache.L2), L3: max(0, c.Cache.L3)}
	for _, x := range extensions {
		if c.Supports(x.id) {
			e.ISA = append(e.ISA, x.name)
		}
	}
}

// extensions are those that kernels use, or would be faster with.
var extensions = []struct {
	id   cpuid.FeatureID
	name string
}{
	{cpuid.AVX2, "avx2"}, {cpuid.FMA3, "fma"}, {cpuid.F16C, "f16c"},
	{cpuid.AVX512F, "avx512f"}, {cpuid.AVX512DQ, "avx512dq"}, {cpuid.AVX512BW, "avx512bw"}, {cpuid.AVX512VL, "avx512vl"},
	{cpuid.AVX512BF16, "avx512bf16"}, {cpuid.AVX512FP16, "avx512fp16"}, {cpuid.AVX10, "avx10"},
	{cpuid.ASIMD, "neon"}, {cpuid.BF16, "bf16"}, {cpuid.SVE, "sve"}, {cpuid.SVE2, "sve2"},
	{cpuid.RV_V, "v"},
}

// fromFiles fills in what Linux tells in /proc and /sys; elsewhere there is
// nothing to read. Of cores it knows more than the CPU, which sees one package.
func (e *Environment) fromFiles(root fs.FS) {
	const cpus = "sys/devices/system/cpu/"
	info := read(root, "proc/cpuinfo")
	e.CPU = cmp.Or(e.CPU, clean(parseBrand(info)))
	e.MHz = parseMHz(info)

	files := cacheFiles(root)
	e.Caches.L1D = cmp.Or(e.Caches.L1D, files.L1D)
	e.Caches.L2 = cmp.Or(e.Caches.L2, files.L2)
	e.Caches.L3 = cmp.Or(e.Caches.L3, files.L3)

	e.CoresPhysical = cmp.Or(len(distinct(root, cpus+"cpu*/topology/thread_siblings_list")), e.CoresPhysical)
	e.CoresLogical = parseList(read(root, cpus+"online"))
	e.Caches.L3Instances = len(distinct(root, cpus+"cpu*/cache/index3/shared_cpu_list"))
	e.NUMANodes = parseList(read(root, "sys/devices/system/node/online"))
	e.CgroupQuota = cgroup.CPUs(root)

	e.Governor = strings.Join(distinct(root, cpus+"cpu*/cpufreq/scaling_governor"), ",")
	e.Boost = cmp.Or(parseSwitch(read(root, cpus+"cpufreq/boost"), "1", "0"),
		parseSwitch(read(root, cpus+"intel_pstate/no_turbo"), "0", "1"))
	e.SMT = parseSwitch(read(root, cpus+"smt/active"), "1", "0")
	e.TransparentHugepage = parseSelected(read(root, "sys/kernel/mm/transparent_hugepage/enabled"))
	e.PressureCPU = parsePressure(read(root, "proc/pressure/cpu"))
}

// hypervisor is the name under which a hypervisor announces itself to its guests.
func hypervisor(c *cpuid.CPUInfo) string {
	if c.HypervisorVendorID != cpuid.VendorUnknown {
		return strings.ToLower(c.HypervisorVendorID.String())
	}
	return clean(c.HypervisorVendorString)
}

// guest tells hypervisor and container apart. A hypervisor that the CPU announces
// goes before the one that the system's files suggest, which name only the
// innermost of what is round the process.
func guest(vm bool, announced, name, role string) (hypervisor, container string) {
	switch {
	case role != "guest":
	case name == "docker", name == "lxc", name == "rkt", name == "openvz", name == "linux-vserver":
		container = name
	default:
		hypervisor = cmp.Or(name, "unknown")
	}
	if vm {
		hypervisor = cmp.Or(announced, hypervisor, "unknown")
	}
	return hypervisor, container
}

// buildSetting is a setting with which the program was built.
func buildSetting(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
