package record

import (
	"bufio"
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
	torn bool // the file ends in part of a line
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
	size := info.Size()
	if size == 0 {
		return nil
	}
	if err := checkFirstLine(io.NewSectionReader(w.file, 0, size)); err != nil {
		return err
	}
	last := make([]byte, 1)
	if _, err := w.file.ReadAt(last, size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	return w.append([]byte("\n"))
}

// checkFirstLine refuses a file whose first whole record is of another schema, and
// one that holds something else before it. Lines that were torn are passed over.
func checkFirstLine(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text := bytes.TrimSpace(line)
		var h header
		switch {
		case len(text) == 0 || text[0] == '{' && !json.Valid(text):
		case json.Unmarshal(text, &h) != nil || h.Schema == "":
			return fmt.Errorf("it holds something else, want an empty file or %s records", Schema)
		case h.Schema != Schema:
			return fmt.Errorf("its records are of schema %.40q, want %s", h.Schema, Schema)
		default:
			return nil
		}
		if err != nil {
			return nil
		}
	}
}

// Write appends a record, which must be one that Read accepts: a line that it
// refuses would make the whole file unreadable. Where Write fails, the file keeps
// what it had before.
func (w *Writer) Write(record any) error {
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("store a record in %s: %w", w.file.Name(), err)
	}
	if _, err := decode(line); err != nil {
		return fmt.Errorf("store a record in %s: it could not be read again: %w", w.file.Name(), err)
	}
	return w.append(append(line, '\n'))
}

func (w *Writer) append(line []byte) error {
	if w.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := w.file.Write(line)
	if err != nil {
		w.torn = w.torn || n > 0 && !w.cut(int64(n))
		return fmt.Errorf("store a record: %w; it is lost, those before it are kept", err)
	}
	w.torn = false
	return nil
}

// cut takes back the last n bytes that were written, and reports whether it could.
// Others may append to the file too: where they did meanwhile, what is theirs stays.
func (w *Writer) cut(n int64) bool {
	end, err := w.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	info, err := w.file.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() == end && w.file.Truncate(end-n) == nil
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
