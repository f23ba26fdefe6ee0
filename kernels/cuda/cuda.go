// Package cuda holds the kernels of package kernels for CUDA, as PTX that any
// driver from 2018 on compiles for its device, and what it takes to launch them.
// It is data and arithmetic: nothing here needs a device or a driver.
//
// A kernel is one small .cu file over the skeleton in update.cuh; make ptx writes
// the .ptx beside it. They give the same bits as the definitions.
package cuda

import (
	"embed"
	"fmt"
	"strings"

	"github.com/optbench/optbench/kernels"
)

//go:embed *.ptx
var files embed.FS

// PTX returns the module of a kernel or map, by its name. A noise and its form with
// a scale share one.
func PTX(name string) (string, error) {
	text, err := files.ReadFile(strings.TrimSuffix(name, "_scaled") + ".ptx")
	if err != nil {
		return "", fmt.Errorf("%s has no CUDA kernel", name)
	}
	return string(text), nil
}

// Entry returns the name of the entry of a pass within the module of its kernel:
// "adamw_f32", "lamb_norms_f32".
func Entry(f *kernels.Stored, pass string) string {
	if pass != "" {
		pass = "_" + pass
	}
	return f.Name + pass + "_" + strings.ReplaceAll(f.Storage.Name, "-", "_")
}

// MapEntry returns the name of the entry of a map within its module.
func MapEntry(m kernels.Map) string { return m.Name() + "_f64" }
