//go:build cuda && linux && (amd64 || arm64)

package backend_test

import (
	"os"
	"strings"

	"github.com/optbench/optbench/internal/cudasim"
)

// Where no device is asked for, the tests run on one that is simulated, small enough
// that tensors of both sizes occur: those that fit its cache and those that do not.
func init() {
	if strings.Contains(os.Getenv("OPTBENCH_REQUIRE"), "cuda:0") {
		return
	}
	device := cudasim.Device{Name: "PTX interpreter", Multiprocessors: 3, Blocks: 2, L2: 400 << 10, Memory: 1 << 30}
	if err := cudasim.Install(device); err != nil {
		panic(err)
	}
}
