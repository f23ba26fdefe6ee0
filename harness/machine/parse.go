package machine

import (
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxFile is more than any file has that is read here: /proc/cpuinfo takes about
// 2 KiB for each CPU.
const maxFile = 8 << 20

// read returns the text of a file, or of one that cannot be read nothing.
func read(root fs.FS, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(text)
}

// distinct returns the different contents of the files that match a pattern,
// sorted.
func distinct(root fs.FS, pattern string) []string {
	names, err := fs.Glob(root, pattern)
	if err != nil {
		return nil
	}
	var contents []string
	for _, name := range names {
		if text := clean(read(root, name)); text != "" {
			contents = append(contents, text)
		}
	}
	slices.Sort(contents)
	return slices.Compact(contents)
}

// clean is s without spaces round it and without what cannot be printed.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
}

// finite is x, or 0 where x is no ordinary number that counts something.
func finite(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return 0
	}
	return x
}

// number is the number that s holds, at least 0; 0 where it holds none.
func number(s string) float64 {
	x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return 0
	}
	return finite(x)
}

// count is the whole number of bytes or ticks that s holds; 0 where it holds none.
func count(s string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// field returns the values of a key in lines "key : value".
func field(text, key string) []string {
	var values []string
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(k) == key {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

// parseBrand finds the CPU's name in /proc/cpuinfo. An ARM has none there, but
// numbers of who made it and of what it is.
func parseBrand(cpuinfo string) string {
	for _, key := range []string{"model name", "uarch"} {
		if names := field(cpuinfo, key); len(names) > 0 {
			return names[0]
		}
	}
	maker, part := field(cpuinfo, "CPU implementer"), field(cpuinfo, "CPU part")
	if len(maker) == 0 || len(part) == 0 {
		return ""
	}
	return "implementer " + maker[0] + " part " + part[0]
}

// parseMHz finds the fastest clock in /proc/cpuinfo.
func parseMHz(cpuinfo string) float64 {
	var fastest float64
	for _, mhz := range field(cpuinfo, "cpu MHz") {
		fastest = max(fastest, number(mhz))
	}
	return fastest
}

// parseList counts what a list such as "0-3,8" holds.
func parseList(text string) int {
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 16)
		if err != nil {
			return 0
		}
		last := first
		if isRange {
			if last, err = strconv.ParseUint(to, 10, 16); err != nil || last < first {
				return 0
			}
		}
		n += int(last-first) + 1
	}
	return n
}

// parseSize reads bytes, such as "32K" or "1M".
func parseSize(text string) int {
	text = strings.TrimSpace(text)
	unit := uint64(1)
	switch {
	case strings.HasSuffix(text, "K"):
		unit = 1 << 10
	case strings.HasSuffix(text, "M"):
		unit = 1 << 20
	case strings.HasSuffix(text, "G"):
		unit = 1 << 30
	}
	n := count(strings.TrimRight(text, "KMG"))
	if n > math.MaxInt32/unit {
		return 0
	}
	return int(n * unit)
}

// parseSwitch reads a switch, of which on and off are the texts.
func parseSwitch(text, on, off string) string {
	switch strings.TrimSpace(text) {
	case on:
		return "on"
	case off:
		return "off"
	}
	return ""
}

// parseSelected finds the choice in brackets: "always [madvise] never".
func parseSelected(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	choice, _, ok := strings.Cut(rest, "]")
	if !ok {
		return ""
	}
	return clean(choice)
}

// parsePressure finds the share of 10 s in which some task waited.
func parsePressure(text string) float64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "some avg10="); ok {
			value, _, _ := strings.Cut(rest, " ")
			return number(value)
		}
	}
	return 0
}

// parseStat reads the line of all CPUs in /proc/stat: user, nice, system, idle,
// iowait, irq, softirq and steal. What follows is counted in user and nice.
func parseStat(text string) CPUTime {
	line, _, _ := strings.Cut(text, "\n")
	columns := strings.Fields(line)
	if len(columns) < 9 || columns[0] != "cpu" {
		return CPUTime{}
	}
	var t CPUTime
	for _, ticks := range columns[1:9] {
		t.total += count(ticks)
	}
	t.steal = count(columns[8])
	return t
}

// cacheFiles reads the caches of CPU 0 in /sys.
func cacheFiles(root fs.FS) Caches {
	var c Caches
	dirs, err := fs.Glob(root, "sys/devices/system/cpu/cpu0/cache/index*")
	if err != nil {
		return c
	}
	for _, dir := range dirs {
		size := parseSize(read(root, path.Join(dir, "size")))
		level := strings.TrimSpace(read(root, path.Join(dir, "level")))
		kind := strings.TrimSpace(read(root, path.Join(dir, "type")))
		switch {
		case kind == "Instruction":
		case level == "1":
			c.L1D = size
		case level == "2":
			c.L2 = size
		case level == "3":
			c.L3 = size
		}
	}
	return c
}
