package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine bounds a line, which holds all samples of a case: some are far longer
// than the 64 KiB of a bufio.Scanner, none comes near this.
const maxLine = 64 << 20

// maxFile bounds what is read in all: a file is held in memory.
const maxFile = 1 << 30

// A File is what a file of records holds.
type File struct {
	Runs        []Run
	Throughput  []Throughput
	Convergence []Convergence
	Comparison  []Comparison
	Selftest    []Selftest
	Claims      []Claim
	Notices     []string // what was passed over, for the user to know
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
	rd := reader{name: name, runs: map[string]bool{}}
	lines := bufio.NewReader(r)
	var total int64
	var junk error // of a line that may prove to be the last
	for {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: line %d: %w", name, rd.line+1, err)
		}
		last := err != nil
		rd.line++
		if total += int64(len(line)); total > maxFile {
			return nil, fmt.Errorf("%s: more than %d MiB, want less: split it by runs", name, maxFile>>20)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if junk != nil {
				return nil, junk
			}
			err := rd.record(text)
			if err != nil {
				err = fmt.Errorf("%s: line %d: %w", name, rd.line, err)
			}
			if errors.Is(err, errJunk) {
				junk = err // forgiven at the end: a crash can leave anything there
			} else if err != nil {
				return nil, err
			}
		}
		if last {
			break
		}
	}
	if junk != nil {
		if rd.count() == 0 {
			return nil, junk
		}
		rd.torn++
		rd.tornLine = rd.line
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
	name     string
	line     int
	runs     map[string]bool
	kinds    int // records of unknown ones
	torn     int
	tornLine int // the last of them
}

func (rd *reader) record(text []byte) error {
	rec, err := decode(text)
	if errors.Is(err, errJunk) && text[0] == '{' {
		rd.torn++
		rd.tornLine = rd.line
		return nil
	}
	if err != nil {
		return err
	}
	switch rec := rec.(type) {
	case *Run:
		if rd.runs[rec.ID] {
			return fmt.Errorf("run %.20q is in the file already: its measurements would count twice, remove one", rec.ID)
		}
		rd.runs[rec.ID] = true
		rd.Runs = append(rd.Runs, *rec)
	case *Throughput:
		rd.Throughput = append(rd.Throughput, *rec)
	case *Convergence:
		rd.Convergence = append(rd.Convergence, *rec)
	case *Comparison:
		rd.Comparison = append(rd.Comparison, *rec)
	case *Selftest:
		rd.Selftest = append(rd.Selftest, *rec)
	case *Claim:
		rd.Claims = append(rd.Claims, *rec)
	case string:
		rd.kinds++
	}
	return nil
}

func (rd *reader) notice(format string, args ...any) {
	rd.Notices = append(rd.Notices, rd.name+": "+fmt.Sprintf(format, args...))
}

// count returns how many records of known kinds there are.
func (f *File) count() int {
	return len(f.Runs) + len(f.Throughput) + len(f.Convergence) + len(f.Comparison) + len(f.Selftest) + len(f.Claims)
}

// finish gives one notice for each thing that was passed over, however often.
func (rd *reader) finish() (*File, error) {
	if rd.count()+rd.kinds == 0 {
		return nil, fmt.Errorf("%s: no records, want a file that optbench run -o wrote", rd.name)
	}
	switch {
	case rd.torn == 1:
		rd.notice("line %d: the record is torn (its run was cut off) and left out", rd.tornLine)
	case rd.torn > 1:
		rd.notice("%d records are torn (their runs were cut off) and left out, the last in line %d", rd.torn, rd.tornLine)
	}
	if rd.kinds > 0 {
		rd.notice("records of kinds that this version does not know are left out: %d", rd.kinds)
	}
	orphans, orphan := 0, ""
	known := func(run string) {
		if !rd.runs[run] {
			orphans, orphan = orphans+1, run
		}
	}
	for i := range rd.Throughput {
		known(rd.Throughput[i].Run)
	}
	for i := range rd.Convergence {
		known(rd.Convergence[i].Run)
	}
	for i := range rd.Claims {
		known(rd.Claims[i].Run)
	}
	if orphans > 0 {
		rd.notice("run %.20q has no record of its own (%d measurements of such runs are kept)", orphan, orphans)
	}
	return &rd.File, nil
}
