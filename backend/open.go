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
	GPU     *GPU   // of a device of its own
}

// List returns every backend that this binary knows: those of the CPU, best first,
// then devices. It starts their driver, which may take a second.
func List() []Listing { return append(cpuList(), cudaList()...) }

// Names returns the names of backends without looking for devices: of those, that
// of the first.
func Names() []string {
	var names []string
	for _, l := range cpuList() {
		names = append(names, l.Name)
	}
	return append(names, "cuda:0")
}

// Lookup returns the backend of a name as [Open] understands it, or false where
// there is none. It looks for devices only where the name is of one.
func Lookup(name string) (Listing, bool) {
	list := cpuList()
	if strings.HasPrefix(name, "cuda:") {
		list = cudaList()
	}
	for _, l := range list {
		if l.Name == name || name == "cpu" && l.Missing == "" {
			return l, true
		}
	}
	return Listing{}, false
}

// Open opens the first backend in names that is available. A name is one of
// [List], or "cpu" for the best of the CPU; no name at all means "cpu".
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
	l, ok := Lookup(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: unknown name, want cpu or one of %s", ErrUnavailable, strings.Join(Names(), ", "))
	case l.Missing != "":
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, l.Missing)
	case strings.HasPrefix(l.Name, "cuda:"):
		return openCUDA(l)
	}
	return openCPU(l.Name, o)
}
