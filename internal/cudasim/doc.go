//go:build !cuda || !linux || !(amd64 || arm64)

// Package cudasim is empty in a program that is built without CUDA.
package cudasim
