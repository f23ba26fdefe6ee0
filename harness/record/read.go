package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// maxLine bounds a line, which holds all samples of a case: some are far longer
// than the 64 KiB of a bufio.Scanner, none comes near this.
const maxLine = 64 << 20

// A File is what a file of records holds.
type File struct {
	Runs       []Run
	Throughput []Throughput
	Notices    []string // what was passed over, for the user to know
}

type header struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
}

// ReadFile reads a file of records.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	defer f.Close() // nothing was written
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read records: %s is a folder, want a file that optbench run -o wrote", path)
	}
	return Read(f, path)
}

// Read reads records; name is that of their source, for errors. Fields that are
// not known are ignored, as are kinds that are not known, with a notice. A line
// that was torn when its run was cut off is dropped, with a notice. Anything else
// that is not a record of this schema is an error that says where it is.
func Read(r io.Reader, name string) (*File, error) {
	rd := reader{name: name, runs: map[string]bool{}, kinds: map[string]int{}}
	lines := bufio.NewReader(r)
	for {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: line %d: %w", name, rd.line+1, err)
		}
		last := err != nil
		rd.line++
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := rd.record(text); err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", name, rd.line, err)
			}
		}
		if last {
			break
		}
	}
	return rd.finish()
}

// readLine reads a line of any length up to maxLine, its end included.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("longer than %d MiB, want a record", maxLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

type reader struct {
	File
	name  string
	line  int
	runs  map[string]bool
	kinds map[string]int // unknown ones
}

func (rd *reader) record(text []byte) error {
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		if text[0] != '{' {
			return fmt.Errorf("not a record of %s: it starts with %.20q", Schema, text[:min(len(text), 20)])
		}
		if json.Valid(text) {
			return fmt.Errorf("schema and kind: %w", err)
		}
		rd.notice("the record is torn (its run was cut off) and left out")
		return nil
	}
	if h.Schema != Schema {
		return fmt.Errorf("a record of schema %.40q, want %s", h.Schema, Schema)
	}
	switch h.Kind {
	case KindRun:
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("run: %w", err)
		}
		if r.ID == "" {
			return fmt.Errorf("run: no id")
		}
		rd.runs[r.ID] = true
		rd.Runs = append(rd.Runs, r)
	case KindThroughput:
		var t Throughput
		if err := json.Unmarshal(text, &t); err != nil {
			return fmt.Errorf("throughput: %w", err)
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("throughput: %w", err)
		}
		if !rd.runs[t.Run] {
			rd.notice(fmt.Sprintf("run %.20q has no record of its own", t.Run))
			rd.runs[t.Run] = true
		}
		rd.Throughput = append(rd.Throughput, t)
	default:
		rd.kinds[h.Kind]++
	}
	return nil
}

func (rd *reader) notice(text string) {
	rd.Notices = append(rd.Notices, fmt.Sprintf("%s: line %d: %s", rd.name, rd.line, text))
}

func (rd *reader) finish() (*File, error) {
	var unknown int
	for _, n := range rd.kinds {
		unknown += n
	}
	if unknown > 0 {
		rd.Notices = append(rd.Notices, fmt.Sprintf("%s: %d records of kinds that this version does not know are left out", rd.name, unknown))
	}
	if len(rd.Runs)+len(rd.Throughput)+unknown == 0 {
		return nil, fmt.Errorf("%s: no records, want a file that optbench run -o wrote", rd.name)
	}
	return &rd.File, nil
}

// check refuses numbers that no measurement gives.
func (t *Throughput) check() error {
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	switch {
	case t.Case.Update == "":
		return fmt.Errorf("no update")
	case t.Case.N < 1 || t.Case.Tensors < 1 || t.Case.Threads < 1:
		return fmt.Errorf("n is %d, tensors %d, threads %d, want 1 or more", t.Case.N, t.Case.Tensors, t.Case.Threads)
	case t.Case.Clip < 0:
		return fmt.Errorf("clip is %v, want 0 or more", t.Case.Clip)
	case t.Bytes < 1:
		return fmt.Errorf("bytes is %d, want 1 or more", t.Bytes)
	case len(t.Samples) == 0:
		return fmt.Errorf("no samples")
	case !positive(t.Median) || !positive(t.CI95[0]) || !positive(t.CI95[1]) || !positive(t.NSPerParam):
		return fmt.Errorf("median %v, interval %v, ns per parameter %v, want them above 0", t.Median, t.CI95, t.NSPerParam)
	case !positive(t.LimitBytesPerSecond) || !positive(t.LimitShare):
		return fmt.Errorf("limit %v B/s, share %v, want them above 0", t.LimitBytesPerSecond, t.LimitShare)
	}
	for i, s := range t.Samples {
		if !positive(s) {
			return fmt.Errorf("sample %d is %v s, want it above 0", i, s)
		}
	}
	return nil
}
