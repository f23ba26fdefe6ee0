//go:build cuda && linux && (amd64 || arm64)

package backend

// LimitGrids makes plans that are bound from now on launch so many blocks at most,
// and returns what undoes it.
func LimitGrids(blocks int) (undo func()) {
	was := mostBlocks
	mostBlocks = blocks
	return func() { mostBlocks = was }
}
