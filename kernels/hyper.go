package kernels

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Hyperparameters are the exported fields of an update's struct. A field's json
// tag is its name on the command line and in records, and its range tag says
// which values make sense: an interval such as "[0,1)", or for a string the words
// to choose from, "zeros|xavier|he". Without a range tag any finite number will do.

// A Param is a hyperparameter and its value.
type Param struct {
	Name  string
	Value string
	Range string // "" where anything goes
}

// Params lists the hyperparameters of u, in the order of its fields.
func Params(u any) []Param {
	v := reflect.Indirect(reflect.ValueOf(u))
	if v.Kind() != reflect.Struct {
		return nil
	}
	var out []Param
	for i := range v.NumField() {
		f := v.Type().Field(i)
		p := Param{Name: f.Tag.Get("json"), Range: f.Tag.Get("range")}
		switch x := v.Field(i).Interface().(type) {
		case float64:
			p.Value = strconv.FormatFloat(x, 'g', -1, 64)
		default:
			p.Value = fmt.Sprint(x)
		}
		out = append(out, p)
	}
	return out
}

// Check reports the first hyperparameter of u that is outside its range.
func Check(u any) error {
	v := reflect.Indirect(reflect.ValueOf(u))
	if v.Kind() != reflect.Struct {
		return nil // an update of another package's, without any
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		r := f.Tag.Get("range")
		var ok bool
		want := r
		switch x := v.Field(i).Interface().(type) {
		case float64:
			ok = finite(x) && within(x, r)
			if r == "" {
				want = "a finite number"
			}
		case int:
			ok = within(float64(x), r)
		case string:
			ok = slices.Contains(strings.Split(r, "|"), x)
			want = words(r)
		default:
			continue
		}
		if !ok {
			return fmt.Errorf("%s is %v, want %s", f.Tag.Get("json"), v.Field(i), want)
		}
	}
	return nil
}

// words lists the choices of a range such as "zeros|xavier|he".
func words(r string) string { return "one of " + strings.ReplaceAll(r, "|", ", ") }

// within reports whether x lies in an interval such as "[0,1)"; "" is the line.
func within(x float64, interval string) bool {
	if interval == "" {
		return true
	}
	lo, hi, _ := strings.Cut(interval[1:len(interval)-1], ",")
	a, b := bound(lo), bound(hi)
	aboveLo := x > a || interval[0] == '[' && x == a
	belowHi := x < b || interval[len(interval)-1] == ']' && x == b
	return aboveLo && belowHi
}

func bound(s string) float64 {
	if s == "inf" {
		return math.Inf(1)
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN() // no value is within it: the table test of ranges fails
	}
	return x
}

// Parse returns the update that a text such as "adamw" or
// "adamw:lr=3e-4:weight_decay=0.1" names: a definition's name, then the
// hyperparameters that differ from its default.
func Parse(text string) (Update, error) { return ParseAmong("update", defaults(), text) }

// Format returns the text that [Parse] turns into u: the name, then what
// differs from the default.
func Format(u Update) string { return FormatAmong(defaults(), u) }

// defaults are the updates that a name alone means.
func defaults() []Update {
	var out []Update
	for _, d := range All() {
		out = append(out, d.Cases[0])
	}
	return out
}

// A Named thing is a struct of hyperparameters with a name, such as an [Update].
type Named interface{ Name() string }

// ParseAmong returns the one of defaults that a text names, with the settings
// that follow the name. Kind is the word for it in errors.
func ParseAmong[N Named](kind string, defaults []N, text string) (N, error) {
	var none N
	name, rest, more := strings.Cut(text, ":")
	i := slices.IndexFunc(defaults, func(n N) bool { return n.Name() == name })
	if i < 0 {
		var names []string
		for _, n := range defaults {
			names = append(names, n.Name())
		}
		return none, fmt.Errorf("unknown %s %q, want one of %s", kind, name, strings.Join(names, ", "))
	}
	v := reflect.New(reflect.TypeOf(defaults[i])).Elem()
	v.Set(reflect.ValueOf(defaults[i]))
	if more {
		for _, setting := range strings.Split(rest, ":") {
			if err := set(v, setting); err != nil {
				return none, fmt.Errorf("%s %q: %w", kind, text, err)
			}
		}
	}
	n := v.Interface().(N)
	if err := Check(n); err != nil {
		return none, fmt.Errorf("%s %q: %w", kind, text, err)
	}
	return n, nil
}

// FormatAmong returns the text that [ParseAmong] turns into n.
func FormatAmong[N Named](defaults []N, n N) string {
	text := n.Name()
	var params []Param
	if i := slices.IndexFunc(defaults, func(d N) bool { return d.Name() == text }); i >= 0 {
		params = Params(defaults[i])
	}
	for i, p := range Params(n) {
		if i >= len(params) || p.Value != params[i].Value {
			text += ":" + p.Name + "=" + p.Value
		}
	}
	return text
}

// With returns x with a hyperparameter changed.
func With[N Named](x N, name string, value float64) (N, error) {
	v := reflect.New(reflect.TypeOf(x)).Elem()
	v.Set(reflect.ValueOf(x))
	if err := set(v, name+"="+strconv.FormatFloat(value, 'g', -1, 64)); err != nil {
		return x, fmt.Errorf("%s: %w", x.Name(), err)
	}
	out := v.Interface().(N)
	if err := Check(out); err != nil {
		return x, fmt.Errorf("%s: %w", x.Name(), err)
	}
	return out, nil
}

// set assigns "name=value" to the field of that name.
func set(v reflect.Value, setting string) error {
	key, value, ok := strings.Cut(setting, "=")
	if !ok {
		return fmt.Errorf("%q is not a setting, want name=value", setting)
	}
	var names []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		names = append(names, name)
		if name != key {
			continue
		}
		var err error
		switch x := v.Field(i).Addr().Interface().(type) {
		case *float64:
			*x, err = strconv.ParseFloat(value, 64)
		case *int:
			*x, err = whole(value)
		case *bool:
			*x, err = strconv.ParseBool(value)
		case *string:
			*x = value
		case encoding.TextUnmarshaler:
			err = x.UnmarshalText([]byte(value))
		}
		if err != nil {
			return fmt.Errorf("%s is %q, want %s", key, value, kind(v.Field(i)))
		}
		return nil
	}
	return fmt.Errorf("no hyperparameter %q, want one of %s", key, strings.Join(names, ", "))
}

// whole reads a whole number, also one that is written as 1e6.
func whole(s string) (int, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err == nil && (x != math.Trunc(x) || math.Abs(x) > 1<<53) {
		err = strconv.ErrRange
	}
	return int(x), err
}

func kind(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Float64:
		return "a number"
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	}
	return "one of " + strings.Join(correctionNames[:], ", ")
}
