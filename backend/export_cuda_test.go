//go:build cuda && linux && (amd64 || arm64)

package backend

// LimitGrids makes plans that are bound from now on launch so many blocks at most,
// and returns what undoes it.
func LimitGrids(blocks int) (undo func()) {
	was := mostBlocks
	mostBlocks = blocks
	return func() { mostBlocks = was }
}

// Hurry makes barriers of plans that are bound from now on give up after so many
// looks, and returns what undoes it.
func Hurry(looks uint64) (undo func()) {
	was := patience
	patience = looks
	return func() { patience = was }
}
