// Package axis reads the axis language of the command line: -a name=value,value.
//
// An axis is a name and the values to measure it at. Whole numbers may be written
// as people write them (1e6, 64Ki, 2^20) or as ranges (2^[12:26:2]).
package axis

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxInt is the greatest whole number accepted: up to it a float64, and so
	// every reader of JSON, keeps whole numbers exactly.
	maxInt = 1 << 53

	// maxValues is the most that one axis may have, against a slip in a range.
	maxValues = 1000

	wantInt   = "a positive whole number such as 1e6, 2^20 or 2^[12:26:2]"
	wantFloat = "a finite number, zero or more, such as 0.5 or 1e-3"
)

// Parse splits name=v1,v2,... into the name and its values, at least one, none of
// them empty. What the values mean is for the axis to say: see [Ints], [Floats]
// and [Choose].
func Parse(arg string) (name string, values []string, err error) {
	name, list, ok := strings.Cut(arg, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return "", nil, fmt.Errorf("axis: got %q, want name=value,value such as n=1e6,2^20", arg)
	}
	values = strings.Split(list, ",")
	for i, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			return "", nil, fmt.Errorf("axis %s: got an empty value in %q, want name=value,value such as n=1e6,2^20", name, arg)
		}
		if strings.LastIndex(v, "[") > strings.LastIndex(v, "]") {
			return "", nil, fmt.Errorf("axis %s: got a bracket open at the end of %q, want a range such as 2^[12:26:2]; commas separate values and cannot stand inside one", name, v)
		}
		values[i] = v
	}
	return name, values, nil
}

// Ints reads whole numbers from 1 to 2^53, in the order given, repeats removed:
//
//	1000  2.5e7              plain or scientific
//	64k 1M 2G  64Ki 1Mi 2Gi  times 10^3, 10^6, 10^9; 2^10, 2^20, 2^30
//	2^20                     a power
//	[1:8] [1:9:2]            a range, both ends included, in steps of one or as said
//	2^[12:26:2]              powers over a range of exponents
func Ints(values []string) ([]int64, error) {
	var ns []int64
	for _, v := range values {
		some, err := expand(v)
		if err != nil {
			return nil, fmt.Errorf("got %q: %w; want %s", v, err, wantInt)
		}
		if ns = append(ns, some...); len(ns) > maxValues {
			return nil, fmt.Errorf("got more than %d values, want fewer: use a greater step or several runs", maxValues)
		}
	}
	return Unique(ns), nil
}

// Floats reads finite numbers that are zero or more, in the order given, repeats
// removed.
func Floats(values []string) ([]float64, error) {
	if len(values) > maxValues {
		return nil, fmt.Errorf("got %d values, want at most %d", len(values), maxValues)
	}
	var xs []float64
	for _, v := range values {
		x, err := strconv.ParseFloat(v, 64)
		switch {
		case math.IsNaN(x) || math.IsInf(x, 0):
			err = fmt.Errorf("%v is not finite", x)
		case err != nil:
			err = fmt.Errorf("%q is not a number", v)
		case x < 0:
			err = fmt.Errorf("%v is negative", x)
		}
		if err != nil {
			return nil, fmt.Errorf("got %q: %w; want %s", v, err, wantFloat)
		}
		xs = append(xs, x+0) // -0 becomes 0
	}
	return Unique(xs), nil
}

