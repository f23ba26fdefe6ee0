//go:build cuda && linux && (amd64 || arm64)

package backend

import (
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/optbench/optbench/internal/cudashim"
)

// reasons are those for which a device runs slower than it could.
var reasons = []struct {
	bit  uint64
	name string
}{
	{nvml.ClocksEventReasonApplicationsClocksSetting, "clocks that were set"},
	{nvml.ClocksEventReasonSwPowerCap, "the power limit"},
	{nvml.ClocksThrottleReasonHwSlowdown, "a slowdown by hardware"},
	{nvml.ClocksEventReasonSyncBoost, "clocks in step with other devices"},
	{nvml.ClocksEventReasonSwThermalSlowdown, "temperature"},
	{nvml.ClocksThrottleReasonHwThermalSlowdown, "temperature, by hardware"},
	{nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, "a power brake"},
}

// management loads the library that watches devices, once. It is there or not, in
// either case for good.
var management = sync.OnceValue(func() bool {
	if cudashim.Simulated() || nvml.Init() != nvml.SUCCESS {
		return false
	}
	// A function that an older library lacks must not be called.
	for _, name := range []string{"nvmlDeviceGetHandleByUUID", "nvmlDeviceGetClockInfo", "nvmlDeviceGetTemperature",
		"nvmlDeviceGetPowerUsage", "nvmlDeviceGetCurrentClocksEventReasons"} {
		if nvml.Extensions().LookupSymbol(name) != nil {
			return false
		}
	}
	return true
})

// Telemetry reads what the device says of itself; what it does not say is zero.
func (b *cudaBackend) Telemetry() (Telemetry, bool) {
	var t Telemetry
	if b.uuid == "" || !management() {
		return t, false
	}
	d, result := nvml.DeviceGetHandleByUUID(b.uuid)
	if result != nvml.SUCCESS {
		return t, false
	}
	read := func(to *int, x uint32, result nvml.Return) {
		if result == nvml.SUCCESS {
			*to = int(x)
		}
	}
	clock, result := d.GetClockInfo(nvml.CLOCK_SM)
	read(&t.MHz, clock, result)
	clock, result = d.GetClockInfo(nvml.CLOCK_MEM)
	read(&t.MemoryMHz, clock, result)
	celsius, result := d.GetTemperature(nvml.TEMPERATURE_GPU)
	read(&t.Celsius, celsius, result)
	milliwatts, result := d.GetPowerUsage()
	read(&t.Watts, milliwatts/1000, result)
	if bits, result := d.GetCurrentClocksEventReasons(); result == nvml.SUCCESS {
		for _, r := range reasons {
			if bits&r.bit != 0 {
				t.Slowed = append(t.Slowed, r.name)
			}
		}
	}
	return t, true
}
