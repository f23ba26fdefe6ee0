//go:build !cuda || !linux || !(amd64 || arm64)

package backend

func cudaList() []Listing {
	return []Listing{{Name: "cuda:0", Missing: "this program was built without CUDA, want make build, on Linux"}}
}

// openCUDA is for nobody: what cudaList lists is not available.
func openCUDA(Listing) (Backend, error) { return nil, ErrUnavailable }
