package converge

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/optbench/optbench/backend"
	"github.com/optbench/optbench/harness/method"
	"github.com/optbench/optbench/harness/record"
)

// saveEvery is how often a run that takes long is saved.
const saveEvery = 30 * time.Second

// States keeps runs that are under way in a folder, a file each: on its first line
// what was recorded of the run so far, then its arrays. A run that goes on from
// there ends with the same bits as one that was never interrupted.
type States struct {
	Folder string
	Build  string // of the program: another may compute other bits
	Resume bool   // take up what is there; else it is written over
}

// Close removes the folder if nothing is kept there.
func (s *States) Close() {
	if info, err := os.Stat(s.Folder); err == nil && info.IsDir() {
		_ = os.Remove(s.Folder) // fails where there is something in it
	}
}

// saved is the first line of a file.
type saved struct {
	Build  string             `json:"build"`
	Record record.Convergence `json:"record"`
	Cost   method.Cost        `json:"cost"`
	Past   time.Duration      `json:"past"`
}

// path is where the state of a run is kept.
func (s *States) path(k Key) (string, error) {
	text, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	return filepath.Join(s.Folder, fmt.Sprintf("%.8x.state", sha256.Sum256(text))), nil
}

// part is how many elements are read and written at a time: whole blocks.
const part = 1 << 20

// save keeps the run, if it can be kept.
func (r *running) save() (err error) {
	arrays, ok := r.stepper.State()
	if r.runner.States == nil || !ok {
		return nil
	}
	path, err := r.runner.States.path(r.key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.runner.States.Folder, 0o777); err != nil {
		return fmt.Errorf("keep the run: %w", err)
	}
	f, err := os.CreateTemp(r.runner.States.Folder, "*.tmp")
	if err != nil {
		return fmt.Errorf("keep the run: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("keep the run: %w", err), os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	first, err := json.Marshal(saved{r.runner.States.Build, *r.Convergence, r.cost, r.past})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = w.Write(append(first, '\n'))
	for _, b := range append([]backend.Buffer{r.x.Buffer}, arrays...) {
		err = errors.Join(err, eachPart(b, func(b backend.Buffer, raw []byte) error {
			if err := b.Read(raw); err != nil {
				return err
			}
			_, err := w.Write(raw)
			return err
		}))
	}
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// eachPart calls f for consecutive parts of a buffer, with room for their bytes.
func eachPart(b backend.Buffer, f func(part backend.Buffer, raw []byte) error) error {
	raw := make([]byte, b.DType().Bytes(min(part, b.Len())))
	for at := 0; at < b.Len(); at += part {
		n := min(part, b.Len()-at)
		if err := f(b.Slice(at, at+n), raw[:b.DType().Bytes(n)]); err != nil {
			return err
		}
	}
	return nil
}

// resume takes the run up where it was saved, if it was. It reports whether.
func (r *running) resume() (bool, error) {
	arrays, ok := r.stepper.State()
	if r.runner.States == nil || !r.runner.States.Resume || !ok {
		return false, nil
	}
	path, err := r.runner.States.path(r.key)
	if err != nil {
		return false, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take the run up: %w", err)
	}
	defer f.Close() // nothing was written
	in := bufio.NewReaderSize(f, 1<<20)
	first, err := in.ReadBytes('\n')
	if err != nil {
		return false, fmt.Errorf("take the run up: %s: %w; remove it to begin anew", path, err)
	}
	var s saved
	if err := json.Unmarshal(first, &s); err != nil || s.Record.Case != r.Case || s.Record.Seed != r.Seed {
		return false, fmt.Errorf("take the run up: %s is not of this run; remove it to begin anew", path)
	}
	if s.Build != r.runner.States.Build {
		return false, fmt.Errorf("take the run up: %s was kept by build %s, and this is %s; remove it to begin anew", path, s.Build, r.runner.States.Build)
	}
	for _, b := range append([]backend.Buffer{r.x.Buffer}, arrays...) {
		err := eachPart(b, func(b backend.Buffer, raw []byte) error {
			if _, err := io.ReadFull(in, raw); err != nil {
				return err
			}
			return b.Write(raw)
		})
		if err != nil {
			return false, fmt.Errorf("take the run up: %s: %w; remove it to begin anew", path, err)
		}
	}
	id := r.Run
	*r.Convergence = s.Record
	r.Run, r.cost, r.past = id, s.Cost, s.Past
	return true, nil
}

// forget removes the state of a run that has ended.
func (r *Runner) forget(k Key) error {
	if r.States == nil {
		return nil
	}
	path, err := r.States.path(k)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the run: %w", err)
	}
	return nil
}
