package pairs

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
)

// stamps are the sections that say how an executable was built, and are no part of
// what it does.
var stamps = []string{".note.go.buildid", ".note.gnu.build-id", ".go.buildinfo"}

// digest identifies the code and data of an executable: what is loaded of an ELF
// file, but for stamps; all of any other.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("identify the code: %w", err)
	}
	defer f.Close() // nothing was written
	h := sha256.New()
	sum := func() string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }
	x, err := elf.NewFile(f)
	if err != nil {
		if _, err := io.Copy(h, f); err != nil {
			return "", fmt.Errorf("identify the code: %w", err)
		}
		return sum(), nil
	}
	for _, s := range x.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || slices.Contains(stamps, s.Name) {
			continue
		}
		fmt.Fprintf(h, "%s %d %d %d\n", s.Name, s.Type, s.Addr, s.Size) // a hash does not fail
		if s.Type == elf.SHT_NOBITS {
			continue
		}
		if _, err := io.Copy(h, s.Open()); err != nil {
			return "", fmt.Errorf("identify the code: %w", err)
		}
	}
	return sum(), nil
}

// Identical reports whether two sides are known to run the same code on the same
// data: they are executables that differ in stamps at most.
func Identical(a, b *Side) bool {
	return !a.command && !b.command && a.Digest != "" && a.Digest == b.Digest && slices.Equal(a.Args[1:], b.Args[1:])
}
