package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Writer appends records to a file, whole lines at a time: a program that is
// killed loses at most the line it was writing.
type Writer struct {
	file *os.File
	size int64 // of the file, whole lines alone
}

// OpenWriter opens a file to append to, and makes it where there is none. A file
// that holds something else than records of this schema is refused. A last line
// that was torn is ended, so that readers can drop it.
func OpenWriter(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open for records: %w", err)
	}
	w := &Writer{file: f}
	if err := w.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s for records: %w", path, err), f.Close())
	}
	return w, nil
}

func (w *Writer) prepare() error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // a pipe or a device has no past
	}
	w.size = info.Size()
	if w.size == 0 {
		return nil
	}
	if err := checkFirstLine(w.file, w.size); err != nil {
		return err
	}
	last := make([]byte, 1)
	if _, err := w.file.ReadAt(last, w.size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	return w.append([]byte("\n"))
}

// checkFirstLine refuses a file whose first line is of another kind. A line
// without an end, in a file that has no other, is one that was torn.
func checkFirstLine(f io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 1<<20))
	if _, err := f.ReadAt(head, 0); err != nil {
		return err
	}
	line, _, whole := bytes.Cut(head, []byte("\n"))
	if !whole {
		if bytes.HasPrefix(line, []byte(`{"schema":"`+Schema+`"`)) {
			return nil
		}
		return fmt.Errorf("it holds something else, want an empty file or %s records", Schema)
	}
	var h header
	if json.Unmarshal(line, &h) != nil || h.Schema == "" {
		return fmt.Errorf("it holds something else, want an empty file or %s records", Schema)
	}
	if h.Schema != Schema {
		return fmt.Errorf("its records are of schema %q, want %s", h.Schema, Schema)
	}
	return nil
}

// Write appends a record. Where it fails, the file keeps what it had before.
func (w *Writer) Write(record any) error {
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("store a record in %s: %w", w.file.Name(), err)
	}
	return w.append(append(line, '\n'))
}

func (w *Writer) append(line []byte) error {
	if n, err := w.file.Write(line); err != nil {
		if n > 0 {
			// What cannot be cut away is a torn line, which readers drop.
			_ = w.file.Truncate(w.size)
		}
		return fmt.Errorf("store a record: %w; it is lost, those before it are kept", err)
	}
	w.size += int64(len(line))
	return nil
}

// Close makes sure that the records are on disk.
func (w *Writer) Close() error {
	err := w.file.Sync()
	if errors.Is(err, errors.ErrUnsupported) || !w.regular() {
		err = nil // pipes and devices cannot be synced
	}
	if err := errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("close the records: %w", err)
	}
	return nil
}

func (w *Writer) regular() bool {
	info, err := w.file.Stat()
	return err == nil && info.Mode().IsRegular()
}
