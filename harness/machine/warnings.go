package machine

import "fmt"

// A Warning is a property of a machine that makes its figures noisy or untypical.
type Warning struct {
	Code string `json:"code"` // a word to tell warnings apart: governor, load
	Text string `json:"text"` // one line: what was seen, what it does, how to mend it
}

// Warnings lists what makes figures noisy in an environment. What is unknown is not
// warned of.
func Warnings(e Environment) []Warning {
	var list []Warning
	warn := func(code, format string, args ...any) {
		list = append(list, Warning{code, fmt.Sprintf(format, args...)})
	}
	if e.Virtualisation != "" {
		warn("virtualised", "runs on a virtual machine (%s): its neighbours share caches, memory and clock, unseen; "+
			"compare only figures taken together, or measure on a machine of your own", e.Virtualisation)
	}
	if e.StealPercent > 1 {
		warn("steal", "%.1f %% of CPU time went to other virtual machines: steps stall at random; "+
			"measure when the host is quiet, or ask for dedicated CPUs", e.StealPercent)
	}
	if cpus := float64(e.CoresLogical); cpus > 0 && e.Load1 > 0.25*cpus {
		warn("load", "load of the last minute is %.2f on %d logical CPUs: other work takes time and memory bandwidth, and spreads samples; "+
			"stop it, or wait until it ends", e.Load1, e.CoresLogical)
	}
	if e.CgroupQuota > 0 && e.CgroupQuota < float64(e.CoresLogical) {
		warn("quota", "the control group allows %.2f of %d logical CPUs: when they are used up, steps stall for tens of milliseconds; "+
			"use fewer threads than that, or give whole CPUs by affinity instead of a quota", e.CgroupQuota, e.CoresLogical)
	}
	if e.Governor != "" && e.Governor != "performance" {
		warn("governor", "frequency governor is %s: clocks rise and fall with the load, and short cases run at a low one; "+
			"set it with: cpupower frequency-set -g performance", e.Governor)
	}
	if e.Boost == "on" {
		warn("boost", "clock boost is on: clocks depend on temperature and on how many cores are busy, so that figures drift; "+
			"to compare builds, write 0 to /sys/devices/system/cpu/cpufreq/boost, or 1 to .../intel_pstate/no_turbo")
	}
	if e.SMT == "on" {
		cores := "the physical cores"
		if e.CoresPhysical > 0 {
			cores = fmt.Sprintf("the %d physical cores", e.CoresPhysical)
		}
		warn("smt", "SMT is on: two threads on one core share its units and caches, so that figures depend on who runs where; "+
			"use no more threads than %s, or write off to /sys/devices/system/cpu/smt/control", cores)
	}
	if e.TransparentHugepage == "never" {
		warn("thp", "transparent huge pages are off: large arrays miss in the TLB and stream slower; "+
			"write madvise to /sys/kernel/mm/transparent_hugepage/enabled")
	}
	if e.MemoryTotal > 0 && e.MemoryAvailable < e.MemoryTotal/10 {
		warn("memory", "%.1f of %.1f GiB of memory are available: large cases do not fit, or make the system reclaim and swap while they run; "+
			"end what holds it, or measure smaller cases", gib(e.MemoryAvailable), gib(e.MemoryTotal))
	}
	if e.CoreToCoreNS > 100 {
		warn("core-to-core", "a cache line takes %.0f ns from one core to another, more than within a die (20 to 80 ns): small steps on several threads cost more, and vary with where threads run; "+
			"bind the process to cores that share a cache, with taskset or numactl", e.CoreToCoreNS)
	}
	return list
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
