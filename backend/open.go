package backend

import (
	"errors"
	"fmt"
	"strings"
)

// Options say how to open a backend. The zero value is what most want.
type Options struct {
	// Threads is the number of workers on a CPU, the calling goroutine among
	// them. 0 means all that the process may use: its affinity mask, bounded by
	// the quota of its control group.
	Threads int
}

// A Listing is a backend that this binary knows.
type Listing struct {
	Name    string
	Missing string // why it cannot be opened; "" where it can
}

// List returns every backend that this binary knows, best first.
func List() []Listing { return cpuList() }

// Names returns the names of [List].
func Names() []string {
	var names []string
	for _, l := range List() {
		names = append(names, l.Name)
	}
	return names
}

// Open opens the first backend in names that is available. A name is one of
// [Names], or "cpu" for the best of the CPU; no name at all means "cpu".
func Open(names ...string) (Backend, error) { return Options{}.Open(names...) }

// Open is [Open] with options.
func (o Options) Open(names ...string) (Backend, error) {
	if len(names) == 0 {
		names = []string{"cpu"}
	}
	var errs []error
	for _, name := range names {
		b, err := o.open(name)
		if err == nil {
			return b, nil
		}
		errs = append(errs, fmt.Errorf("open %s: %w", name, err))
	}
	return nil, errors.Join(errs...)
}

func (o Options) open(name string) (Backend, error) {
	device, _, _ := strings.Cut(name, ":")
	for _, l := range List() {
		if l.Name != name && !(name == "cpu" && l.Missing == "" && device == "cpu") {
			continue
		}
		if l.Missing != "" {
			return nil, fmt.Errorf("%w: %s", ErrUnavailable, l.Missing)
		}
		return openCPU(l.Name, o)
	}
	return nil, fmt.Errorf("%w: unknown name, want cpu or one of %s", ErrUnavailable, strings.Join(Names(), ", "))
}