// FormatInt returns the shortest of the plain form of n, its scientific form and
// its form as a power of two: 12345, 2.5e7, 2^20. Where two are as short, the
// plain one wins, then the scientific one. [Ints] reads it back.
func FormatInt(n int64) string {
	plain := strconv.FormatInt(n, 10)
	if n <= 0 {
		return plain
	}
	digits := strings.TrimRight(plain, "0")
	scientific := digits[:1]
	if len(digits) > 1 {
		scientific += "." + digits[1:]
	}
	scientific += "e" + strconv.Itoa(len(plain)-1)
	forms := []string{plain, scientific}
	if n&(n-1) == 0 {
		forms = append(forms, "2^"+strconv.Itoa(bits.TrailingZeros64(uint64(n))))
	}
	return slices.MinFunc(forms, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

// FormatFloat returns x with at most so many significant digits, in the plain form
// or in the scientific one: 1500, 0.012, 1.23e-5, 2e6. Whole numbers of up to five
// digits keep them all.
func FormatFloat(x float64, digits int) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e5 {
		digits = max(digits, 5)
	}
	scientific := strconv.FormatFloat(x, 'e', digits-1, 64)
	mantissa, exponent, ok := strings.Cut(scientific, "e")
	if !ok {
		return scientific // an infinity, or no number
	}
	rounded, _ := strconv.ParseFloat(scientific, 64) // it was formatted here
	plain := strconv.FormatFloat(rounded, 'f', -1, 64)
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	short := mantissa + "e" + sign + strings.TrimLeft(exponent, "+-0")
	if len(plain) < len(short) || len(plain) <= 5 {
		return plain
	}
	return short
}

// expand reads one item of the language: a number, a power, or a range of either.
func expand(item string) ([]int64, error) {
	base, exponent, power := strings.Cut(item, "^")
	if !power {
		return span(item, 1)
	}
	b, err := whole(base, 1)
	if err != nil {
		return nil, err
	}
	exponents, err := span(exponent, 0)
	if err != nil {
		return nil, err
	}
	ns := make([]int64, len(exponents))
	for i, e := range exponents {
		n := int64(1)
		for range min(e, 64) { // 2^64 is too great already, and 1 stays 1
			if n > maxInt/b {
				return nil, fmt.Errorf("%d^%d is above 2^53", b, e)
			}
			n *= b
		}
		ns[i] = n
	}
	return ns, nil
}

// span reads a number, or a range [low:high:step] of them, none below least.
func span(s string, least int64) ([]int64, error) {
	inner, open := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !open || !closed {
		n, err := whole(s, least)
		if err != nil {
			return nil, err
		}
		return []int64{n}, nil
	}
	parts := strings.Split(inner, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return nil, fmt.Errorf("%s is not [low:high] or [low:high:step]", s)
	}
	low, err := whole(parts[0], least)
	if err != nil {
		return nil, err
	}
	high, err := whole(parts[1], least)
	if err != nil {
		return nil, err
	}
	step := int64(1)
	if len(parts) == 3 {
		if step, err = whole(parts[2], 1); err != nil {
			return nil, err
		}
	}
	if low > high {
		return nil, fmt.Errorf("%s runs from %d down to %d", s, low, high)
	}
	if count := (high-low)/step + 1; count > maxValues {
		return nil, fmt.Errorf("%s has %d values, more than %d", s, count, maxValues)
	}
	var ns []int64
	for n := low; n <= high; n += step {
		ns = append(ns, n)
	}
	return ns, nil
}

var (
	number = regexp.MustCompile(`^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?)(k|M|G|Ki|Mi|Gi)?$`)
	unit   = map[string]int64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
)

// whole reads one number from least to 2^53. It computes exactly: what is not
// whole is refused, however close it is.
func whole(s string, least int64) (int64, error) {
	m := number.FindStringSubmatch(s)
	if m == nil {
		if x, err := strconv.ParseFloat(s, 64); err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return 0, fmt.Errorf("%v is not finite", x)
		}
		return 0, fmt.Errorf("%q is not a number", s)
	}
	if len(m[2]) > 4 { // a power of ten that would fill the memory
		return 0, fmt.Errorf("the exponent %s is out of range", m[2])
	}
	x, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	x.Mul(x, new(big.Rat).SetInt64(unit[m[3]]))
	switch {
	case x.Cmp(new(big.Rat).SetInt64(least)) < 0 && x.IsInt():
		return 0, fmt.Errorf("%s is below %d", s, least)
	case x.Cmp(new(big.Rat).SetInt64(maxInt)) > 0:
		return 0, fmt.Errorf("%s is above 2^53", s)
	case !x.IsInt():
		return 0, fmt.Errorf("%s is not whole", s)
	}
	return x.Num().Int64(), nil
}

// Unique removes repeats and keeps the order of first appearance.
func Unique[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	return slices.DeleteFunc(values, func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}
