// Command optbench measures how fast fused optimizer updates run on this
// machine, beside the physical limit measured in the same run.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
